"""The installation on AWS: what it is told, the template, the records, the checks; nothing here reaches a network."""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cis_mcp.aws import bundle, costs, dns, rights, template
from cis_mcp.aws.boot import user_data
from cis_mcp.aws.clients import Clients
from cis_mcp.aws.findings import ANSWERED_BY_DESIGN, Finding
from cis_mcp.aws.options import (
    IDLE_FLAGS,
    REFERENCE_PARAMETERS,
    VARIABLES,
    InstallationOptions,
    ParameterRefusal,
    read,
)
from cis_mcp.aws.phases import Installation
from cis_mcp.aws.preflight import Preflight
from cis_mcp.aws.rules import Rules
from cis_mcp.cli.main import cli
from engine.refusals import Refused
from engine.settings import Settings
from engine.store.dynamodb.table import definition
from tests.cli.processes import run
from tests.support.awsstubs import Stubbed, client

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "invites.example.com"
GIVEN = {"domain": DOMAIN, "region": "eu-west-1"}
OPTIONS = InstallationOptions(domain=DOMAIN, region="eu-west-1")
ADMIN = "arn:aws:iam::111122223333:role/admin"
CERTIFICATE = "arn:aws:acm:eu-west-1:111122223333:certificate/1a2b"
SERVERLESS = {"form": "serverless", "image": "1.dkr.ecr.eu-west-1.amazonaws.com/cis:1"}

# what it is told


def test_flags_come_before_variables_and_parameters_between_them() -> None:
    environment = {"DOMAIN_NAME": "a.example.com", "AWS_REGION": "us-west-2", "DEPLOYMENT_NAME": "mine"}
    found = read({"region": "eu-west-1"}, environment, {"DomainName": "b.example.com"})
    assert (found.domain, found.region, found.stack) == ("b.example.com", "eu-west-1", "mine-prod")


@pytest.mark.parametrize("name", REFERENCE_PARAMETERS)
def test_each_parameter_of_the_reference_is_taken_or_refused_with_the_reason(name: str) -> None:
    values = {
        "HostedZoneId": "Z0123456789ABC",
        "Environment": "test",
        "Project": "mine",
        "DomainName": DOMAIN,
    }
    values |= {"ImportedSesS3Bucket": "my-bucket", "ImportedSesEmailIdentity": "true"}
    values["DynamoDbTableExists"] = "true"
    if name in {"ImportedApiDomainCertificate", "BurstLimit", "RateLimit"}:
        given = {"ImportedApiDomainCertificate": CERTIFICATE, "BurstLimit": "50", "RateLimit": "20"}[name]
        with pytest.raises(Refused, match=r"cannot be installed"):
            read(GIVEN, {}, {name: given})
        there = read({**GIVEN, **SERVERLESS}, {}, {name: given})
        assert given in {there.certificate, str(there.burst), str(there.rate)}
        return
    meant = REFERENCE_PARAMETERS[name]
    if isinstance(meant, ParameterRefusal):
        with pytest.raises(Refused, match=r"cannot be installed") as refused:
            read(GIVEN, {}, {name: "something"})
        assert meant.why in str(refused.value)
        assert read(GIVEN, {}, {name: ""}) == OPTIONS
    elif name == "DynamoDbTableName":
        there = {name: "mine", "DynamoDbTableExists": "true"}
        assert (read(GIVEN, {}, {name: "mine"}), read(GIVEN, {}, there).table) == (OPTIONS, "mine")
    else:
        assert read({"region": "eu-west-1"}, {"DOMAIN_NAME": DOMAIN}, {name: values[name]}) != OPTIONS or (
            name == "DomainName"
        )


@pytest.mark.parametrize("flag", [*IDLE_FLAGS, "--certificate-arn", "--image", "--use-container"])
async def test_each_flag_of_the_reference_is_taken_or_refused_with_the_reason(
    tmp_path: Path, flag: str
) -> None:
    value = [CERTIFICATE] if flag in {"--certificate-arn", "--image"} else []
    place = ["--region", "eu-west-1", "--domain-name", DOMAIN]
    code, out, err = await run(tmp_path, "aws", "costs", *place, flag, *value)
    if flag in IDLE_FLAGS:
        assert (code, f"{flag}: {IDLE_FLAGS[flag]}" in out) == (0, True)
    else:
        assert (code, "invalid_argument" in err) == (2, True)


def test_each_variable_of_the_reference_is_read() -> None:
    assert set(VARIABLES) >= {
        "AWS_PROFILE",
        "AWS_REGION",
        "DOMAIN_NAME",
        "DEPLOYMENT_NAME",
        "APP_ENVIRONMENT",
    }


@pytest.mark.parametrize(
    "flags",
    [
        {},
        {"domain": DOMAIN},
        {**GIVEN, "domain": "no domain"},
        {**GIVEN, "region": "nowhere"},
        {**GIVEN, "instance_type": "t3.small"},
        {**GIVEN, "subnet": "x"},
        {**GIVEN, "zone": "x"},
        {**GIVEN, "alarm_email": "x"},
        {**GIVEN, "form": "other"},
        {**GIVEN, "form": "serverless"},
        {**GIVEN, **SERVERLESS, "subnet": "subnet-0123456789"},
        {**GIVEN, **SERVERLESS, "certificate": "arn:aws:acm:us-east-1:111122223333:certificate/1a2b"},
        {**GIVEN, "image": "cis:1"},
    ],
)
def test_what_cannot_be_meant_is_refused(flags: dict[str, object]) -> None:
    with pytest.raises(Refused, match="cannot be installed"):
        read(flags, {}, {})


