"""Events of Amazon SES from a queue: bounces, complaints and rejects reach the ledger and the do-not-mail list."""

from __future__ import annotations

import json
from functools import partial

import pytest

from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.inbox.sources.sqs import SqsQueue
from engine.model.events import Event
from engine.model.messages import Message, MessageState
from engine.refusals import Code
from tests.support.engines import claim, created, invite, ledger, settle
from tests.support.engines import why_not as refusal_of
from tests.support.intakes import newest
from tests.support.reports import ses, ses_bounce
from tests.support.ses import ENVIRONMENT
from tests.support.sources import fetching
from tests.support.sqs import Sqs, sqs
from tests.support.waiting import eventually

ANN = "ann@example.com"
NAME = "0102018f00000000-00000001-0000-4000-8000-000000000000-000000"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


async def sent(engine: Engine, email: str = ANN) -> Event:
    """The event of an invite that SES took as NAME."""
    event = await created(engine)
    await invite(engine, event, email)
    claims = await claim(engine)
    await settle(engine, claims, MessageState.SENT, transport_id=NAME)
    return event


def mail_of(email: str = ANN, name: str = NAME) -> dict[str, object]:
    """What SES says of the mail."""
    tags = {"cis-row": ["1"], "ses:configuration-set": ["invites"]}
    return {"messageId": name, "source": "rsvp@cis.test", "destination": [email], "tags": tags}


def event_of(notification: dict[str, object]) -> dict[str, object]:
    """A notification as a configuration set publishes it."""
    return {"eventType" if key == "notificationType" else key: value for key, value in notification.items()}


async def message(engine: Engine, event: Event) -> Message:
    return await ledger(engine, event, ANN)


async def taken(engine: Engine, queue: Sqs) -> None:
    """Return when the queue is empty, read as `CIS_INBOX` says."""
    async with fetching(engine, queue.inbox):
        await eventually(lambda: not queue.messages)


async def why_not(engine: Engine, email: str = ANN) -> Code | None:
    """Why nothing more can be sent to the address; None if it can."""
    return await refusal_of(engine, SendInvite(uid=(await created(engine)).uid, email=email))


async def test_a_bounce_fails_the_message_and_suppresses_the_address(engine: Engine) -> None:
    event = await sent(engine)
    async with sqs() as queue:
        queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN)))
        await taken(engine, queue)
    assert (await message(engine, event)).state is MessageState.FAILED
    assert await why_not(engine) is Code.ADDRESS_SUPPRESSED


async def test_an_event_without_the_envelope_of_sns_is_read_as_well(engine: Engine) -> None:
    event = await sent(engine)
    async with sqs() as queue:
        queue.post(json.dumps(event_of(ses_bounce(mail_of(), ANN))))
        await taken(engine, queue)
    assert (await message(engine, event)).state is MessageState.FAILED


async def test_a_bounce_that_passes_fails_the_message_alone(engine: Engine) -> None:
    event = await sent(engine)
    async with sqs() as queue:
        queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN, kind="Transient")))
        await taken(engine, queue)
    assert (await message(engine, event)).state is MessageState.FAILED
    assert await why_not(engine) is None


async def test_a_complaint_suppresses_the_address_for_everybody(engine: Engine) -> None:
    await sent(engine)
    about = {"complainedRecipients": [{"emailAddress": ANN}], "complaintFeedbackType": "abuse"}
    async with sqs() as queue:
        queue.post_by_sns(event_of(ses("Complaint", about, mail_of())))
        await taken(engine, queue)
    assert await why_not(engine) is Code.ADDRESS_SUPPRESSED


async def test_a_mail_that_ses_rejects_has_failed_and_its_address_is_not_at_fault(engine: Engine) -> None:
    event = await sent(engine)
    async with sqs() as queue:
        queue.post_by_sns(event_of(ses("Reject", {"reason": "Bad content"}, mail_of())))
        await taken(engine, queue)
    found = await message(engine, event)
    assert (found.state, "Bad content" in found.answer) == (MessageState.FAILED, True)
    assert await why_not(engine) is None


def delivered(**more: object) -> dict[str, object]:
    """The event about a mail that the recipient's server took."""
    about = {"recipients": [ANN], "smtpResponse": "250 2.6.0 Message received", "processingTimeMillis": 546}
    return event_of(ses("Delivery", {**about, **more}, mail_of()))


def delayed() -> dict[str, object]:
    """The event about a mail that SES keeps trying to deliver."""
    person = {"emailAddress": ANN, "status": "4.2.2", "diagnosticCode": "smtp; 452 mailbox full"}
    about = {"delayType": "MailboxFull", "expirationTime": "2027-03-02T09:00:00.000Z"}
    told = ses("DeliveryDelay", {}, mail_of())
    told.pop("deliverydelay", None)
    return event_of({**told, "deliveryDelay": {**about, "delayedRecipients": [person]}})


