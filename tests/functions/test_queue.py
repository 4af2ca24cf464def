"""Mail and events of SES as a function that Lambda hands messages of a queue to; its report says what comes again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from cis_mcp.functions import queue as queue_function
from cis_mcp.functions.queue import QueueFunction
from engine.model.messages import MessageState
from engine.refusals import Refused
from engine.settings import Settings
from tests.inbox.test_ses_mail import CREATE, account, came
from tests.inbox.test_sqs_source import ANN, NAME, event_of, mail_of
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import claim, created, engine_in, invite, ledger, settings_in, settle
from tests.support.functions import in_a_thread
from tests.support.httpstub import Asked, Told
from tests.support.reports import ses_bounce
from tests.support.s3 import S3
from tests.support.ses import ENVIRONMENT
from tests.support.sesmail import stamped
from tests.support.sources import actions
from tests.support.sqs import Sqs, sqs
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def queue() -> AsyncIterator[Sqs]:
    async with account() as found:
        yield found


def _settings(folder: Path, queue: Sqs) -> Settings:
    return settings_in(folder, inbox=queue.inbox, dns="127.0.0.1:9")


def _records(queue: Sqs) -> dict[str, Any]:
    """What Lambda fetched of the queue."""
    return {
        "Records": [
            {
                "messageId": one.id,
                "receiptHandle": f"handle-{one.id}",
                "body": one.body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
                "eventSourceARN": f"arn:aws:sqs:eu-west-1:111122223333:{urlsplit(queue.inbox).netloc}",
                "awsRegion": "eu-west-1",
            }
            for one in queue.messages.values()
        ]
    }


def _failed(report: dict[str, Any]) -> list[str]:
    return [one["itemIdentifier"] for one in report["batchItemFailures"]]


async def test_mail_is_handled_before_the_report_and_what_is_not_understood_comes_again(
    tmp_path: Path, queue: Sqs
) -> None:
    async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
        came(queue, engine)
        poison = queue.post("poison")
    function = QueueFunction(_settings(tmp_path, queue))
    report = await in_a_thread(function, function.instance.close, _records(queue))
    assert _failed(report) == [poison]
    async with engine_in(tmp_path) as engine:
        assert dict(await actions(engine)) == {"created": 1}


async def test_a_batch_that_comes_twice_counts_once(tmp_path: Path, queue: Sqs) -> None:
    async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
        came(queue, engine)
    function = QueueFunction(_settings(tmp_path, queue))
    reports = await in_a_thread(function, function.instance.close, _records(queue), _records(queue))
    assert reports == {"batchItemFailures": []}
    async with engine_in(tmp_path) as engine:
        assert dict(await actions(engine)) == {"created": 1}


async def test_of_what_was_handled_no_copy_stays_on_the_disk_of_the_instance(
    tmp_path: Path, queue: Sqs, monkeypatch: pytest.MonkeyPatch
) -> None:
    strangers = [stamped(mails.request(sender="eve@evil.example", proven=False), CREATE) for _ in range(3)]
    monkeypatch.setattr(queue_function, "QUARANTINED_MAX", len(strangers[0]) * 3 // 2)
    async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
        came(queue, engine)
        for number, raw in enumerate(strangers):
            came(queue, engine, raw, f"in/stranger-{number}")
    function = QueueFunction(_settings(tmp_path, queue))
    batches = (_records(queue), _records(queue))
    assert await in_a_thread(function, function.instance.close, *batches) == {"batchItemFailures": []}
    inbox = tmp_path / "inbox"
    assert [len(list((inbox / part).iterdir())) for part in ("new", "done", "quarantine")] == [0, 0, 1]
    assert queue.bucket and len(queue.bucket.objects) == 4
    async with engine_in(tmp_path) as engine:
        found = await actions(engine)
        assert (found["created"], sum(found.values())) == (1, 4)


async def test_a_mail_that_cannot_be_read_now_comes_again(tmp_path: Path, queue: Sqs) -> None:
    async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
        came(queue, engine)
    assert queue.bucket
    queue.bucket.denied = True
    function = QueueFunction(_settings(tmp_path, queue))
    report = await in_a_thread(function, function.instance.close, _records(queue))
    assert _failed(report) == list(queue.messages)
    async with engine_in(tmp_path) as engine:
        assert dict(await actions(engine)) == {}


async def test_a_bounce_fails_the_message(tmp_path: Path, queue: Sqs) -> None:
    async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
        event = await created(engine)
        await invite(engine, event, ANN)
        await settle(engine, await claim(engine), MessageState.SENT, transport_id=NAME)
    queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN)))
    function = QueueFunction(_settings(tmp_path, queue))
    report = await in_a_thread(function, function.instance.close, _records(queue))
    assert _failed(report) == []
    async with engine_in(tmp_path) as engine:
        assert dict(await actions(engine)) == {"bounce": 1}
        assert (await ledger(engine, event, ANN)).state is MessageState.FAILED


async def test_a_message_of_another_queue_is_not_handled(tmp_path: Path, queue: Sqs) -> None:
    """Who may write to another queue has proven nothing: not that SES told of a bounce, nor that it took a mail."""
    async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
        event = await created(engine)
        await invite(engine, event, ANN)
        await settle(engine, await claim(engine), MessageState.SENT, transport_id=NAME)
    queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN)))
    records = _records(queue)
    records["Records"][0]["eventSourceARN"] = "arn:aws:sqs:eu-west-1:111122223333:other"
    function = QueueFunction(_settings(tmp_path, queue))
    report = await in_a_thread(function, function.instance.close, records)
    assert _failed(report) == [records["Records"][0]["messageId"]]
    async with engine_in(tmp_path) as engine:
        assert (await ledger(engine, event, ANN)).state is MessageState.SENT


async def test_without_a_queue_the_function_says_what_to_set(tmp_path: Path) -> None:
    function = QueueFunction(settings_in(tmp_path, inbox="maildir:///tmp/none"))
    with pytest.raises(Refused, match="CIS_INBOX names no queue"):
        await in_a_thread(function, function.instance.close, {"Records": []})


class Held(S3):
    """A bucket that answers once it is free."""

    free = False

    async def answer(self, asked: Asked) -> Told:
        await eventually(lambda: self.free)
        return await super().answer(asked)


class AlmostOver:
    """What Lambda says of a call that it ends in a moment."""

    def get_remaining_time_in_millis(self) -> int:
        return 5_000


async def test_a_call_that_takes_too_long_reports_what_comes_again_before_lambda_ends_it(
    tmp_path: Path,
) -> None:
    bucket = Held()
    async with sqs(bucket) as queue:
        async with engine_in(tmp_path, Clock(datetime.now(UTC))) as engine:
            came(queue, engine)
        function = QueueFunction(_settings(tmp_path, queue))

        def called() -> list[dict[str, Any]]:
            try:
                first = function(_records(queue), AlmostOver())
                bucket.free = True
                return [first, function(_records(queue), None)]
            finally:
                function.instance.close()

        first, again = await asyncio.to_thread(called)
    assert (_failed(first), _failed(again)) == (list(queue.messages), [])
    async with engine_in(tmp_path) as engine:
        assert dict(await actions(engine)) == {"created": 1}