def test_an_unknown_parameter_is_refused() -> None:
    with pytest.raises(Refused, match="Nonsense is no parameter of either product"):
        read(GIVEN, {}, {"Nonsense": "1"})


# the template


def _resources(*, machine: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = template.build(machine=machine)["Resources"]
    return found


def test_the_template_fits_into_one_call_of_cloudformation() -> None:
    assert len(template.text()) < 51_200


def test_what_holds_data_is_encrypted_private_and_kept() -> None:
    found = _resources()
    for name in ("MailBucket", "DataVolume", "Identity"):
        assert (found[name]["DeletionPolicy"], found[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")
    bucket = found["MailBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert "AES256" in json.dumps(bucket["BucketEncryption"])
    assert "ExpirationInDays" not in bucket["LifecycleConfiguration"]["Rules"][0]
    assert found["DataVolume"]["Properties"]["Encrypted"] is True
    queues = {name: one["Properties"] for name, one in found.items() if one["Type"] == "AWS::SQS::Queue"}
    assert {name: one.get("SqsManagedSseEnabled") for name, one in queues.items()} == {
        "Queue": True,
        "DeadQueue": True,
    }


def test_ses_tells_of_what_went_wrong_and_by_a_switch_of_each_delivery() -> None:
    events = _resources()["Events"]["Properties"]["EventDestination"]["MatchingEventTypes"]
    assert events[:4] == ["bounce", "complaint", "reject", "deliveryDelay"]
    assert events[4]["Fn::If"] == ["Deliveries", "delivery", {"Ref": "AWS::NoValue"}]
    assert read({**GIVEN, "delivery_events": True}, {}, {}).delivery_events


def test_the_identity_signs_with_2048_bits_and_has_a_mail_from_domain_of_its_own() -> None:
    identity = _resources()["Identity"]["Properties"]
    assert identity["DkimAttributes"] == {"SigningEnabled": True}
    assert identity["DkimSigningAttributes"] == {"NextSigningKeyLength": "RSA_2048_BIT"}
    own = identity["MailFromAttributes"]["MailFromDomain"]["Fn::Sub"].replace("${DomainName}", DOMAIN)
    needed = {(one.name, one.type): one.value for one in dns.records(OPTIONS, {})}
    assert own == f"bounce.{DOMAIN}"
    assert needed[own, "MX"] == "feedback-smtp.eu-west-1.amazonses.com"
    assert needed[own, "TXT"] == "v=spf1 include:amazonses.com ~all"


def test_a_message_that_cannot_be_handled_goes_to_a_queue_with_an_alarm() -> None:
    found = _resources()
    assert found["Queue"]["Properties"]["RedrivePolicy"]["maxReceiveCount"] == 5
    assert found["DeadLetterAlarm"]["Properties"]["Dimensions"][0]["Value"] == {
        "Fn::GetAtt": ["DeadQueue", "QueueName"]
    }


def test_only_the_topic_writes_to_the_queue_and_only_ses_of_this_account_to_bucket_and_topic() -> None:
    """What comes by the queue is believed for this; SNS's signature is not looked at."""
    for found in (_resources(), template.build(serverless=True)["Resources"]):
        (by_topic,) = found["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
        assert by_topic["Principal"] == {"Service": "sns.amazonaws.com"}
        assert by_topic["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": "Topic"}}}
        account = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
        for name in ("TopicPolicy", "MailBucketPolicy"):
            allowed = list(_statements(found[name]))
            assert [(one["Principal"], one["Condition"]) for one in allowed] == [
                ({"Service": "ses.amazonaws.com"}, account)
            ]


def test_a_secret_is_in_no_output_and_no_parameter() -> None:
    built = template.build(serverless=True)
    assert "secretsmanager:${SharedSecret}" in json.dumps(built["Resources"]["WebFunction"])
    assert "SecretString" not in json.dumps([built["Outputs"], built["Parameters"]])
    tasks = json.dumps(built["Resources"]["Task"])
    assert "SecretString" not in tasks and "ValueFrom" in tasks


def _statements(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(found, dict):
        if found.get("Effect") == "Allow":
            yield found
        for value in found.values():
            yield from _statements(value)
    elif isinstance(found, list):
        for value in found:
            yield from _statements(value)


def test_rights_are_few_and_none_is_for_everything() -> None:
    alone = {"ses:GetAccount", "ses:ListSuppressedDestinations", "ec2:DescribeVolumes"}
    for statement in _statements(_resources()):
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        if statement.get("Resource") == "*":
            assert set(actions) <= alone
        if "Principal" in statement and statement["Action"] != "sts:AssumeRole":
            assert "Service" in statement["Principal"] and statement["Condition"]


def test_there_are_never_two_machines_over_one_volume() -> None:
    group = _resources()["Machine"]
    assert (group["Properties"]["MinSize"], group["Properties"]["MaxSize"]) == ("1", "1")
    assert group["UpdatePolicy"]["AutoScalingRollingUpdate"]["MinInstancesInService"] == 0
    assert "ec2 attach-volume" in json.dumps(_resources()["Launch"])


def test_nothing_reaches_the_machine_and_its_keys_cannot_be_taken_by_a_request() -> None:
    found = _resources()
    assert "SecurityGroupIngress" not in found["Firewall"]["Properties"]
    launch = found["Launch"]["Properties"]["LaunchTemplateData"]
    assert launch["MetadataOptions"]["HttpTokens"] == "required"


def test_without_a_machine_the_template_has_nothing_of_it() -> None:
    assert not [name for name in _resources(machine=False) if name in {"Machine", "DataVolume", "Snapshots"}]


async def test_the_command_writes_the_template_of_the_other_form(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, "aws", "template", "--form", "serverless")
    assert (code, json.loads(out)) == (0, template.build(serverless=True))


# functions and tasks


def _serverless() -> dict[str, Any]:
    found: dict[str, Any] = template.build(serverless=True)["Resources"]
    return found


def test_the_table_is_the_one_that_the_store_makes() -> None:
    made = json.loads(json.dumps(definition("x")))
    table = dict(_serverless()["Table"]["Properties"])
    assert table.pop("PointInTimeRecoverySpecification") == {"PointInTimeRecoveryEnabled": True}
    assert table.pop("DeletionProtectionEnabled") is True
    made.pop("TableName")
    names = [made.pop("AttributeDefinitions"), table.pop("AttributeDefinitions")]
    assert sorted(map(str, names[0])) == sorted(map(str, names[1]))
    assert table == made


def test_table_and_secret_of_the_serverless_form_are_kept() -> None:
    for name in ("Table", "SharedSecret", "MailBucket", "Identity"):
        one = _serverless()[name]
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_a_queue_hands_messages_to_a_function_that_reports_which_come_again() -> None:
    found = _serverless()
    source = found["MailSource"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    timeout = found["MailFunction"]["Properties"]["Timeout"]
    assert found["Queue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout
    assert _resources()["Queue"]["Properties"]["VisibilityTimeout"] == 60


@pytest.mark.parametrize("name", ["Web", "Mail"])
def test_a_function_runs_a_handler_that_there_is(name: str) -> None:
    module, _, handler = _serverless()[f"{name}Function"]["Properties"]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), handler))


def test_functions_and_tasks_have_settings_that_there_are() -> None:
    found = _serverless()
    task = found["Task"]["Properties"]["ContainerDefinitions"][0]
    names = {one["Name"] for one in (*task["Environment"], *task["Secrets"])}
    for one in ("Web", "Mail"):
        names |= set(found[f"{one}Function"]["Properties"]["Environment"]["Variables"])
    assert {"CIS_STORE", "CIS_SECRET", "CIS_DATA_DIR"} <= names
    assert {name for name in names if name.startswith("CIS_")} <= {
        f"CIS_{field.upper()}" for field in Settings.model_fields
    }


def test_functions_and_tasks_keep_images_of_the_search_where_they_may_and_nowhere_else() -> None:
    found = _serverless()
    task = found["Task"]["Properties"]["ContainerDefinitions"][0]
    kept = [{one["Name"]: one["Value"] for one in task["Environment"]}]
    kept += [found[f"{one}Function"]["Properties"]["Environment"]["Variables"] for one in ("Web", "Mail")]
    places = [one["CIS_SEARCH_SNAPSHOT"]["Fn::Sub"][0] for one in kept]
    assert places == ["s3://${Mail}/search?region=${AWS::Region}"] * 3
    filled = places[0].replace("${Mail}", "mail-bucket").replace("${AWS::Region}", "eu-west-1")
    assert Settings(_env_file=None, search_snapshot=filled).search_snapshot == filled
    for name in ("WebRole", "MailRole", "TaskRole"):
        rights = [
            statement
            for one in found[name]["Properties"]["Policies"]
            for statement in one["PolicyDocument"]["Statement"]
            if "s3:PutObject" in statement["Action"]
        ]
        assert [one["Resource"]["Fn::Sub"][0] for one in rights] == [
            "arn:${AWS::Partition}:s3:::${Mail}/search/*"
        ]


def test_tasks_are_replaced_one_after_the_other_and_only_the_load_balancer_reaches_them() -> None:
    found = _serverless()
    service = found["Service"]["Properties"]
    deployment = service["DeploymentConfiguration"]
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (100, 200)
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    inner = found["TaskFirewall"]["Properties"]["SecurityGroupIngress"]["Fn::If"][1]
    balancer = {"Fn::GetAtt": ["BalancerFirewall", "GroupId"]}
    assert [one.get("SourceSecurityGroupId") for one in inner] == [balancer]
    assert not any(key.startswith("Cidr") for one in inner for key in one)
    assert found["Listener"]["Properties"]["Protocol"] == "HTTPS"
    assert found["Targets"]["Properties"]["HealthCheckPath"] == "/healthz"


def test_tasks_believe_the_load_balancer_about_who_asks_and_functions_no_one() -> None:
    found = _serverless()
    task = found["Task"]["Properties"]["ContainerDefinitions"][0]
    variables = {one["Name"]: one["Value"] for one in task["Environment"]}
    assert variables["CIS_PROXIES"] == {"Ref": "ProxyNetworks"}
    for name in ("Web", "Mail"):
        assert "CIS_PROXIES" not in found[f"{name}Function"]["Properties"]["Environment"]["Variables"]


def test_the_networks_of_the_vpc_are_those_that_the_load_balancer_may_be_in() -> None:
    clients = Stubbed()
    subnets = [
        {"SubnetId": f"subnet-{zone}", "VpcId": "vpc-1", "AvailabilityZone": zone} for zone in ("a", "b")
    ]
    clients.answers("ec2", "describe_subnets", Subnets=subnets)
    blocks = [("10.0.0.0/16", "associated"), ("10.9.0.0/16", "associated"), ("10.7.0.0/16", "disassociated")]
    four = [{"CidrBlock": one, "CidrBlockState": {"State": state}} for one, state in blocks]
    six = [{"Ipv6CidrBlock": "2001:db8::/56", "Ipv6CidrBlockState": {"State": "associated"}}]
    vpc = {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "CidrBlockAssociationSet": four}
    clients.answers("ec2", "describe_vpcs", Vpcs=[{**vpc, "Ipv6CidrBlockAssociationSet": six}])
    options = read({**GIVEN, **SERVERLESS}, {}, {})
    installation = Installation(clients, options, print, lambda _: False)  # type: ignore[arg-type]
    networks = installation._functions()["ProxyNetworks"]
    assert networks == "10.0.0.0/16,10.9.0.0/16,2001:db8::/56"
    assert [str(one) for one in Settings(proxies=networks).proxy_networks] == networks.split(",")
    clients.spent()
    clients.close()


def test_the_rights_of_functions_and_tasks_are_few() -> None:
    alone = {"ses:GetAccount", "ses:ListSuppressedDestinations", "ecr:GetAuthorizationToken"}
    statements = list(_statements(_serverless()))
    assert statements
    for statement in statements:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert not [action for action in actions if "*" in action]
        if statement.get("Resource") == "*":
            assert set(actions) <= alone


def test_both_templates_fit_into_one_call_of_cloudformation() -> None:
    assert len(template.text(serverless=True)) < 51_200


def test_the_zip_of_a_function_holds_code_and_packages_where_they_are_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_ROOMS", ("cis_mcp.functions",))
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "thing-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("thing.py", "X = 1\n")
    first, again = (bundle.write_unpacked(wheels, tmp_path / name) for name in ("a.zip", "b.zip"))
    assert first == again
    names = set(zipfile.ZipFile(tmp_path / "a.zip").namelist())
    assert {"thing.py", "cis_mcp.functions/web.py"} <= names
    compiled = {name for name in names if name.endswith(".cpython-311.pyc")}
    assert bool(compiled) == (sys.version_info[:2] == (3, 11))


def test_costs_of_the_serverless_form_name_tasks_and_table() -> None:
    small, large = (costs.estimate(n, "", 20, serverless=True) for n in (1_000, 1_000_000))
    assert small.machine == small.volume == 0 < small.tasks == large.tasks
    assert 10 < large.table < 12
    assert "DynamoDB" in large.line


def test_the_code_of_a_machine_that_exports_every_night_has_pyarrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_ROOMS", ("cis_mcp.functions",))
    (wheels := tmp_path / "wheels").mkdir()
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(bundle, "_pip", lambda *arguments: asked.append(arguments))
    for export in (False, True):
        clients, target = Stubbed(), tmp_path / "code.zip"
        options = read({**GIVEN, "nightly_export": export}, {}, {})
        Installation(clients, options, print, lambda _: False)._written(wheels, target)  # type: ignore[arg-type]
        clients.close()
        pinned = zipfile.ZipFile(target).read("requirements.txt").decode()
        assert ("\npyarrow==" in pinned, str(ROOT / bundle.PARQUET) in asked[-1]) == (export, export)
        assert "\nboto3==" in pinned


def test_the_command_writes_the_code_that_the_template_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "_ROOMS", ("cis_mcp.functions",))
    monkeypatch.setattr(bundle, "_pip", lambda *arguments: None)
    done = CliRunner().invoke(cli, ["aws", "template", "--code", str(tmp_path / "code.zip")])
    assert (done.exit_code, json.loads(done.stdout)) == (0, template.build())
    key = f"code/{hashlib.sha256((tmp_path / 'code.zip').read_bytes()).hexdigest()[:32]}.zip"
    assert key in done.stderr
    assert "requirements.txt" in zipfile.ZipFile(tmp_path / "code.zip").namelist()


async def test_the_command_writes_the_template_as_one_file(tmp_path: Path) -> None:
    code, out, _ = await run(tmp_path, "aws", "template")
    assert (code, json.loads(out)) == (0, template.build())


# records and costs


def _records() -> list[dns.DnsRecord]:
    return dns.records(OPTIONS, {f"abc._domainkey.{DOMAIN}": "abc.dkim.amazonses.com"})


def test_records_are_written_for_people_for_bind_and_for_cloudflare() -> None:
    text, bind, cloudflare = (form(_records()) for form in dns.FORMS.values())
    assert "inbound-smtp.eu-west-1.amazonaws.com." in text
    assert f"{DOMAIN}. 300 IN MX 10 inbound-smtp.eu-west-1.amazonaws.com." in bind
    assert f'_dmarc.{DOMAIN}. 300 IN TXT "v=DMARC1; p=quarantine; adkim=r; aspf=r"' in bind
    lines = [json.loads(line) for line in cloudflare.splitlines()]
    assert len(lines) == len(_records()) == 6
    assert {"type": "CNAME", "proxied": False}.items() <= lines[1].items()


def test_bind_reads_what_is_written_for_it() -> None:
    import dns.zone

    zone = dns.zone.from_text(
        f"$ORIGIN {DOMAIN}.\n@ 300 IN SOA a. b. 1 2 3 4 5\n@ 300 IN NS a.\n{_bind()}", DOMAIN
    )
    assert str(zone.find_rdataset("abc._domainkey", "CNAME")[0].target) == "abc.dkim.amazonses.com."


def _bind() -> str:
    return f"{dns.bind(_records())}\n"


def test_the_estimate_grows_with_the_mail_and_names_its_parts() -> None:
    small, large = (costs.estimate(n, "t4g.small", 20) for n in (1_000, 1_000_000))
    assert small.machine == large.machine > 0
    assert large.mail_out == 100.0
    assert "1,000,000 invites a month" in large.line


@pytest.mark.parametrize("invites", [1_000, 100_000, 1_000_000])
def test_the_costs_in_the_docs_are_those_of_the_estimate(invites: int) -> None:
    lines = (ROOT / "docs/aws.md").read_text().splitlines()
    one, far = (costs.estimate(invites, "t4g.small", 20, serverless=form) for form in (False, True))
    cells = [one.machine + one.volume, one.mail_out + one.mail_in, one.queues + one.storage, one.total]
    assert f"| {invites:,} | {' | '.join(f'${cell:.2f}' for cell in cells)} |" in lines
    assert f"| fixed costs a month | ${cells[0]:.2f} | ${far.tasks:.2f}, with one task" in "\n".join(lines)
    (adds,) = [line for line in lines if "the table adds" in line]
    assert f"${far.table:.2f}" in adds
    assert f"${far.total:.2f}" in adds


# the checks


@contextmanager
def account(**values: object) -> Iterator[Stubbed]:
    """An account where all is well, save for what `values` say of an operation."""
    clients = Stubbed()
    arn = "arn:aws:sts::111122223333:assumed-role/admin/ann"
    clients.answers("sts", "get_caller_identity", Account="111122223333", Arn=arn, UserId="x")
    if not values.get("rights_unasked"):
        role = {"Path": "/", "RoleName": "admin", "RoleId": "AROA" + "A" * 17, "Arn": ADMIN}
        clients.answers("iam", "get_role", Role={**role, "CreateDate": "2027-03-01T00:00:00Z"})
        results = [
            {
                "EvalActionName": one,
                "EvalDecision": "implicitDeny" if one in values.get("denied", ()) else "allowed",
            }  # type: ignore[operator]
            for one in rights.needed(OPTIONS)
        ]
        clients.answers("iam", "simulate_principal_policy", EvaluationResults=results, IsTruncated=False)
    else:
        clients.refuses("iam", "get_role", "AccessDenied")
    quota = {"MaxSendRate": 14.0, "Max24HourSend": 5e4, "SentLast24Hours": 0.0}
    found = {"SendQuota": quota, "ProductionAccessEnabled": True, "SendingEnabled": True}
    clients.answers("sesv2", "get_account", **{**found, **_of(values, "get_account")})
    if identity := _of(values, "identity"):
        clients.answers("sesv2", "get_email_identity", **identity)
    else:
        clients.refuses("sesv2", "get_email_identity", "NotFoundException")
    clients.answers("ses", "describe_active_receipt_rule_set", **_of(values, "rules"))
    clients.answers("ses", "describe_active_receipt_rule_set", **_of(values, "rules"))
    for _ in range(2 if identity else 1):
        if state := values.get("state"):
            stack = {"StackName": "cis-prod", "StackStatus": state, "CreationTime": "2027-03-01T00:00:00Z"}
            clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
        else:
            clients.refuses("cloudformation", "describe_stacks", "ValidationError")
    if values.get("table"):
        clients.answers("dynamodb", "describe_table", Table={"TableName": "thirtyone"})
    else:
        clients.refuses("dynamodb", "describe_table", "ResourceNotFoundException")
    if values.get("code_bucket"):
        clients.refuses("s3", "head_bucket", str(values["code_bucket"]))
    clients.answers("ec2", "describe_subnets", Subnets=[{"SubnetId": "subnet-1"}])
    clients.answers("cloudformation", "validate_template")
    try:
        yield clients
    finally:
        clients.close()


def _of(values: dict[str, object], name: str) -> dict[str, Any]:
    found = values.get(name) or {}
    assert isinstance(found, dict)
    return found


def checked(
    clients: Stubbed,
    records: dict[tuple[str, str], list[str]] | None = None,
    options: InstallationOptions = OPTIONS,
) -> dict[str, Finding]:
    here = {("inbound-smtp.eu-west-1.amazonaws.com", "A"): ["192.0.2.1"]} | (records or {})
    preflight = Preflight(clients, options, lambda name, kind: here.get((name, kind), []))  # type: ignore[arg-type]
    return {one.name: one for one in preflight.run()}


def test_an_account_where_all_is_well_is_safe() -> None:
    with account(code_bucket="404") as clients:
        found = checked(clients)
        clients.spent()
    assert {one.mark for one in found.values()} == {"OK", "SKIP", "SAFE"}
    assert found["domain_status"].mark == "SAFE"


def test_each_check_of_the_reference_has_an_answer() -> None:
    names = (
        "aws_cli sam_cli python3 local_repos sceptre_env python38 build_venv sts_account packaged_stack acm_ssm "
        "api_gateway_domain cloudfront_alias public_dns domain_status"
    )
    with account() as clients:
        found = checked(clients)
    assert set(names.split()) <= set(found)
    assert all(found[name].mark == "SKIP" for name in ANSWERED_BY_DESIGN)


def test_a_domain_that_receives_other_mail_is_not_taken_over() -> None:
    with account() as clients:
        found = checked(clients, {(DOMAIN, "MX"): ["aspmx.l.google.com"]})
    assert (found["public_dns"].mark, found["domain_status"].mark) == ("FAIL", "FAIL")
    assert found["public_dns"].repair.endswith(f"--domain-name invites.{DOMAIN}")


def test_the_rule_set_of_somebody_else_is_added_to_not_switched() -> None:
    with account(rules={"Metadata": {"Name": "company"}}) as clients:
        found = checked(clients)["receipt_rules"]
    assert (found.mark, "on top of “company”" in found.detail) == ("WARN", True)


def test_a_sandbox_is_said_with_the_command_that_ends_it() -> None:
    with account(get_account={"ProductionAccessEnabled": False}) as clients:
        found = checked(clients)["ses_account"]
    assert (found.mark, "put-account-details" in found.repair) == ("WARN", True)


def test_what_iam_denies_is_named_before_anything_is_made() -> None:
    with account(denied=["iam:PassRole", "dlm:CreateLifecyclePolicy"]) as clients:
        found = checked(clients)["rights"]
    assert (found.mark, "iam:PassRole, dlm:CreateLifecyclePolicy" in found.detail) == ("WARN", True)
    assert found.repair.startswith("aws iam attach-role-policy --role-name admin ")
    with account(rights_unasked=True) as clients:
        found = checked(clients)["rights"]
    assert (found.mark, "AccessDenied" in found.detail) == ("OK", True)


def test_sending_that_is_off_fails() -> None:
    with account(get_account={"SendingEnabled": False}) as clients:
        assert checked(clients)["ses_account"].mark == "FAIL"


def test_the_end_of_the_credentials_and_the_mails_of_the_day_are_said() -> None:
    with account() as clients:
        found = checked(clients)
    assert "until 2027-03-01 12:00 UTC" in found["sts_account"].detail
    assert "0 sent in the last 24 hours" in found["ses_account"].detail


def test_credentials_say_when_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(name, value)
    assert Clients("eu-west-1").until() == ""
    for name, value in {
        "AWS_SESSION_TOKEN": "t",
        "AWS_CREDENTIAL_EXPIRATION": "2099-03-01T12:00:00Z",
    }.items():
        monkeypatch.setenv(name, value)
    assert Clients("eu-west-1").until() == "2099-03-01 12:00 UTC"


@pytest.mark.parametrize(("code", "mark"), [("404", "OK"), ("403", "FAIL")])
def test_a_bucket_of_the_code_that_somebody_else_has_fails(code: str, mark: str) -> None:
    with account(code_bucket=code) as clients:
        found = checked(clients)["code_bucket"]
    assert (found.mark, "cis-code-111122223333-eu-west-1" in found.detail) == (mark, True)


def test_each_record_is_looked_for_in_the_public_dns() -> None:
    options = read({**GIVEN, "own_identity": False}, {}, {})
    identity = {"VerifiedForSendingStatus": True, "DkimAttributes": {"Tokens": ["abc"]}}
    there = {(one.name, one.type): [one.value] for one in _records()}
    there[f"_dmarc.{DOMAIN}", "TXT"] = ["v=DMARC1; p=reject"]
    there[DOMAIN, "TXT"] = ["some-site-verification=1", "v=spf1 include:amazonses.com include:x.example -all"]
    assert (found := _looked(options, identity, there)).mark == "OK", found
    for name, kind in there:
        found = _looked(options, identity, there | {(name, kind): ["v=spf1 -all"]} if kind == "TXT" else {})
        assert (found.mark, found.repair.startswith("cis-mcp aws dns")) == ("WARN", True)
        assert f"{name} {kind}" in found.detail


def _looked(
    options: InstallationOptions, identity: dict[str, Any], there: dict[tuple[str, str], list[str]]
) -> Finding:
    with account(identity=identity) as clients:
        return checked(clients, there, options)["dns_records"]


def test_a_mail_from_domain_that_receives_the_mail_fails() -> None:
    options = read({**GIVEN, "own_identity": False}, {}, {})
    own = {
        "MailFromDomain": DOMAIN,
        "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "REJECT_MESSAGE",
    }
    with account(identity={"VerifiedForSendingStatus": True, "MailFromAttributes": own}) as clients:
        found = checked(clients, options=options)["ses_identity"]
    assert (found.mark, found.repair.endswith(f"--mail-from-domain bounce.{DOMAIN}")) == ("FAIL", True)


def test_a_region_that_receives_no_mail_fails() -> None:
    with account() as clients:
        found = checked(clients, {("inbound-smtp.eu-west-1.amazonaws.com", "A"): []})
    assert found["ses_region"].mark == "FAIL"


def test_an_identity_that_is_there_already_is_said_with_its_parameter() -> None:
    with account(identity={"VerifiedForSendingStatus": True}) as clients:
        found = checked(clients)["ses_identity"]
    assert found.mark == "FAIL"
    assert found.repair.endswith("--parameter ImportedSesEmailIdentity=true")


def test_a_stack_that_was_rolled_back_fails_with_the_command_that_removes_it() -> None:
    with account(state="ROLLBACK_COMPLETE") as clients:
        found = checked(clients)["packaged_stack"]
    assert (found.mark, "delete-stack --stack-name cis-prod" in found.repair) == ("FAIL", True)


def test_the_table_of_the_reference_is_offered_for_import() -> None:
    with account(table=True) as clients:
        assert checked(clients)["table"].repair == "cis-mcp import 'dynamodb://thirtyone?region=eu-west-1'"


@pytest.mark.parametrize(
    ("names", "status", "mark"),
    [
        ([f"*.{DOMAIN}"], "ISSUED", "OK"),
        ([f"api.{DOMAIN}", f"live.{DOMAIN}"], "ISSUED", "OK"),
        ([f"api.{DOMAIN}"], "ISSUED", "FAIL"),
        ([f"*.{DOMAIN}"], "PENDING_VALIDATION", "FAIL"),
    ],
)
def test_a_certificate_is_looked_at_before_functions_and_tasks_get_their_names(
    names: list[str], status: str, mark: str
) -> None:
    options = read({**GIVEN, **SERVERLESS, "certificate": CERTIFICATE}, {}, {})
    with account() as clients:
        certificate = {"Status": status, "SubjectAlternativeNames": names}
        clients.answers("acm", "describe_certificate", Certificate=certificate)
        clients.refuses("apigatewayv2", "get_domain_name", "NotFoundException")
        found = checked(clients, options=options)
    assert (found["acm_ssm"].mark, found["api_gateway_domain"].mark) == (mark, "OK")


def test_a_name_that_another_api_has_is_not_taken_over() -> None:
    options = read({**GIVEN, **SERVERLESS, "certificate": CERTIFICATE}, {}, {})
    with account() as clients:
        certificate = {"Status": "ISSUED", "SubjectAlternativeNames": [f"*.{DOMAIN}"]}
        clients.answers("acm", "describe_certificate", Certificate=certificate)
        clients.answers("apigatewayv2", "get_domain_name", DomainName=f"api.{DOMAIN}")
        clients.refuses("cloudformation", "describe_stacks", "ValidationError")
        found = checked(clients, options=options)
    assert found["api_gateway_domain"].mark == "FAIL"


ROOT_USER = {"Account": "1", "Arn": "arn:aws:iam::111122223333:root", "UserId": "x"}
NOT_OURS = {
    "zone": {"HostedZone": {"Id": "x", "Name": "other.example.", "CallerReference": "x"}},
    "certificate": {"Certificate": {"Status": "PENDING_VALIDATION", "SubjectAlternativeNames": [DOMAIN]}},
}


def _bad_findings() -> Iterator[Finding]:
    """What accounts are told in which as much as possible is wrong, and some answers are refused."""
    elsewhere = {("inbound-smtp.eu-west-1.amazonaws.com", "A"): [], (DOMAIN, "MX"): ["mx.example.net"]}
    whole = {**GIVEN, **SERVERLESS, "certificate": CERTIFICATE, "zone": "Z0123456789ABC", "bucket": "mine"}
    for state, ses in (
        ("ROLLBACK_COMPLETE", {"EnforcementStatus": "SHUTDOWN"}),
        ("UPDATE_ROLLBACK_COMPLETE", {"SendingEnabled": False}),
        ("UPDATE_ROLLBACK_FAILED", {"ProductionAccessEnabled": False}),
    ):
        with account(
            denied=["iam:PassRole"],
            get_account=ses,
            state=state,
            table=True,
            rules={"Metadata": {"Name": "x"}},
        ) as clients:
            clients.answers("s3", "head_bucket")
            clients.answers("route53", "get_hosted_zone", **NOT_OURS["zone"])
            clients.answers("acm", "describe_certificate", **NOT_OURS["certificate"])
            clients.answers("apigatewayv2", "get_domain_name", DomainName=f"api.{DOMAIN}")
            clients.refuses("cloudformation", "describe_stacks", "ValidationError")
            yield from checked(clients, elsewhere, read(whole, {}, {})).values()
    for options in (read({**GIVEN, "own_identity": False}, {}, {}), OPTIONS):
        clients = Stubbed()
        refusal = "AccessDenied" if options.own_identity else "ThrottlingException"
        clients.answers("sts", "get_caller_identity", **ROOT_USER)
        for service, operation in (("sesv2", "get_account"), ("cloudformation", "describe_stacks")):
            clients.refuses(service, operation, refusal)
        clients.refuses("sesv2", "get_email_identity", "NotFoundException")
        clients.answers("ec2", "describe_subnets", Subnets=[])
        yield from checked(clients, options=options).values()
        clients.close()


def test_each_finding_that_is_not_well_names_one_command_that_there_is() -> None:
    bad = [one for one in _bad_findings() if one.mark in {"WARN", "FAIL"}]
    for name in [
        "sts_account",
        "rights",
        "ses_account",
        "ses_region",
        "ses_identity",
        "public_dns",
        "receipt_rules",
        "packaged_stack",
        "buckets",
        "table",
        "hosted_zone",
        "network",
        "acm_ssm",
        "api_gateway_domain",
        "domain_status",
    ]:
        assert name in {one.name for one in bad}
    for one in bad:
        program, first, *rest = one.repair.split()
        assert "…" not in one.repair, one
        if program == "cis-mcp":
            command = cli.commands[first]
            assert first != "aws" or rest[0] in command.commands, one  # type: ignore[attr-defined]
        else:
            assert program == "aws", one
            assert one.repair == "aws configure sso" or _operation(rest[0]) in _operations(
                "s3" if first == "s3api" else first
            ), one


def _operation(command: str) -> str:
    return command.replace("-", "")


@cache
def _operations(service: str) -> frozenset[str]:
    return frozenset(name.lower() for name in client(service).meta.service_model.operation_names)


# receipt rules


def test_on_destroy_the_rule_set_of_somebody_else_stays_active() -> None:
    clients = Stubbed()
    active = {"Metadata": {"Name": "company"}}
    clients.answers("ses", "describe_active_receipt_rule_set", **active)
    rules = {"Rules": [{"Name": "cis-prod"}, {"Name": "theirs"}]}
    for _ in range(2):
        clients.answers("ses", "describe_receipt_rule_set", **rules)
    clients.answers("ses", "delete_receipt_rule")
    for _ in range(2):
        clients.refuses("ses", "describe_receipt_rule_set", "RuleSetDoesNotExist")
    assert Rules(clients, OPTIONS).remove() == ["receipt rule “cis-prod” of “company”"]  # type: ignore[arg-type]
    clients.spent()
    clients.close()


def _no(asked: list[str]) -> Callable[[str], bool]:
    def confirm(question: str) -> bool:
        asked.append(question)
        return False

    return confirm


def test_no_phase_makes_a_rule_or_a_record_unless_it_is_confirmed() -> None:
    """Each call that is not answered here raises, so that none of those that change anything was made."""
    clients, said, asked = Stubbed(), list[str](), list[str]()
    options = read({**GIVEN, "zone": "Z0123456789ABC", "machine": False}, {}, {})
    outputs = {"Bucket": "mail", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:topic"}
    stack = {
        "StackName": "cis-prod",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "2027-03-01T00:00:00Z",
    }
    stack["Outputs"] = [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()]  # type: ignore[assignment]
    clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
    resource = {"LogicalResourceId": "Machine", "ResourceType": "x", "ResourceStatus": "CREATE_COMPLETE"}
    resource["LastUpdatedTimestamp"] = "2027-03-01T00:00:00Z"
    clients.answers("cloudformation", "list_stack_resources", StackResourceSummaries=[resource])
    clients.answers("cloudformation", "describe_stacks", Stacks=[stack])
    for _ in range(2):
        clients.answers("ses", "describe_active_receipt_rule_set")
    clients.refuses("sesv2", "get_email_identity", "NotFoundException")
    for _ in range(5):
        clients.answers(
            "route53", "list_resource_record_sets", ResourceRecordSets=[], IsTruncated=False, MaxItems="1"
        )
    installation = Installation(clients, options, said.append, _no(asked))  # type: ignore[arg-type]
    assert (installation.bootstrap(), len(asked)) == (False, 1)
    assert f"record to add: {DOMAIN} MX 10 inbound-smtp.eu-west-1.amazonaws.com." in said
    assert any(line.startswith("receipt rule “cis-prod”") for line in said)
    clients.close()


def test_destroy_waits_until_the_table_may_be_deleted() -> None:
    clients = Stubbed()
    clients.answers("dynamodb", "update_table")
    for state in ("UPDATING", "UPDATING", "ACTIVE"):
        clients.answers("dynamodb", "describe_table", Table={"TableStatus": state})
    clients.answers("dynamodb", "delete_table")
    installation = Installation(clients, OPTIONS, print, lambda _: True, look_s=0)  # type: ignore[arg-type]
    installation._remove_data({"Table": "cis"})
    clients.spent()
    clients.close()


def test_a_dry_deploy_says_what_it_would_upload_and_why_the_change_set_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bundle, "_ROOMS", ("cis_mcp.functions",))
    monkeypatch.setattr(bundle, "download", lambda into, *more: None)
    clients, said, asked = Stubbed(), list[str](), list[str]()
    clients.refuses("cloudformation", "describe_stacks", "ValidationError")
    arn = "arn:aws:sts::111122223333:assumed-role/admin/ann"
    clients.answers("sts", "get_caller_identity", Account="111122223333", Arn=arn, UserId="x")
    clients.refuses("s3", "head_object", "404")
    installation = Installation(clients, OPTIONS, said.append, _no(asked))  # type: ignore[arg-type]
    assert (installation.deploy(), len(asked)) == (False, 1)
    assert "into the private bucket cis-code-111122223333-eu-west-1" in said[-2]
    assert said[-1].startswith("The change set names the code")
    clients.spent()
    clients.close()


# what runs there


def test_the_boot_script_is_one_that_bash_reads_and_names_what_the_template_has() -> None:
    names = set(re.findall(r"\$\{([A-Za-z:.]+)\}", user_data()))
    own = {"Mail", "Device", "Export", "AWS::Region"}
    built = template.build()
    assert {name.partition(".")[0] for name in names - own} <= {*built["Resources"], *built["Parameters"]}
    script = re.sub(r"\$\{[A-Za-z:.]+\}", "x", user_data())
    assert (
        subprocess.run(["bash", "-n"], input=script.encode(), capture_output=True, check=False).returncode
        == 0
    )


def test_the_container_copies_what_the_package_is_built_of() -> None:
    lines = (ROOT / "deploy/Containerfile").read_text().splitlines()
    copied = {
        name
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    }
    assert all((ROOT / name).exists() for name in copied)
    assert {
        "requirements.lock",
        bundle.PARQUET,
        "cis_mcp",
        "engine",
        "prompts",
        "llms.txt",
        "pyproject.toml",
    } <= copied
    assert [line for line in lines if line.startswith("USER")] == ["USER cis"]


def test_one_switch_exports_every_night_and_gives_the_right_to() -> None:
    built = json.loads(template.text())
    script = built["Resources"]["Launch"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"][
        "Fn::Sub"
    ]
    assert "CIS_EXPORT=${Export}" in script[0]
    switch, place, nothing = script[1]["Export"]["Fn::If"]
    assert (switch, nothing) == ("Exports", "")
    assert place["Fn::Sub"][0] == "s3://${Mail}/export?region=${AWS::Region}"
    statements = built["Resources"]["ServerPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    rights = [one["Fn::If"][1]["Action"] for one in statements if "Fn::If" in one]
    assert rights == ["dynamodb:Scan", ["s3:PutObject", "s3:DeleteObject"], "s3:ListBucket"]
    assert read({**GIVEN, "nightly_export": True}, {}, {}).nightly_export
