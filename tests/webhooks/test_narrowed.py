"""A key's webhook posts only while its key may: stopped it waits, and narrowed it is paused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.commands.agents.keys import StopKey
from engine.commands.webhooks.feeding import PostCheckpoint
from engine.commands.webhooks.webhooks import ControlWebhook, ReplayPosting, WebhookAction, WebhookDone
from engine.engine import SYSTEM, Engine
from engine.model.keys import Key
from engine.model.people import Partstat
from engine.model.webhooks import PostingState, WebhookKind
from engine.refusals import Code
from tests.bounds.making import made, narrowed
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, created, deliver, do, engine_in, invite, refusal
from tests.support.httpstub import Told
from tests.webhooks.receiver import LOCAL, Receiver, posted, posting, receiving, subscribed

AGENT, BOSS, HOST = "agent@cis.test", "boss@example.org", "127.0.0.1"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, **LOCAL) as opened:
        yield opened


async def _key(engine: Engine, **bounds: object) -> Key:
    given = {"verbs": "create,trigger,report", "links": [HOST], "owner": BOSS, **bounds}
    return await made(engine, address=AGENT, **given)


async def _paused(engine: Engine, made: WebhookDone) -> str:
    found = await engine.store.webhook(made.webhook.id)
    assert found
    return found.paused


@pytest.mark.parametrize(
    ("bounds", "code", "why"),
    [
        ({"links": []}, Code.OUT_OF_BOUNDS, "may no longer post to that address"),
        ({"verbs": "create,report"}, Code.NOT_ALLOWED, "may have no webhooks any more"),
    ],
)
async def test_a_webhook_that_its_key_could_not_make_any_more_is_paused_and_the_owner_reads_why(
    engine: Engine, bounds: dict[str, object], code: Code, why: str
) -> None:
    receiver, key = Receiver(), await _key(engine)
    async with receiving(receiver) as stub, posting(engine) as courier:
        hook = await subscribed(engine, stub.url, actor=key.actor)
        await created(engine, organizer=AGENT)
        await courier.drain()
        await narrowed(engine, key, **bounds)
        await created(engine, organizer=AGENT, summary="Meanwhile")
        await do(engine, PostCheckpoint(webhook_id=hook.webhook.id, note="head"), SYSTEM)
        await courier.drain()
        assert (len(receiver.got), await _paused(engine, hook)) == (1, code.value)
        (told,) = [m for m in await deliver(engine) if m.email == BOSS]
        assert told.notice
        assert why in told.notice.text
        resume = ControlWebhook(webhook_id=hook.webhook.id, action=WebhookAction.RESUME)
        assert await refusal(engine, resume, key.actor) is code
        await narrowed(engine, key, links=[HOST], verbs="create,trigger,report")
        await do(engine, resume, key.actor)
        await courier.drain()
        assert [body["data"]["event"]["summary"] for body in receiver.bodies[1:]] == ["Meanwhile"]


async def test_a_stopped_key_s_webhook_posts_nothing_and_goes_on_where_it_was_once_it_is_resumed(
    engine: Engine, clock: Clock
) -> None:
    receiver, key = Receiver(answers=[Told(500)]), await _key(engine)
    async with receiving(receiver) as stub, posting(engine) as courier:
        hook = await subscribed(engine, stub.url, actor=key.actor)
        await created(engine, organizer=AGENT)
        await courier.drain()
        await do(engine, StopKey(key_id=key.id))
        await created(engine, organizer=AGENT, summary="Meanwhile")
        await do(engine, PostCheckpoint(webhook_id=hook.webhook.id, note="head"), SYSTEM)
        clock.now += timedelta(minutes=1)
        await courier.drain()
        assert (len(receiver.got), await _paused(engine, hook)) == (1, "")
        assert [one.state for one in await posted(engine, hook)] == [PostingState.WAITING]
        await do(engine, StopKey(key_id=key.id, stopped=False))
        await courier.drain()
        assert len(receiver.got) == 3
        assert receiver.bodies[2]["data"]["event"]["summary"] == "Meanwhile"


async def test_what_waits_or_is_replayed_is_posted_masked_once_the_key_has_lost_report(
    engine: Engine, clock: Clock
) -> None:
    key = await _key(engine, verbs="create,send,trigger,report")
    receiver = Receiver(answers=[Told(500)])
    async with receiving(receiver) as stub, posting(engine) as courier:
        hook = await subscribed(engine, stub.url, [WebhookKind.RECEIPT], actor=key.actor)
        event = await created(engine, organizer=AGENT)
        await invite(engine, event, "ann@example.org")
        await deliver(engine)
        ann = await attendee(engine, event, "ann@example.org")
        await answer(engine, ann, Partstat.ACCEPTED, comment="Tell ben@example.org — Jörg")
        await courier.drain()
        await narrowed(engine, key, verbs="create,send,trigger")
        clock.now += timedelta(minutes=1)
        await courier.drain()
        (one,) = await posted(engine, hook)
        await do(engine, ReplayPosting(webhook_id=hook.webhook.id, posting_id=one.id), key.actor)
        await courier.drain()
    full, waited, replayed = receiver.bodies
    assert full["data"]["email"] == "ann@example.org"
    assert waited == replayed
    masked = {"email": "a*******@example.org", "words": "Tell b*******@example.org — Jörg"}
    assert waited == {**full, "data": {**full["data"], **masked}}


async def test_what_was_posted_is_replayed_to_no_address_outside_the_key_s_links(engine: Engine) -> None:
    receiver, key = Receiver(), await _key(engine)
    async with receiving(receiver) as stub, posting(engine) as courier:
        hook = await subscribed(engine, stub.url, actor=key.actor)
        await created(engine, organizer=AGENT)
        await courier.drain()
        (one,) = await posted(engine, hook)
        await narrowed(engine, key, links=[])
        again = ReplayPosting(webhook_id=hook.webhook.id, posting_id=one.id)
        assert await refusal(engine, again, key.actor) is Code.OUT_OF_BOUNDS


async def test_a_key_that_only_observes_posts_on_outside_its_links(engine: Engine) -> None:
    receiver, key = Receiver(), await _key(engine, links=[], mode="observe")
    async with receiving(receiver) as stub, posting(engine) as courier:
        await subscribed(engine, stub.url, actor=key.actor)
        await created(engine, organizer=AGENT)
        await courier.drain()
    assert len(receiver.got) == 1
