"""The installation on an emulator of AWS: put there, used by a real server, hindered, changed, taken away."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import pytest

from cis_mcp.aws import template
from engine.engine import system_clock
from engine.jobs import nightly
from engine.model.exports import Table
from tests.cli.processes import run, serving, started
from tests.judges.ministack import BIN, KEYS, REGION, faults, fired_kinds, microburst, ministack
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, engine_in
from tests.support.names import NameServer
from tests.support.reports import returned
from tests.support.ses import ENVIRONMENT, ses
from tests.support.sesmail import notification, stamped
from tests.support.sources import actions
from tests.support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
DOMAIN = "invites.example.com"
PLACE = ("--region", REGION, "--domain-name", DOMAIN, "--no-machine")


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("ministack")) as address:
        yield address


def client(address: str, service: str) -> Any:
    return _session().client(service, endpoint_url=address)


@cache
def _session() -> Any:
    return boto3.Session(KEYS["AWS_ACCESS_KEY_ID"], KEYS["AWS_SECRET_ACCESS_KEY"], region_name=REGION)


def test_cfn_lint_finds_nothing_in_the_template(tmp_path: Path) -> None:
    for name, machine in (("whole", True), ("mail", False)):
        (tmp_path / f"{name}.json").write_text(template.text(machine=machine))
    (tmp_path / "serverless.json").write_text(template.text(serverless=True))
    done = subprocess.run(
        [BIN / "cfn-lint", *tmp_path.glob("*.json")], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_emulator_is_honest_about_queues(aws: str) -> None:
    """What the server relies on. If one of these fails, nothing below means anything."""
    sqs = client(aws, "sqs")
    dead = sqs.create_queue(QueueName="probe-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    values = {"RedrivePolicy": redrive, "VisibilityTimeout": "30"}
    queue = sqs.create_queue(QueueName="probe", Attributes=values)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="x")

    def receive(url: str = queue) -> list[dict[str, Any]]:
        return list(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=0).get("Messages") or [])

    (first,) = receive()
    assert receive() == [], "a message in hand is hidden"
    entry = {"Id": "0", "ReceiptHandle": first["ReceiptHandle"], "VisibilityTimeout": 0}
    sqs.change_message_visibility_batch(QueueUrl=queue, Entries=[entry])
    (second,) = receive()
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    assert receive() == [], "after two times it goes to the dead-letter queue"
    (poison,) = receive(dead)
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=poison["ReceiptHandle"])
    assert receive(dead) == []


def test_the_emulator_is_honest_about_objects_and_topics(aws: str) -> None:
    s3, sns, sqs = (client(aws, name) for name in ("s3", "sns", "sqs"))
    s3.create_bucket(Bucket="probe", CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket="probe", Key="a", Body=b"hello")
    piece = s3.get_object(Bucket="probe", Key="a", Range="bytes=1-2")
    assert (piece["Body"].read(), piece["ContentRange"]) == (b"el", "bytes 1-2/5")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="probe", Key="b")
    topic = sns.create_topic(Name="probe")["TopicArn"]
    queue = sqs.create_queue(QueueName="probe-topic")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="m")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["Message"] == "m"


class Installed:
    """A stack on the emulator, and the server beside it."""

    def __init__(self, address: str, outputs: dict[str, str]) -> None:
        self.address = address
        self.outputs = outputs
        self.queue = outputs["Inbox"].removeprefix("sqs://").partition("?")[0]

    def came(self, key: str, raw: bytes) -> None:
        """SES has received a mail."""
        key = f"in/{key}"
        client(self.address, "s3").put_object(Bucket=self.outputs["Bucket"], Key=key, Body=raw)
        told = notification(key, [f"create@{DOMAIN}"], datetime.now(UTC), self.outputs["Bucket"])
        self.publish(json.dumps(told))

    def publish(self, message: str) -> None:
        client(self.address, "sns").publish(TopicArn=self.outputs["TopicArn"], Message=message)

    def left(self, queue: str) -> int:
        """How many messages a queue holds, hidden or not."""
        sqs = client(self.address, "sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return sum(
            map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())
        )

    def hidden_for(self, seconds: int, tries: int = 5) -> None:
        """A shorter visibility timeout, so that a message comes again before the test is over."""
        sqs = client(self.address, "sqs")
        url = sqs.get_queue_url(QueueName=self.queue)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])["Attributes"]
        redrive = json.dumps(json.loads(found["RedrivePolicy"]) | {"maxReceiveCount": tries})
        values = {"VisibilityTimeout": str(seconds), "RedrivePolicy": redrive}
        sqs.set_queue_attributes(QueueUrl=url, Attributes=values)


async def _cis(folder: Path, address: str, *arguments: str) -> list[str]:
    code, out, err = await run(folder, "aws", *arguments, "--json", AWS_ENDPOINT_URL=address, **KEYS)
    assert code == 0, err
    return list(json.loads(out)["said"])


@asynccontextmanager
async def installed(folder: Path, address: str) -> AsyncIterator[Installed]:
    await _cis(folder, address, "bootstrap", *PLACE, "--yes")
    stack = client(address, "cloudformation").describe_stacks(StackName="cis-prod")["Stacks"][0]
    yield Installed(address, {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]})
    await _cis(folder, address, "destroy", *PLACE, "--yes", "--data")


def _mail(uid: str) -> bytes:
    sender = "olga@example.com"
    made = mails.request(mails.vevent(uid, organizer=sender), sender=sender, proven=False)
    made.replace_header("To", f"create@{DOMAIN}")
    return stamped(made, f"create@{DOMAIN}", sender=sender)


@asynccontextmanager
async def served(folder: Path, stack: Installed, endpoint: str) -> AsyncIterator[None]:
    """A server as the machine starts it, by the outputs of the stack; mail goes into a folder."""
    values = {
        "CIS_DOMAIN": DOMAIN,
        "CIS_INBOX": stack.outputs["Inbox"],
        "CIS_ORGANIZERS": "*@example.com",
        "AWS_ENDPOINT_URL": endpoint,
    }
    async with serving(folder, "--http", "127.0.0.1:0", "--no-auth", **values, **KEYS):
        yield


async def _made(folder: Path, number: int) -> None:
    """Return once so many events were made by mail."""
    async with engine_in(folder, system_clock, domain=DOMAIN) as engine:

        async def enough() -> bool:
            return (await actions(engine))["created"] >= number

        await eventually(enough)
        assert (await actions(engine))["created"] == number


async def test_the_stack_is_made_serves_a_mail_is_changed_and_taken_away(aws: str, tmp_path: Path) -> None:
    async with installed(tmp_path, aws) as stack:
        rule = client(aws, "ses").describe_active_receipt_rule_set()["Rules"][0]
        assert (rule["Recipients"], rule["Actions"][0]["S3Action"]["ObjectKeyPrefix"]) == ([DOMAIN], "in/")
        async with served(tmp_path, stack, aws):
            stack.came("first", _mail("uid-1"))
            await _made(tmp_path, 1)
            await eventually(lambda: not stack.left(stack.queue))
            stack.hidden_for(1, tries=1)
            stack.publish("poison")
            await eventually(lambda: stack.left(stack.outputs["DeadQueue"]) == 1)
        assert await _cis(tmp_path, aws, "bootstrap", *PLACE, "--yes") == [
            "The stack is as it should be.",
            "receipt rule “cis-prod” in the set “cis-prod”, which becomes the active one",
        ]
        said = await _cis(tmp_path, aws, "bootstrap", *PLACE, "--alarm-email", "ops@example.com", "--dry-run")
        assert any("AlarmSubscription" in line for line in said), said
    assert client(aws, "cloudformation").describe_stacks().get("Stacks", []) == []
    assert "Metadata" not in client(aws, "ses").describe_active_receipt_rule_set()
    buckets = [one["Name"] for one in client(aws, "s3").list_buckets()["Buckets"]]
    assert stack.outputs["Bucket"] not in buckets


async def test_the_stack_is_made_verified_in_the_sandbox_updated_under_its_server_and_taken_away(
    aws: str, tmp_path: Path
) -> None:
    """The server and the command have the stack's outputs; SES is a stub whose events go to the stack's topic."""
    async with installed(tmp_path, aws) as stack, ses(domain=DOMAIN, sandbox=True) as account:
        stack.hidden_for(2, tries=50)
        telling, names = asyncio.get_running_loop(), NameServer()
        names.add(DOMAIN, "MX", f"10 inbound-smtp.{REGION}.amazonaws.com.")

        def sent() -> None:
            if told := returned(account.sent[-1]):
                telling.run_in_executor(None, stack.publish, json.dumps(told))

        account.on_sent = sent
        values = {
            **KEYS,
            **ENVIRONMENT,
            "CIS_DOMAIN": DOMAIN,
            "CIS_INBOX": stack.outputs["Inbox"],
            "CIS_OUTBOX": stack.outputs["Outbox"],
            "AWS_ENDPOINT_URL": aws,
            "AWS_ENDPOINT_URL_SESV2": account.url,
            "CIS_ORGANIZERS": "*@example.com",
            "CIS_DNS": names.address,
        }
        async with serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth", **values):
            code, out, err = await run(tmp_path, "verify", "--json", deadline_s=4 * DEADLINE_S, **values)
            await eventually(lambda: not stack.left(stack.queue))
            await _cis(tmp_path, aws, "bootstrap", *PLACE, "--alarm-email", "ops@example.com", "--yes")
            (updated,) = client(aws, "cloudformation").describe_stacks(StackName="cis-prod")["Stacks"]
            assert updated["StackStatus"] == "UPDATE_COMPLETE"
            stack.came("after", _mail("uid-1"))
            await _made(tmp_path, 1)
        names.close()
        told = json.loads(out)
        assert (code, told["passed"]) == (0, True), (told, err)
        checks = {one["name"]: one for one in told["preflight"]}
        assert checks["bounces, complaints"]["mark"] == "Verified"
        assert "sandbox" in checks["way out"]["detail"]
        assert {sent.values["ConfigurationSetName"] for sent in account.sent} >= {"cis-prod"}
        assert stack.left(stack.outputs["DeadQueue"]) == 0
    assert client(aws, "cloudformation").describe_stacks().get("Stacks", []) == []


async def test_throttles_lost_answers_and_resets_lose_nothing_and_make_nothing_twice(
    aws: str, tmp_path: Path
) -> None:
    with microburst(aws, tmp_path) as proxy:
        async with installed(tmp_path, aws) as stack:
            stack.hidden_for(2, tries=50)
            faults(
                proxy,
                [
                    _fault("sqs", "ReceiveMessage", error={"code": "ThrottlingException"}, times=2),
                    _fault("sqs", "DeleteMessageBatch", response={"abort_frac": 0.1}, times=2),
                    _fault("s3", "GetObject", error={"code": "SlowDown"}, times=2),
                    _fault("sqs", "ReceiveMessage", reset=True, times=2),
                    _fault("sqs", "DeleteMessageBatch", reset=True, times=1),
                    _fault("s3", "GetObject", reset=True, times=2),
                ],
            )
            async with served(tmp_path, stack, proxy):
                for number in range(5):
                    stack.came(f"mail-{number}", _mail(f"uid-{number}"))
                await _made(tmp_path, 5)
                await eventually(lambda: not stack.left(stack.queue))
            kinds = {"error:ThrottlingException", "error:SlowDown", "response:abort", "reset"}
            assert fired_kinds(proxy) == kinds
            await _made(tmp_path, 5)


@pytest.fixture
def zone(aws: str) -> Iterator[str]:
    """The id of a hosted zone of example.com, in which somebody has an SPF record for the invite domain."""
    route53 = client(aws, "route53")
    made = route53.create_hosted_zone(Name="example.com", CallerReference=os.urandom(4).hex())["HostedZone"][
        "Id"
    ]
    text = {"Name": f"{DOMAIN}.", "Type": "TXT", "TTL": 300, "ResourceRecords": [{"Value": '"v=spf1 -all"'}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": text}]}
    route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch=batch)
    yield made.rpartition("/")[2]
    batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": text}]}
    route53.change_resource_record_sets(HostedZoneId=made, ChangeBatch=batch)
    route53.delete_hosted_zone(Id=made)


def _records(address: str, zone: str) -> dict[tuple[str, str], list[str]]:
    found = client(address, "route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    return {
        (one["Name"].rstrip("."), one["Type"]): [each["Value"] for each in one["ResourceRecords"]]
        for one in found
        if one["Type"] not in {"NS", "SOA"}
    }


async def test_records_are_written_to_route_53_never_over_others_and_only_ours_are_taken_away(
    aws: str, tmp_path: Path, zone: str
) -> None:
    said = await _cis(tmp_path, aws, "bootstrap", *PLACE, "--zone", zone, "--yes")
    found = _records(aws, zone)
    assert found[DOMAIN, "MX"] == [f"10 inbound-smtp.{REGION}.amazonaws.com."]
    assert found[DOMAIN, "TXT"] == ['"v=spf1 -all"']
    assert any(line.startswith(f"LEFT: {DOMAIN} TXT") for line in said), said
    assert {
        (f"bounce.{DOMAIN}", "MX"),
        (f"bounce.{DOMAIN}", "TXT"),
        (f"_dmarc.{DOMAIN}", "TXT"),
    } <= found.keys()
    again = await _cis(tmp_path, aws, "bootstrap", *PLACE, "--zone", zone, "--yes")
    assert f"{DOMAIN} MX is there" in again
    assert _records(aws, zone) == found
    await _cis(tmp_path, aws, "destroy", *PLACE, "--zone", zone, "--yes", "--data")
    assert _records(aws, zone) == {(DOMAIN, "TXT"): ['"v=spf1 -all"']}


def _account(address: str, zone: str) -> dict[str, object]:
    """What stands on the account that an installation could change."""
    ses, stacks = client(address, "ses"), client(address, "cloudformation")
    names = [one["StackName"] for one in stacks.describe_stacks().get("Stacks", [])]
    return {
        "stacks": names,
        "change sets": [
            one["ChangeSetId"]
            for name in names
            for one in stacks.list_change_sets(StackName=name)["Summaries"]
            if one["ExecutionStatus"] != "EXECUTE_COMPLETE"
        ],
        "rule sets": [one["Name"] for one in ses.list_receipt_rule_sets()["RuleSets"]],
        "active": ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name"),
        "records": _records(address, zone),
        "buckets": [one["Name"] for one in client(address, "s3").list_buckets()["Buckets"]],
    }


async def test_records_that_were_there_before_and_those_of_an_identity_that_stays_are_kept(
    aws: str, tmp_path: Path, zone: str
) -> None:
    route53, was = client(aws, "route53"), {"Name": f"bounce.{DOMAIN}.", "Type": "TXT", "TTL": 300}
    same = was | {"ResourceRecords": [{"Value": '"v=spf1 include:amazonses.com ~all"'}]}
    await _cis(
        tmp_path, aws, "bootstrap", *PLACE, "--yes"
    )  # with an identity of SES, whose records are asked for
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": same}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    before = _records(aws, zone)
    await _cis(tmp_path, aws, "bootstrap", *PLACE, "--zone", zone, "--yes")
    marked = _records(aws, zone)[f"_cis-records.{DOMAIN}", "TXT"]
    assert '"cis-prod MX @"' in marked
    assert '"cis-prod TXT bounce"' not in marked
    await _cis(tmp_path, aws, "destroy", *PLACE, "--zone", zone, "--yes")
    kept = _records(aws, zone)
    assert (DOMAIN, "MX") not in kept
    assert {(f"bounce.{DOMAIN}", "MX"), (f"_dmarc.{DOMAIN}", "TXT"), *before} < kept.keys()
    own = ("--parameter", "ImportedSesEmailIdentity=true")
    await _cis(tmp_path, aws, "bootstrap", *PLACE, *own, "--zone", zone, "--yes")
    await _cis(tmp_path, aws, "destroy", *PLACE, *own, "--zone", zone, "--yes", "--data")
    assert _records(aws, zone) == kept
    client(aws, "sesv2").delete_email_identity(EmailIdentity=DOMAIN)
    await _cis(tmp_path, aws, "bootstrap", *PLACE, "--zone", zone, "--yes")
    await _cis(tmp_path, aws, "destroy", *PLACE, "--zone", zone, "--yes", "--data")
    assert _records(aws, zone) == before, "with the identity all that was added goes, and no more"
    batch = {"Changes": [{"Action": "DELETE", "ResourceRecordSet": same}]}
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)


async def test_a_phase_to_which_no_one_says_yes_changes_nothing(aws: str, tmp_path: Path, zone: str) -> None:
    async def untouched(*phases: str) -> list[str]:
        before, said = _account(aws, zone), list[str]()
        for phase in phases:
            arguments = ("aws", *phase.split(), *PLACE, "--zone", zone, "--json")
            _, out, _ = await run(tmp_path, *arguments, AWS_ENDPOINT_URL=aws, **KEYS)
            said += json.loads(out)["said"]
            assert _account(aws, zone) == before, (phase, out)
        return said

    await untouched("bootstrap --dry-run")
    await _cis(tmp_path, aws, "bootstrap", *PLACE, "--yes")
    ses = client(aws, "ses")
    ses.set_active_receipt_rule_set()
    ses.delete_receipt_rule(RuleSetName="cis-prod", RuleName="cis-prod")
    said = await untouched("bootstrap --dry-run", "bootstrap", "deploy --dry-run", "destroy")
    assert f"record to add: {DOMAIN} MX 10 inbound-smtp.{REGION}.amazonaws.com." in said
    assert any(line.startswith("receipt rule “cis-prod”") for line in said)
    await _cis(tmp_path, aws, "destroy", *PLACE, "--yes", "--data")


async def test_a_stack_is_updated_and_its_server_goes_on(aws: str, tmp_path: Path) -> None:
    async with installed(tmp_path, aws) as stack, served(tmp_path, stack, aws):
        stack.came("before", _mail("uid-1"))
        await _made(tmp_path, 1)
        parameters = ("--parameter", "DynamoDbTableExists=true")
        changes = ("--alarm-email", "ops@example.com", *parameters)
        said = await _cis(tmp_path, aws, "bootstrap", *PLACE, *changes, "--yes")
        assert any("dynamodb://thirtyone" in line for line in said), said
        cloudformation = client(aws, "cloudformation")
        assert (
            cloudformation.describe_stacks(StackName="cis-prod")["Stacks"][0]["StackStatus"]
            == "UPDATE_COMPLETE"
        )
        after = {
            one["OutputKey"]: one["OutputValue"]
            for one in cloudformation.describe_stacks()["Stacks"][0]["Outputs"]
        }
        assert after["Bucket"] == stack.outputs["Bucket"]
        stack.came("after", _mail("uid-2"))
        await _made(tmp_path, 2)


async def test_full_checks_first_and_stops_at_somebody_elses_mail(aws: str, tmp_path: Path) -> None:
    names = NameServer()
    names.add(f"inbound-smtp.{REGION}.amazonaws.com", "A", "192.0.2.1")
    names.add(DOMAIN, "MX", "10 mail.example.com.")
    try:
        values = {"AWS_ENDPOINT_URL": aws, "CIS_DNS": names.address, **KEYS}
        code, out, _ = await run(tmp_path, "aws", "full", *PLACE, "--yes", "--json", **values)
        checks = {one["name"]: one["mark"] for one in json.loads(out)["checks"]}
        assert (code, checks["public_dns"]) == (1, "FAIL")
        assert client(aws, "cloudformation").describe_stacks().get("Stacks", []) == []
        names.records.pop((DOMAIN, "MX"))
        code, out, err = await run(tmp_path, "aws", "full", *PLACE, "--yes", "--json", **values)
        assert code == 0, out + err
        said = json.loads(out)["said"]
        assert f"SES has seen the records of {DOMAIN}" in said
        assert "CIS_INBOX='sqs://" in said[-1]
        code, out, _ = await run(tmp_path, "aws", "full", *PLACE, "--wait", "0", "--yes", "--json", **values)
        assert (code, "Next: enter the records" in json.loads(out)["said"][-1]) == (0, True)
        stacks = client(aws, "cloudformation").describe_stacks()["Stacks"]
        assert [one["StackStatus"] for one in stacks] == ["CREATE_COMPLETE"]
    finally:
        names.close()
        await _cis(tmp_path, aws, "destroy", *PLACE, "--yes", "--data")


async def test_the_template_is_launched_alone_and_bootstrap_adds_the_rule(aws: str, tmp_path: Path) -> None:
    """As from the console: the file, and the parameters that have no default."""
    _, body, _ = await run(tmp_path, "aws", "template", "--no-machine")
    needed = {name for name, one in json.loads(body)["Parameters"].items() if "Default" not in one}
    assert needed == {"DomainName"}
    cloudformation = client(aws, "cloudformation")
    given = [{"ParameterKey": "DomainName", "ParameterValue": DOMAIN}]
    cloudformation.create_stack(
        StackName="cis-prod", TemplateBody=body, Parameters=given, Capabilities=["CAPABILITY_IAM"]
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName="cis-prod", WaiterConfig={"Delay": 1})
    try:
        said = await _cis(tmp_path, aws, "bootstrap", *PLACE, "--yes")
        assert said[0] == "The stack is as it should be."
        assert client(aws, "ses").describe_active_receipt_rule_set()["Rules"][0]["Recipients"] == [DOMAIN]
    finally:
        await _cis(tmp_path, aws, "destroy", *PLACE, "--yes", "--data")


async def test_deploy_uploads_the_code_by_its_hash_once_and_says_what_aws_refuses(
    aws: str, tmp_path: Path
) -> None:
    """The emulator knows no image of Amazon Linux, so that the machine itself is not made."""
    place = ("--region", REGION, "--domain-name", DOMAIN, "--yes")
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    dry = (*place[:-1], "--dry-run", "--json")
    # pip fetches all packages for another machine: that takes minutes on a busy one.
    deploy = partial(run, tmp_path, "aws", "deploy", deadline_s=900, AWS_ENDPOINT_URL=aws, **KEYS, **pip)
    code, out, err = await deploy(*dry)
    assert (code, err) == (0, "")
    assert any(line.startswith("to upload: code/") for line in json.loads(out)["said"])
    assert not [
        one for one in client(aws, "s3").list_buckets()["Buckets"] if one["Name"].startswith("cis-code")
    ]
    for _ in range(2):
        code, _, err = await deploy(*place)
        assert (code, "Parameter 'Image'" in err) == (1, True), err
    s3 = client(aws, "s3")
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("cis-code-")]
    (code_zip,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    s3.download_file(bucket, code_zip["Key"], str(tmp_path / "code.zip"))
    content = zipfile.ZipFile(tmp_path / "code.zip").namelist()
    digest = hashlib.sha256((tmp_path / "code.zip").read_bytes()).hexdigest()[:32]
    assert code_zip["Key"] == f"code/{digest}.zip"
    assert {"requirements.txt", "code/cis_mcp/cli/main.py", "code/engine/engine.py"} <= set(content)
    assert [name for name in content if "pydantic_core" in name and "aarch64" in name]


SERVERLESS = (
    *("--region", REGION, "--domain-name", DOMAIN, "--project", "far", "--form", "serverless"),
    *("--image", f"111122223333.dkr.ecr.{REGION}.amazonaws.com/cis:1"),
)


def _outputs_of(address: str, stack: str) -> dict[str, str]:
    (found,) = client(address, "cloudformation").describe_stacks(StackName=stack)["Stacks"]
    assert found["StackStatus"] in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}, found
    return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}


async def _far(folder: Path, address: str, command: str, *more: str) -> list[str]:
    """What the command says; the wheels of a whole installation take their time."""
    pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    arguments = ("aws", command, *SERVERLESS, *more, "--yes", "--json")
    process = await started(folder, *arguments, AWS_ENDPOINT_URL=address, **KEYS, **pip)
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    return list(json.loads(out)["said"])


async def test_functions_and_tasks_are_put_there_changed_and_taken_away(aws: str, tmp_path: Path) -> None:
    said = await _far(tmp_path, aws, "deploy")
    outputs = _outputs_of(aws, "far-prod")
    assert any(f"{outputs['PublicUrl']}/mcp" in line for line in said)
    name = outputs["Store"].removeprefix("dynamodb://").partition("?")[0]
    dynamodb = client(aws, "dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert sorted(one["IndexName"] for one in table["GlobalSecondaryIndexes"]) == [
        "due",
        "mid",
        "person",
        "tid",
        "token",
    ]
    functions = client(aws, "lambda")
    (source,) = functions.list_event_source_mappings()["EventSourceMappings"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    await _far(tmp_path, aws, "deploy", "--parameter", "RateLimit=50")
    assert _outputs_of(aws, "far-prod")["Store"] == outputs["Store"]
    (stack,) = client(aws, "cloudformation").describe_stacks(StackName="far-prod")["Stacks"]
    assert {"ParameterKey": "RateLimit", "ParameterValue": "50"} in [
        {name: one[name] for name in ("ParameterKey", "ParameterValue")} for one in stack["Parameters"]
    ]
    await _far(tmp_path, aws, "destroy")
    assert dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    assert functions.list_functions()["Functions"] == []


def _fault(service: str, operation: str, **effect: object) -> dict[str, object]:
    return {"service": service, "operation": operation, **effect}


def test_what_the_emulator_leaves_out_is_named() -> None:
    """Judged by cfn-lint alone: the machine, its volume and its snapshots."""
    whole, mail = (set(template.build(machine=machine)["Resources"]) for machine in (True, False))
    machine = {
        "DataVolume",
        "SnapshotRole",
        "Snapshots",
        "Firewall",
        "Launch",
        "Machine",
        "ServerRole",
        "Profile",
    }
    assert whole - mail == machine


async def test_every_night_all_tables_go_to_a_bucket(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    s3 = client(aws, "s3")
    s3.create_bucket(Bucket="bi-night", CreateBucketConfiguration={"LocationConstraint": REGION})
    place = f"s3://bi-night/daily?region={REGION}&endpoint={aws}"
    clock = Clock(datetime.now(UTC).replace(hour=2))
    async with engine_in(tmp_path, clock, export=place) as engine:
        await created(engine, summary="Gala")
        nights = nightly.Nights(engine)
        nights.look()
        await nights.ended()
    keys = {one["Key"] for one in s3.list_objects_v2(Bucket="bi-night")["Contents"]}
    assert {f"daily/{table.value}/manifest.json" for table in Table} < keys
    manifest = json.loads(s3.get_object(Bucket="bi-night", Key="daily/events/manifest.json")["Body"].read())
    ((uri,),) = [files["URIs"] for files in manifest["fileLocations"]]
    found = s3.get_object(Bucket="bi-night", Key=uri.removeprefix("s3://bi-night/"))
    assert found["ContentType"] == "text/csv"
    assert b"Gala" in found["Body"].read()