async def test_a_delay_and_a_delivery_are_told_in_the_answer_of_the_message(engine: Engine) -> None:
    event = await sent(engine)
    found = []
    async with sqs() as queue, fetching(engine, queue.inbox):
        for n, told in enumerate((delayed(), delivered(), delivered(), delayed())):
            queue.post_by_sns(told, f"sns-{n}")
            await eventually(lambda: not queue.messages)
            found.append(await message(engine, event))
    words = "the recipient's server took it: 250 2.6.0 Message received"
    assert [one.answer for one in found] == ["delayed: 4.2.2 smtp; 452 mailbox full", words, words, words]
    assert {one.state for one in found} == {MessageState.SENT}
    assert [line for line in await newest(engine, 100) if line.id.startswith("sqs_")] == [], "none is counted"
    assert await why_not(engine) is None


async def test_a_delivery_after_a_bounce_leaves_the_message_failed(engine: Engine) -> None:
    event = await sent(engine)
    async with sqs() as queue, fetching(engine, queue.inbox):
        for n, told in enumerate((event_of(ses_bounce(mail_of(), ANN)), delivered())):
            queue.post_by_sns(told, f"sns-{n}")
            await eventually(lambda: not queue.messages)
    found = await message(engine, event)
    assert (found.state, found.code, "took it" in found.answer) == (MessageState.FAILED, Code.BOUNCED, False)


@pytest.mark.parametrize("kind", ["Send", "Open"])
async def test_other_events_change_nothing_and_leave_the_queue(engine: Engine, kind: str) -> None:
    event = await sent(engine)
    async with sqs() as queue:
        queue.post_by_sns(event_of(ses(kind, {}, mail_of())))
        await taken(engine, queue)
    assert (await message(engine, event)).state is MessageState.SENT


async def test_the_greeting_of_ses_leaves_the_queue(engine: Engine) -> None:
    async with sqs() as queue:
        queue.post_by_sns("Successfully validated SNS topic for Amazon SES event publishing.")
        await taken(engine, queue)


async def test_an_event_that_comes_twice_is_recorded_once(engine: Engine) -> None:
    await sent(engine)
    async with sqs() as queue:
        for _ in range(2):
            queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN)), "the-same")
        await taken(engine, queue)
    assert len(queue.deleted) == 2
    lines = [line for line in await newest(engine, 100) if line.id.startswith("sqs_")]
    assert [(line.id, line.action) for line in lines] == [("sqs_cis-events:the-same", "bounce")]


async def test_an_event_about_mail_of_others_leaves_the_queue_and_changes_nothing(engine: Engine) -> None:
    other = {k: v for k, v in mail_of(name="0102018f00000000-other").items() if k != "tags"}
    async with sqs() as queue:
        queue.post_by_sns(event_of(ses_bounce(other, ANN)))
        await taken(engine, queue)
    assert await why_not(engine) is None


async def test_an_event_that_is_quicker_than_the_answer_to_its_mail_comes_again(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    claims = await claim(engine)
    async with sqs() as queue, fetching(engine, queue.inbox):
        queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN)))
        await eventually(lambda: all(not kept.visible for kept in queue.messages.values()))
        await settle(engine, claims, MessageState.SENT, transport_id=NAME)
        queue.visibility_ends()
        await eventually(lambda: not queue.messages)
    assert (await message(engine, event)).state is MessageState.FAILED


@pytest.mark.parametrize(
    "body", ["", "hello", "[]", "{}", '{"Message": "{}"}', '{"notificationType": "Received", "mail": {}}']
)
async def test_what_is_no_event_is_left_for_the_dead_letter_queue(engine: Engine, body: str) -> None:
    async with sqs() as queue, fetching(engine, queue.inbox):
        name = queue.post(body)
        for n in range(1, 4):
            await eventually(partial(_received, queue, n))
            queue.visibility_ends()
        assert queue.dead == [name]
        assert queue.deleted == []


def _received(queue: Sqs, times: int) -> bool:
    return all(not kept.visible and kept.received == times for kept in queue.messages.values())


async def test_a_queue_that_may_not_be_read_loses_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(engine)
    async with sqs() as queue:
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
        queue.post_by_sns(event_of(ses_bounce(mail_of(), ANN)))
        async with fetching(engine, queue.inbox):
            await eventually(lambda: queue.refused > 0)
    assert len(queue.messages) == 1


@pytest.mark.parametrize(
    "url",
    [
        "sqs://q",
        "sqs://?region=eu-west-1",
        "sqs://q/x?region=eu-west-1",
        "sqs://q?region=eu-west-1&x=y",
        "sqs://q?region=x",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(engine: Engine, url: str) -> None:
    with pytest.raises(ValueError, match="CIS_INBOX: source 2 must be given as sqs://QUEUE"):
        SqsQueue.of(url, 2)
