"""The installation on an emulator of AWS: put there, used by a real server, hindered, changed, taken away."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest

from cis_mcp.aws import template
from engine.engine import system_clock
from engine.jobs import nightly
from engine.model.exports import Table
from tests.cli.processes import run, serving
from tests.judges.ministack import BIN, KEYS, REGION, faults, fired, microburst, ministack
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, engine_in
from tests.support.sesmail import notification, stamped
from tests.support.sources import actions
from tests.support.waiting import eventually

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
                ],
            )
            async with served(tmp_path, stack, proxy):
                for number in range(5):
                    stack.came(f"mail-{number}", _mail(f"uid-{number}"))
                await _made(tmp_path, 5)
                await eventually(lambda: not stack.left(stack.queue))
            assert fired(proxy) >= 4
            await _made(tmp_path, 5)


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
