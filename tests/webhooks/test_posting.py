"""What happens is posted: signed, in order, again where it failed, and nowhere that may not be reached."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey, RevokeKey
from engine.commands.answers.deliveries import RecordBounce, RecordComplaint
from engine.commands.answers.proposals import RecordProposal
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.webhooks import clock as occasions
from engine.commands.webhooks.feeding import FeedWebhook
from engine.commands.webhooks.webhooks import ControlWebhook, ReplayPosting, WebhookAction
from engine.engine import SYSTEM, Engine
from engine.jobs import record
from engine.model.people import Partstat
from engine.model.triggers import Posted, Proof, Sender
from engine.model.webhooks import PostingState, WebhookKind
from engine.refusals import Code, Refused
from engine.triggers.proofs.proving import proven
from engine.webhooks.signing import public_key
from tests.support.clock import Clock
from tests.support.engines import (
    answer,
    attendee,
    control,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    invite,
    jobs_done,
    refusal,
)
from tests.support.httpstub import Told
from tests.triggers import vectors
from tests.webhooks.receiver import LOCAL, Receiver, posted, posting, receiving, subscribed


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, **LOCAL) as opened:
        yield opened


async def test_what_happens_is_posted_once_and_nothing_that_was_before(engine: Engine) -> None:
    receiver = Receiver()
    before = await created(engine)
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, f"{stub.url}/in?a=b")
        event = await created(engine, summary="Concert")
        await invite(engine, event, "bob@example.com")
        await deliver(engine)
        await answer(engine, await attendee(engine, event, "bob@example.com"), Partstat.ACCEPTED)
        await courier.drain()
        await courier.drain()
    assert receiver.types == ["event.created", "receipt"]
    first, second = receiver.bodies
    assert first["data"]["event"]["summary"] == "Concert"
    assert (second["data"]["email"], second["data"]["status"]) == ("bob@example.com", "accepted")
    assert receiver.got[0].target == "/in?a=b"
    assert before.uid not in str(receiver.bodies)
    assert [p.state for p in await posted(engine, made)] == [PostingState.DELIVERED] * 2


async def test_signatures_are_what_our_own_proofs_and_openssl_make_of_them(engine: Engine) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        rotated = await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.ROTATE))
        await created(engine)
        await courier.drain()
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.DROP_OLD))
        await created(engine)
        await courier.drain()
    both, alone = receiver.got
    request = Posted(method="POST", url=stub.url, headers=both.headers, body=both.body)
    hook = Proof(sender=Sender.STANDARD)
    for secret in (made.secret, rotated.secret, public_key(engine.signer)):
        assert proven(request, hook, (secret,), engine.clock())
        other = request.model_copy(update={"body": both.body + b" "})
        assert not proven(other, hook, (secret,), engine.clock())
    signed = b".".join(
        [both.headers["webhook-id"].encode(), both.headers["webhook-timestamp"].encode(), both.body]
    )
    by_openssl = vectors.openssl(signed, base64.b64decode(rotated.secret.removeprefix("whsec_")))
    assert f"v1,{base64.b64encode(by_openssl).decode()}" in both.headers["webhook-signature"].split(" ")
    later = Posted(method="POST", url=stub.url, headers=alone.headers, body=alone.body)
    assert not proven(later, hook, (made.secret,), engine.clock())
    assert proven(later, hook, (rotated.secret,), engine.clock())


async def test_a_rotation_that_is_repeated_keeps_the_secret_that_the_receiver_has(engine: Engine) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        rotate = ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.ROTATE)
        await do(engine, rotate)
        assert await refusal(engine, rotate) is Code.WEBHOOK_STATE
        await created(engine)
        await courier.drain()
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.DROP_OLD))
        assert (await do(engine, rotate)).secret
    (one,) = receiver.got
    request = Posted(method="POST", url=stub.url, headers=one.headers, body=one.body)
    assert proven(request, Proof(sender=Sender.STANDARD), (made.secret,), engine.clock())


async def test_the_newer_of_two_secrets_is_taken_back_and_the_older_goes_on(engine: Engine) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        lost = await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.ROTATE))
        for _ in range(2):
            await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.TAKE_BACK))
        await created(engine)
        await courier.drain()
    (one,) = receiver.got
    request, hook = (
        Posted(method="POST", url=stub.url, headers=one.headers, body=one.body),
        Proof(sender=Sender.STANDARD),
    )
    assert proven(request, hook, (made.secret,), engine.clock())
    assert not proven(request, hook, (lost.secret,), engine.clock())


async def test_every_kind_that_is_asked_for_comes(engine: Engine, clock: Clock) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        kinds = [WebhookKind.EVENT_CHANGED, WebhookKind.EVENT_CANCELLED, WebhookKind.COMPLAINT]
        kinds += [WebhookKind.EVENT_STARTING, WebhookKind.EVENT_ENDED, WebhookKind.CHECKPOINT]
        await subscribed(engine, stub.url, kinds, starting_minutes=30)
        event = await created(engine)
        await invite(engine, event, "bob@example.com")
        await deliver(engine)
        token = (await attendee(engine, event, "bob@example.com")).token
        await do(engine, RecordComplaint(token=token), SYSTEM)
        await do(engine, UpdateEvent(uid=event.uid, summary="Other"))
        await record.keep(engine)
        await courier.drain()
        clock.now = event.span.start_utc - timedelta(minutes=31)
        await courier.drain()
        assert sorted(receiver.types) == ["checkpoint", "complaint", "event.changed"]
        clock.move(minutes=1)
        await courier.drain()
        clock.now = event.span.end_utc
        await courier.drain()
        await courier.drain()
        other = await created(engine, when={"start": "2028-05-02T19:00Z", "duration": "PT1H"})
        await do(engine, CancelEvent(uid=other.uid))
        clock.now = other.span.end_utc
        await courier.drain()
    assert receiver.types[3:] == ["event.starting", "event.ended", "event.cancelled"]
    instance = receiver.bodies[3]["data"]["instance"]
    assert instance == {"start": "2027-05-02T23:00:00Z", "end": "2027-05-03T01:00:00Z"}


async def test_a_proposal_a_bounce_and_a_list_that_is_done_are_posted(engine: Engine) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        kinds = [WebhookKind.PROPOSAL, WebhookKind.MESSAGE_BOUNCED, WebhookKind.CAMPAIGN_FINISHED]
        await subscribed(engine, stub.url, kinds)
        event = await created(engine)
        draft = await drafted(engine, event, ["bob@example.com", "eve@example.com"])
        await control(engine, draft, CampaignAction.START)
        await jobs_done(engine)
        await deliver(engine)
        await jobs_done(engine)
        bob, eve = [await attendee(engine, event, f"{name}@example.com") for name in ("bob", "eve")]
        later = event.span.model_copy(update={"start": event.span.start + timedelta(hours=1)})
        proposal = RecordProposal(
            uid=event.uid, email=bob.email, token=bob.token, span=later, comment="Later?"
        )
        await do(engine, proposal, SYSTEM)
        await do(engine, RecordBounce(token=eve.token, permanent=True, status="5.1.1"), SYSTEM)
        await courier.drain()
    assert sorted(receiver.types) == ["campaign.finished", "message.bounced", "proposal"]
    told = {body["type"]: body["data"] for body in receiver.bodies}
    assert (told["proposal"]["email"], told["proposal"]["words"]) == ("bob@example.com", "Later?")
    assert told["message.bounced"]["email"] == "eve@example.com"


async def test_what_begins_in_the_same_second_is_posted_once_though_it_takes_several_units(
    engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occasions, "AT_ONCE", 2)
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        kinds = [WebhookKind.EVENT_STARTING, WebhookKind.EVENT_ENDED]
        await subscribed(engine, stub.url, kinds, starting_minutes=30)
        events = [await created(engine, summary=f"Concert {n}") for n in range(5)]
        later = await created(engine, when={"start": "2027-05-02T19:00:01-04:00", "duration": "PT2H"})
        clock.now = events[0].span.start_utc - timedelta(minutes=30)
        await courier.drain()
        clock.now = later.span.end_utc
        await courier.drain()
    posted = [(body["type"], body["data"]["event"]["uid"]) for body in receiver.bodies]
    uids = [event.uid for event in (*events, later)]
    assert sorted(posted) == sorted((kind.value, uid) for kind in kinds for uid in uids)


async def test_what_waits_for_a_yes_and_what_was_decided_are_posted(engine: Engine) -> None:
    from engine.commands.approvals.deciding import Decide
    from engine.model.held import Channel

    receiver = Receiver()
    key = await do(engine, CreateKey(name="k", bounds=read_bounds({"approval": ["everything"]})))
    async with receiving(receiver) as stub, posting(engine) as courier:
        await subscribed(engine, stub.url, [WebhookKind.HELD_WAITING, WebhookKind.HELD_DECIDED])
        done = await do(
            engine,
            CreateEvent(summary="x", when={"start": "2027-05-02T19:00Z", "duration": "PT1H"}),
            key.key.actor,
        )
        assert done.held
        decide = Decide(held_id=done.held.id, approve=False, channel=Channel.COMMAND_LINE, why="no")
        await do(engine, decide)
        await courier.drain()
    assert receiver.types == ["held.waiting", "held.decided"]
    assert [one["data"]["held_id"] for one in receiver.bodies] == [done.held.id] * 2
    assert receiver.bodies[1]["data"]["status"] == "refused"
    assert done.held.code not in str(receiver.bodies)


async def test_one_event_is_posted_in_order_while_others_go_on(engine: Engine, clock: Clock) -> None:
    receiver = Receiver(answers=[Told(500)])
    async with receiving(receiver) as stub, posting(engine) as courier:
        await subscribed(engine, stub.url)
        event = await created(engine)
        await courier.drain()
        await do(engine, UpdateEvent(uid=event.uid, summary="Second"))
        await created(engine, summary="Another")
        clock.move(seconds=4)
        await courier.drain()
        assert len(receiver.got) == 1
        clock.move(seconds=2)
        await courier.drain()
    told = [(one["type"], one["data"]["event"]["summary"]) for one in receiver.bodies]
    assert told.index(("event.changed", "Second")) > 1
    assert sorted(told[1:]) == sorted(
        [("event.created", "Season opener"), ("event.changed", "Second"), ("event.created", "Another")]
    )
    again = [one.headers["webhook-id"] for one in receiver.got if json.loads(one.body) == receiver.bodies[0]]
    assert len(again) == 2
    assert len(set(again)) == 1


async def test_a_receiver_is_tried_for_72_hours_with_growing_waits_and_then_paused(
    engine: Engine, clock: Clock
) -> None:
    receiver = Receiver(answers=[Told(503)] * 100)
    began = clock()
    tried: list[timedelta] = []
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        event = await created(engine)
        while (found := await engine.store.webhook(made.webhook.id)) and found.active:
            assert clock() - began < timedelta(days=4)
            before = len(receiver.got)
            await courier.drain()
            if len(receiver.got) > before:
                tried.append(clock() - began)
            found = await engine.store.webhook(made.webhook.id)
            assert found
            clock.now = max(found.rests_until or clock(), clock() + timedelta(seconds=1))
        waits = [int((later - sooner).total_seconds()) for sooner, later in itertools.pairwise(tried)]
        assert waits[:4] == [5, 30, 120, 600]
        assert waits == sorted(waits)
        assert timedelta(hours=60) < tried[-1] <= timedelta(hours=72)
        assert found.paused == Code.FAILING
        (message,) = [m for m in await deliver(engine) if m.notice and "Paused" in m.notice.subject]
        assert made.webhook.id in message.notice.text  # type: ignore[union-attr]
        receiver.answers.clear()
        await created(engine, summary="While it was paused")
        await do(engine, UpdateEvent(uid=event.uid, summary="Second"))
        await courier.drain()
        count = len(receiver.got)
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.RESUME))
        await courier.drain()
        told = [body["data"]["event"]["summary"] for body in receiver.bodies[count:]]
        assert told.index("Season opener") < told.index("Second")
        assert sorted(told) == ["Season opener", "Second", "While it was paused"]
        assert receiver.got[count].headers["webhook-id"] == receiver.got[0].headers["webhook-id"]
        assert {p.state for p in await posted(engine, made)} == {PostingState.DELIVERED}


async def test_what_a_receiver_does_not_take_though_it_takes_all_else_is_given_up_and_replayed(
    engine: Engine, clock: Clock
) -> None:
    receiver, began = Receiver(never="Season opener"), clock()
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine)
        await courier.drain()
        while (bad := (await posted(engine, made))[0]).state is PostingState.WAITING:
            assert clock() - began < timedelta(days=4)
            clock.now = max(clock() + timedelta(seconds=6), bad.due or clock())
            await created(engine, summary="Another")
            await courier.drain()
        assert bad.state is PostingState.FAILED
        found = await engine.store.webhook(made.webhook.id)
        assert found
        assert found.active
        clock.move(seconds=6)
        receiver.never = ""
        await do(engine, ReplayPosting(webhook_id=made.webhook.id, posting_id=bad.id))
        await courier.drain()
        assert bad.id in [one.headers["webhook-id"] for one in receiver.got[-2:]]
        assert {p.state for p in await posted(engine, made)} == {PostingState.DELIVERED}


async def test_what_was_tried_before_a_pause_is_tried_for_72_hours_after_it(
    engine: Engine, clock: Clock
) -> None:
    receiver = Receiver(answers=[Told(503)] * 2)
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine)
        await courier.drain()
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.PAUSE))
        clock.move(hours=96)
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.RESUME))
        await courier.drain()
        (waiting,) = await posted(engine, made)
        assert (waiting.state, waiting.attempts) == (PostingState.WAITING, 2)
        clock.move(hours=1)
        await courier.drain()
        assert {p.state for p in await posted(engine, made)} == {PostingState.DELIVERED}


async def test_what_waited_while_a_webhook_was_paused_for_days_is_tried_as_anything_else(
    engine: Engine, clock: Clock
) -> None:
    receiver = Receiver(answers=[Told(503)] * 2)
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine, summary="Tried before the pause")
        await courier.drain()
        await created(engine, summary="Waiting behind it")
        await courier.drain()
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.PAUSE))
        clock.move(hours=96)
        await do(engine, ControlWebhook(webhook_id=made.webhook.id, action=WebhookAction.RESUME))
        for _ in range(3):
            await courier.drain()
            clock.move(seconds=121)
        assert {p.state for p in await posted(engine, made)} == {PostingState.DELIVERED}


@pytest.mark.parametrize("as_date", [False, True])
async def test_retry_after_is_obeyed(engine: Engine, clock: Clock, as_date: bool) -> None:
    until = clock() + timedelta(seconds=90)
    said = format_datetime(until, usegmt=True) if as_date else "90"
    receiver = Receiver(answers=[Told(429, {"Retry-After": said})])
    async with receiving(receiver) as stub, posting(engine) as courier:
        await subscribed(engine, stub.url)
        await created(engine)
        for _ in range(2):
            await courier.drain()
            clock.move(seconds=44)
        await courier.drain()
        assert len(receiver.got) == 1
        clock.move(seconds=3)
        await courier.drain()
        assert len(receiver.got) == 2


async def test_a_retry_after_at_the_end_of_time_is_a_failed_attempt_like_any_other(engine: Engine) -> None:
    said = "Mon, 01 Jan 99999999999999 00:00:00 GMT"
    receiver = Receiver(answers=[Told(503, {"Retry-After": said})])
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine)
        await courier.drain()
        assert [one.attempts for one in await posted(engine, made)] == [1]


async def test_410_ends_it_and_the_owner_is_told(engine: Engine) -> None:
    receiver = Receiver(answers=[Told(410)])
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine)
        await courier.drain()
        await created(engine)
        await courier.drain()
        assert len(receiver.got) == 1
    found = await engine.store.webhook(made.webhook.id)
    assert found
    assert found.paused == "gone"
    assert [m.notice.subject for m in await deliver(engine) if m.notice] == [
        f"Paused: the webhook {made.webhook.id}"
    ]
    replay = ReplayPosting(webhook_id=made.webhook.id, posting_id=(await posted(engine, made))[0].id)
    assert await refusal(engine, replay) is Code.WEBHOOK_STATE


async def test_several_410_at_a_time_are_told_to_the_owner_once(engine: Engine) -> None:
    receiver = Receiver(answers=[Told(410)] * 5)
    async with receiving(receiver) as stub, posting(engine) as courier:
        await subscribed(engine, stub.url, [WebhookKind.EVENT_CREATED])
        for _ in range(5):
            await created(engine)
        await courier.drain()
    assert len(receiver.got) > 1
    assert len([m for m in await deliver(engine) if m.notice]) == 1


async def test_a_redirect_is_a_failure_and_not_followed(engine: Engine) -> None:
    receiver = Receiver(answers=[Told(302, {"Location": "http://169.254.169.254/latest"})])
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine)
        await courier.drain()
    (one,) = await posted(engine, made)
    assert (one.status, one.state, len(receiver.got)) == (302, PostingState.WAITING, 1)


async def test_a_slow_receiver_holds_nobody_up(engine: Engine) -> None:
    slow, quick = Receiver(gate=asyncio.Event()), Receiver()
    async with receiving(slow) as one, receiving(quick) as two, posting(engine) as courier:
        await subscribed(engine, one.url)
        await subscribed(engine, two.url)
        for n in range(20):
            await created(engine, summary=f"Event {n}")
        while len(quick.got) < 20:
            await courier.step()
            await asyncio.sleep(0)
        assert len(slow.got) <= 8
        assert slow.gate
        slow.gate.set()
        await courier.drain()
        assert len(slow.got) == 20


async def test_a_receiver_that_hangs_up_or_is_not_there_is_tried_again(engine: Engine, clock: Clock) -> None:
    receiver = Receiver(answers=[None])
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        await created(engine)
        await courier.drain()
        assert "connection" in (await posted(engine, made))[0].detail
        clock.move(minutes=1)
        await courier.drain()
        assert [p.state for p in await posted(engine, made)] == [PostingState.DELIVERED]


async def test_what_was_posting_when_the_process_died_is_posted_again_with_its_id(
    engine: Engine, clock: Clock
) -> None:
    receiver = Receiver(gate=asyncio.Event())
    async with receiving(receiver) as stub:
        await subscribed(engine, stub.url)
        await created(engine)
        async with posting(engine) as dies:
            while not receiver.got:
                await dies.step()
                await asyncio.sleep(0)
        receiver.gate = None
        async with posting(engine) as courier:
            await courier.drain()
            assert len(receiver.got) == 1
            clock.move(seconds=61)
            await courier.drain()
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]


async def test_what_was_claimed_so_late_that_another_may_claim_it_is_left_for_whoever_comes_next(
    engine: Engine, clock: Clock
) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url, [WebhookKind.EVENT_CREATED])
        await created(engine)
        await do(engine, FeedWebhook(webhook_id=made.webhook.id), SYSTEM)
        claiming = asyncio.create_task(courier._claimed(made.webhook, 1))
        for _ in range(2):  # the claim's own task takes the time, and goes to the store
            await asyncio.sleep(0)
        clock.move(seconds=50)
        assert await claiming == ()
        async with posting(engine) as other:
            clock.move(seconds=11)
            await other.drain()
    assert len(receiver.got) == 1


async def test_a_key_hears_of_its_own_organizer_masked_and_only_while_it_lives(engine: Engine) -> None:
    receiver = Receiver()
    key = await do(
        engine,
        CreateKey(
            name="k", address="ann@example.com", bounds=read_bounds({"verbs": "read,create,send,trigger"})
        ),
    )
    actor = key.key.actor
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url, actor=actor)
        await created(engine)
        event = await created(engine, actor)
        await invite(engine, event, "bob@example.com")
        await deliver(engine)
        await answer(engine, await attendee(engine, event, "bob@example.com"), Partstat.ACCEPTED)
        await courier.drain()
        assert [one["data"]["organizer"] for one in receiver.bodies] == ["ann@example.com"] * 2
        assert receiver.bodies[1]["data"]["email"] == "b*******@example.com"
        await do(engine, RevokeKey(key_id=key.key.id))
        await created(engine, summary="Later")
        await courier.drain()
        assert len(receiver.got) == 2
    found = await engine.store.webhook(made.webhook.id)
    assert found
    assert found.paused == "key_ended"


async def test_a_key_posts_only_where_it_may_link_and_only_with_the_verb(engine: Engine) -> None:
    from engine.webhooks import asking

    bounded = await do(
        engine, CreateKey(name="a", bounds=read_bounds({"verbs": "trigger", "links": ["example.com"]}))
    )
    reader = await do(engine, CreateKey(name="b", bounds=read_bounds({"verbs": "read"})))
    for actor, code in ((bounded.key.actor, Code.OUT_OF_BOUNDS), (reader.key.actor, Code.NOT_ALLOWED)):
        with pytest.raises(Refused) as refused:
            await asking.create(engine, actor, "http://127.0.0.1:9/in", ())
        assert refused.value.code is code


async def test_what_waits_is_bounded_and_the_rest_stays_in_the_log(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.commands.webhooks.feeding.WAITING_MAX", 5)
    monkeypatch.setattr("engine.commands.webhooks.feeding._AT_ONCE", 5)
    receiver = Receiver(gate=asyncio.Event())
    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url)
        for _ in range(12):
            await created(engine)
        for _ in range(4):
            await courier.step()
        assert len(await posted(engine, made)) == 5
        assert receiver.gate
        receiver.gate.set()
        await courier.drain()
        assert len(receiver.got) == 12
    await jobs_done(engine)


async def test_each_date_of_a_series_is_starting_and_one_that_was_cancelled_is_not(
    engine: Engine, clock: Clock
) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        await subscribed(engine, stub.url, [WebhookKind.EVENT_STARTING], starting_minutes=0)
        event = await created(engine, recurrence="FREQ=DAILY;COUNT=3", exclude_dates=["2027-05-03"])
        for _ in range(4):
            clock.now = (
                event.span.start_utc if clock() < event.span.start_utc else clock() + timedelta(days=1)
            )
            await courier.drain()
    starts = [one["data"]["instance"]["start"] for one in receiver.bodies]
    assert starts == ["2027-05-02T23:00:00Z", "2027-05-04T23:00:00Z"]


async def test_what_attempts_came_to_is_written_down_once_the_store_takes_it_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    receiver = Receiver()

    async def broken(*_: object) -> None:
        raise OSError("the disk is full")

    async with receiving(receiver) as stub, posting(engine) as courier:
        made = await subscribed(engine, stub.url, [WebhookKind.EVENT_CREATED])
        await created(engine)
        await courier.step()
        await asyncio.gather(*courier._under_way)
        with monkeypatch.context() as breaking:
            breaking.setattr(engine.store, "transact", broken)
            with pytest.raises(OSError, match="full"):
                await courier.step()
        await courier.drain()
        assert [(p.state, p.attempts) for p in await posted(engine, made)] == [(PostingState.DELIVERED, 1)]
    assert len(receiver.got) == 1
