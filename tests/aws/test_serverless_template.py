"""The template of functions and tasks, and the code that they run."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from cis_mcp.aws import bundle, costs, template
from cis_mcp.aws.options import (
    read,
)
from cis_mcp.aws.phases import Installation
from cis_mcp.cli.main import cli
from cis_mcp.http.security import guard
from engine.settings import Settings
from engine.store.dynamodb.table import definition
from tests.aws.installing import (
    DOMAIN,
    GIVEN,
    ROOT,
    SERVERLESS,
    allowing,
    machine_resources,
    serverless_resources,
)
from tests.cli.processes import run
from tests.support.awsstubs import Stubbed


def test_the_table_is_the_one_that_the_store_makes() -> None:
    made = json.loads(json.dumps(definition("x")))
    table = dict(serverless_resources()["Table"]["Properties"])
    assert table.pop("PointInTimeRecoverySpecification") == {"PointInTimeRecoveryEnabled": True}
    assert table.pop("DeletionProtectionEnabled") is True
    made.pop("TableName")
    names = [made.pop("AttributeDefinitions"), table.pop("AttributeDefinitions")]
    assert sorted(map(str, names[0])) == sorted(map(str, names[1]))
    assert table == made


def test_table_and_secret_of_the_serverless_form_are_kept() -> None:
    for name in ("Table", "SharedSecret", "MailBucket", "Identity"):
        one = serverless_resources()[name]
        assert (one["DeletionPolicy"], one["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_a_queue_hands_messages_to_a_function_that_reports_which_come_again() -> None:
    found = serverless_resources()
    source = found["MailSource"]["Properties"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    timeout = found["MailFunction"]["Properties"]["Timeout"]
    assert found["Queue"]["Properties"]["VisibilityTimeout"] >= 6 * timeout
    assert machine_resources()["Queue"]["Properties"]["VisibilityTimeout"] == 60


def test_one_message_that_cannot_be_handled_is_set_aside_before_the_server_is_said_to_be_down() -> None:
    for found in (serverless_resources(), machine_resources()):
        queue = found["Queue"]["Properties"]
        tried = queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"]
        assert found["LateAlarm"]["Properties"]["Threshold"] > tried


@pytest.mark.parametrize("name", ["Web", "Mail"])
def test_a_function_runs_a_handler_that_there_is(name: str) -> None:
    module, _, handler = serverless_resources()[f"{name}Function"]["Properties"]["Handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module), handler))


def test_functions_run_on_a_system_whose_sqlite_can_search_with_wheels_for_its_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before Python 3.12, Lambda runs on Amazon Linux 2, whose SQLite is of 2013."""
    monkeypatch.setattr(bundle, "_ROOMS", ("cis_mcp.functions",))
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(bundle, "_pip", lambda *arguments: asked.append(arguments))
    bundle.made(tmp_path / "code.zip", unpacked=True)
    options, clients = read({**GIVEN, **SERVERLESS}, {}, {}), Stubbed()
    (tmp_path / "wheels").mkdir()
    Installation(clients, options, print, lambda _: False)._written(tmp_path / "wheels", tmp_path / "b.zip")  # type: ignore[arg-type]
    versions = {one[one.index("--python-version") + 1] for one in asked}
    for name in ("Web", "Mail"):
        runtime = serverless_resources()[f"{name}Function"]["Properties"]["Runtime"]
        assert versions == {runtime.removeprefix("python")}
        assert tuple(map(int, runtime.removeprefix("python").split("."))) >= (3, 12)


def test_functions_and_tasks_have_settings_that_there_are() -> None:
    found = serverless_resources()
    task = found["Task"]["Properties"]["ContainerDefinitions"][0]
    names = {one["Name"] for one in (*task["Environment"], *task["Secrets"])}
    for one in ("Web", "Mail"):
        names |= set(found[f"{one}Function"]["Properties"]["Environment"]["Variables"])
    assert {"CIS_STORE", "CIS_SECRET", "CIS_DATA_DIR"} <= names
    assert {name for name in names if name.startswith("CIS_")} <= {
        f"CIS_{field.upper()}" for field in Settings.model_fields
    }


def test_tasks_answer_by_the_name_that_the_load_balancer_has() -> None:
    task = serverless_resources()["Task"]["Properties"]["ContainerDefinitions"][0]
    variables = {one["Name"]: one["Value"] for one in task["Environment"]}
    addresses = [
        variables[name]["Fn::If"][1]["Fn::Sub"].replace("${DomainName}", DOMAIN)
        for name in ("CIS_PUBLIC_URL", "CIS_STREAMS_URL")
    ]
    assert f"live.{DOMAIN}" in guard("0.0.0.0", *addresses).hosts


def test_functions_and_tasks_keep_images_of_the_search_where_they_may_and_nowhere_else() -> None:
    found = serverless_resources()
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
    found = serverless_resources()
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


def test_tasks_start_once_the_load_balancer_listens_for_them_where_there_is_one() -> None:
    """ECS refuses a target group without a load balancer; CloudFormation a DependsOn on what a condition leaves out."""
    found = serverless_resources()
    assert found["Service"]["Metadata"] == {"After": {"Fn::If": ["Named", {"Ref": "Listener"}, ""]}}
    conditional = {name for name, one in found.items() if "Condition" in one}
    for one in found.values():
        needed = one.get("DependsOn", [])
        if "Condition" not in one:
            assert not conditional & {*([needed] if isinstance(needed, str) else needed)}


def test_tasks_believe_the_load_balancer_about_who_asks_and_functions_no_one() -> None:
    found = serverless_resources()
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
    statements = list(allowing(serverless_resources()))
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
    compiled = {name for name in names if name.endswith(".pyc")}
    assert bool(compiled) == ("{}.{}".format(*sys.version_info) == bundle.FUNCTION_PYTHON)


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
