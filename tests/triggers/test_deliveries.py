"""What becomes of deliveries: once, in order, only those mailed whom it concerns."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey, RevokeKey, StopKey
from engine.commands.approvals.deciding import Decide
from engine.commands.operators.operators import SuspendOrganizer
from engine.commands.triggers.deliveries import EmptyDeliveries, HandleDelivery, PlanDelivery, ReplayDelivery
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import SYSTEM, Engine
from engine.model.held import Channel, HeldState
from engine.model.messages import Kind
from engine.model.triggers import DeliveryState, Proof, Sender
from engine.refusals import Code
from engine.rules.mapping import mapped
from engine.rules.reading import rules_of
from engine.store.sqlite.unit import SqliteUnit
from engine.triggers import asking, worker
from tests.bounds.making import narrowed
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite, refusal
from tests.triggers.crm import (
    RULES,
    deal,
    delivered,
    deliveries,
    events,
    handled,
    invited,
    keep,
    people,
    trigger,
)

State = DeliveryState
ANN = "ann@example.com"


async def test_a_delivery_makes_an_event_and_invites_whom_it_names(engine: Engine) -> None:
    hook = await trigger(engine)
    done = await delivered(engine, hook, deal())
    assert (done.state, done.invited, done.refused) == (State.DONE, 2, ())
    (event,) = await events(engine)
    assert (event.summary, event.uid) == ("Demo: Acme", done.event_uid)
    assert await invited(engine, event) == ["ann@example.com", "ben@example.com"]
    assert sorted(m.email for m in await deliver(engine)) == ["ann@example.com", "ben@example.com"]
    assert hook.key in event.key


async def test_fifty_copies_at_once_make_one_event_and_one_invite_each(engine: Engine) -> None:
    hook = await trigger(engine)
    kept = await asyncio.gather(*[keep(engine, hook, deal(), "same") for _ in range(25)])
    kept += await asyncio.gather(*[keep(engine, hook, deal(), f"other-{n}") for n in range(25)])
    assert sum(one.new for one in kept) == 26
    await asyncio.gather(*[worker.step(engine) for _ in range(3)])
    await handled(engine)
    assert len(await events(engine)) == 1
    assert len(await deliver(engine)) == 2
    states = [d.state for d in await deliveries(engine, hook)]
    assert (states.count(State.DONE), states.count(State.UNCHANGED)) == (1, 25)


async def test_the_greatest_version_wins_whichever_comes_first(engine: Engine) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal(version=5, title="New"))
    late = await delivered(engine, hook, deal(version=4, title="Old"))
    assert (late.state, late.code) == (State.STALE, Code.STALE)
    assert [e.summary for e in await events(engine)] == ["Demo: New"]
    same = await delivered(engine, hook, deal(version=5, title="Tie"))
    assert (same.state, same.code) == (State.DONE, "same_version")
    assert [e.summary for e in await events(engine)] == ["Demo: Tie"]


async def test_an_object_whose_hour_is_no_longer_known_is_moved_to_its_new_day(engine: Engine) -> None:
    hour = "duration_minutes: \"{{ event.minutes | default('45') }}\""
    hook = await trigger(engine, RULES.replace('duration_minutes: "45"', hour))
    await delivered(engine, hook, deal())
    announced = deal(version=2, start="2027-05-12", minutes="")
    assert (await delivered(engine, hook, announced)).state is State.DONE
    (event,) = await events(engine)
    assert (str(event.span.start), event.span.all_day) == ("2027-05-12", True)
    assert (await delivered(engine, hook, deal(version=3))).state is State.DONE
    (event,) = await events(engine)
    assert event.span.start_utc.isoformat() == "2027-05-02T17:00:00+00:00"


async def test_minutes_that_a_rule_always_gives_do_not_keep_an_object_from_its_new_day(
    engine: Engine,
) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    assert (await delivered(engine, hook, deal(version=2, start="2027-05-12"))).state is State.DONE
    (event,) = await events(engine)
    assert (str(event.span.start), str(event.span.end)) == ("2027-05-12", "2027-05-13")


async def test_minutes_that_come_to_whole_days_last_so_many(engine: Engine) -> None:
    hook = await trigger(engine, RULES.replace('duration_minutes: "45"', 'duration_minutes: "2880"'))
    await delivered(engine, hook, deal(start="2027-05-12", timezone="Europe/Paris"))
    (event,) = await events(engine)
    assert (str(event.span.start), str(event.span.end)) == ("2027-05-12", "2027-05-14")


async def test_a_cancellation_that_overtakes_keeps_the_event_from_being_made(engine: Engine) -> None:
    hook = await trigger(engine)
    assert (await delivered(engine, hook, deal(stage="lost", version=9))).state is State.NOTHING
    assert (await delivered(engine, hook, deal(version=8))).state is State.STALE
    assert await events(engine) == []
    assert (await delivered(engine, hook, deal(version=10))).state is State.DONE


async def test_who_left_gets_a_cancellation_who_joined_an_invite_and_others_nothing(engine: Engine) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal(people=people("ann", "ben")))
    await deliver(engine)
    done = await delivered(engine, hook, deal(version=2, people=people("ben", "cleo")))
    assert (done.invited, done.withdrawn) == (1, 1)
    gone = [(m.email, m.kind) for m in await deliver(engine)]
    assert sorted(gone) == [("ann@example.com", Kind.WITHDRAWAL), ("cleo@example.com", Kind.INVITE)]


async def test_a_lost_deal_cancels_and_a_reopened_one_begins_anew(engine: Engine) -> None:
    hook = await trigger(engine)
    first = await delivered(engine, hook, deal())
    await deliver(engine)
    await delivered(engine, hook, deal(stage="lost", version=2))
    assert {m.kind for m in await deliver(engine)} == {Kind.CANCELLATION}
    again = await delivered(engine, hook, deal(version=3))
    assert again.state is State.DONE
    assert again.event_uid != first.event_uid
    assert len(await deliver(engine)) == 2


async def test_a_second_change_within_the_time_to_undo_replaces_the_first(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    await deliver(engine)
    first = await delivered(engine, hook, deal(stage="moved", version=2, start="2027-06-01T10:00:00Z"))
    assert first.state is State.WAITING
    clock.move(seconds=30)
    await delivered(engine, hook, deal(stage="moved", version=3, start="2027-07-01T10:00:00Z"))
    clock.move(seconds=59)
    await handled(engine)
    assert await deliver(engine) == []
    clock.move(seconds=1)
    await handled(engine)
    (event,) = await events(engine)
    assert event.span.start_utc.isoformat() == "2027-07-01T10:00:00+00:00"
    assert [d.state for d in await deliveries(engine, hook)] == [State.DONE, State.REPLACED, State.DONE]
    assert len(await deliver(engine)) == 2
    late = await delivered(
        engine, hook, deal(stage="moved", version=2, start="2027-08-01T10:00:00Z", title="x")
    )
    assert late.state is State.STALE


async def test_what_waited_as_a_delivery_does_not_wait_once_more_as_mail(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path / "slow", clock, undo_s=600) as engine:
        hook = await trigger(engine)
        await delivered(engine, hook, deal())
        assert len(await deliver(engine)) == 2
        await delivered(engine, hook, deal(stage="moved", version=2, start="2027-06-01T10:00:00Z"))
        clock.move(seconds=60)
        await handled(engine)
        assert len(await deliver(engine)) == 2


async def test_a_crash_between_any_two_steps_is_taken_up_again(engine: Engine) -> None:
    hook = await trigger(engine)
    await keep(engine, hook, deal())
    (delivery,) = await deliveries(engine, hook)
    asked = mapped(hook.rules, deal())
    assert asked is not None
    for _ in range(2):
        await do(engine, PlanDelivery(delivery_id=delivery.id, mapped=asked), SYSTEM)
    actor = (await engine.store.key_by_id(hook.key)).actor  # type: ignore[union-attr]
    await do(engine, HandleDelivery(delivery_id=delivery.id, mapped=asked), actor)
    await do(engine, HandleDelivery(delivery_id=delivery.id, mapped=asked), actor)
    await handled(engine)
    assert len(await events(engine)) == 1
    assert len(await deliver(engine)) == 2


async def test_replaying_sends_nothing_twice_and_mends_what_failed(engine: Engine) -> None:
    hook = await trigger(engine)
    await do(engine, SuspendOrganizer(address=hook.organizer))
    failed = await delivered(engine, hook, deal())
    assert (failed.state, failed.code) == (State.FAILED, Code.ORGANIZER_SUSPENDED)
    assert await events(engine) == []
    await do(engine, SuspendOrganizer(address=hook.organizer, suspended=False))
    for _ in range(3):
        await do(engine, ReplayDelivery(trigger="deals", delivery_id=failed.id))
        await handled(engine)
    assert (await deliveries(engine, hook))[0].state is State.UNCHANGED
    assert len(await deliver(engine)) == 2


REMIND = """
when: "true"
do: remind
object: "remind:{{ event.uid }}"
uid: "{{ event.uid }}"
version: event.version
undo_s: 0
"""


async def test_a_reminder_that_was_carried_out_is_not_mailed_once_more_by_a_replay_or_under_another_id(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    await deliver(engine)
    hook = await trigger(engine, REMIND)
    clock.move(days=2)
    done = await delivered(engine, hook, {"uid": event.uid, "version": 1}, "one")
    assert done.state is State.DONE
    assert [m.kind for m in await deliver(engine)] == [Kind.REMINDER]
    clock.move(days=2)
    await do(engine, ReplayDelivery(trigger="deals", delivery_id=done.id))
    again = await delivered(engine, hook, {"uid": event.uid, "version": 1}, "two")
    assert again.state is State.UNCHANGED
    assert [d.state for d in await deliveries(engine, hook)] == [State.UNCHANGED] * 2
    assert await deliver(engine) == []
    assert (await delivered(engine, hook, {"uid": event.uid, "version": 2}, "three")).state is State.DONE
    assert [m.kind for m in await deliver(engine)] == [Kind.REMINDER]


async def test_a_key_replays_only_what_acts_with_it(engine: Engine) -> None:
    hook = await trigger(engine)
    await do(engine, SuspendOrganizer(address=hook.organizer))
    failed = await delivered(engine, hook, deal())
    await do(engine, SuspendOrganizer(address=hook.organizer, suspended=False))
    replay = ReplayDelivery(trigger="deals", delivery_id=failed.id)
    other = await do(engine, CreateKey(name="b", bounds=read_bounds({"verbs": "trigger"})))
    assert await refusal(engine, replay, other.key.actor) is Code.NOT_ALLOWED
    await handled(engine)
    assert await events(engine) == []
    own = await engine.store.key_by_id(hook.key)
    assert own
    await do(engine, replay, own.actor)
    await handled(engine)
    assert len(await events(engine)) == 1


async def test_a_delivery_that_names_more_people_than_a_unit_of_work_takes_invites_them_in_several(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await trigger(engine, to=["*@example.com"])
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 2)
    names = [f"p{n:02}" for n in range(25)]
    outside = [{"email": "eve@evil.com"}, {"email": "no address"}]
    named = [outside[0], *people(*names[:12]), outside[1], *people(*names[12:])]
    done = await delivered(engine, hook, deal(people=named))
    assert (done.state, done.code, done.invited) == (State.PARTIAL, "", 25)
    assert sorted((one.email, one.code) for one in done.refused) == [
        ("eve@evil.com", Code.OUT_OF_BOUNDS),
        ("no address", Code.INVALID_ADDRESS),
    ]
    (event,) = await events(engine)
    assert await invited(engine, event) == [f"{name}@example.com" for name in names]
    done = await delivered(engine, hook, deal(version=2, people=people("p01", "new1", "new2")))
    assert (done.state, done.invited, done.withdrawn) == (State.DONE, 2, 24)
    assert (await delivered(engine, hook, deal(version=3, people=people("p01", "new1", "new2")))).state is (
        State.UNCHANGED
    )
    found = await engine.store.trigger(hook.id)
    assert found
    assert found.stopped == ""


async def test_one_bad_address_is_left_out_and_the_others_are_invited(engine: Engine) -> None:
    hook = await trigger(engine)
    bad = [
        "a@example.com, eve@example.com",
        "a@example.com\nBcc: eve@example.com",
        "no address",
        "x;y@example.com",
    ]
    done = await delivered(engine, hook, deal(people=[*people("ann"), *({"email": one} for one in bad)]))
    assert (done.state, done.invited) == (State.PARTIAL, 1)
    assert [one.code for one in done.refused] == [Code.INVALID_ADDRESS] * 4
    (event,) = await events(engine)
    assert await invited(engine, event) == ["ann@example.com"]


async def test_a_trigger_stays_within_its_keys_bounds_and_ends_with_it(engine: Engine) -> None:
    hook = await trigger(engine, to=["*@customer.com"])
    done = await delivered(
        engine, hook, deal(people=[{"email": "ann@customer.com"}, {"email": "eve@evil.com"}])
    )
    assert [(one.email, one.code, one.bound) for one in done.refused] == [
        ("eve@evil.com", Code.OUT_OF_BOUNDS, "to")
    ]
    assert [m.email for m in await deliver(engine)] == ["ann@customer.com"]
    await do(engine, RevokeKey(key_id=hook.key))
    failed = await delivered(engine, hook, deal(version=2))
    assert (failed.state, failed.code) == (State.FAILED, Code.NOT_ALLOWED)


@pytest.mark.parametrize("above", [False, True])
async def test_while_its_key_is_stopped_what_is_delivered_waits_and_is_carried_out_in_its_order_afterwards(
    engine: Engine, clock: Clock, above: bool
) -> None:
    hook = await trigger(engine)
    key = next(key for key in await engine.keys() if key.id == hook.key)
    if above:
        bounds = read_bounds({"verbs": "create,update,send,trigger", "owner": "boss@example.com"})
        key = (await do(engine, CreateKey(name="boss", bounds=bounds))).key
        under = CreateKey(name="crm", bounds=bounds, under=key.id)
        below = (await do(engine, under)).key
        rules = rules_of(RULES)
        await do(engine, CreateTrigger(name="deals", proof=hook.proof, rules=rules, key=below.id))
        await do(engine, SetTriggerLive(name="deals", live=True))
    await do(engine, StopKey(key_id=key.id))
    first = await delivered(engine, hook, deal(people=people("ann")))
    assert (first.state, first.code) == (State.WAITING, "")
    assert "stopped" in first.detail
    clock.move(seconds=30)
    await delivered(engine, hook, deal(stage="moved", version=2, start="2027-06-01T10:00:00Z"))
    clock.move(minutes=1)
    await handled(engine)
    assert (await events(engine), await deliver(engine)) == ([], [])
    await do(engine, StopKey(key_id=key.id, stopped=False))
    clock.move(seconds=59)
    await handled(engine)
    assert await events(engine) == []
    clock.move(seconds=1)
    await handled(engine)
    assert [d.state for d in await deliveries(engine, hook)] == [State.DONE, State.DONE]
    (event,) = await events(engine)
    assert (event.summary, event.span.start_utc.isoformat()) == ("Demo: Acme", "2027-06-01T10:00:00+00:00")
    assert [m.email for m in await deliver(engine)] == [ANN]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"start": "2027-05-02T19:00:00"}, Code.UNKNOWN_TIMEZONE),
        ({"start": "tomorrow"}, Code.INVALID_TIME),
        ({"start": None}, Code.MISSING_FIELD),
        ({"start": "2020-05-02T19:00:00Z"}, Code.EVENT_IN_PAST),
        ({"start": "2027-05-02T19:00:00", "timezone": "Mars/Base"}, Code.UNKNOWN_TIMEZONE),
        ({"title": ""}, None),
        ({"version": "yesterday"}, Code.INVALID_TIME),
        ({"id": None}, Code.MISSING_FIELD),
        ({"people": None}, Code.INVALID_RULE),
        ({"people": [{"email": f"p{n}@example.com"} for n in range(201)]}, Code.TOO_LARGE),
    ],
)
async def test_what_does_not_fit_fails_with_its_code_and_changes_nothing(
    engine: Engine, values: dict[str, Any], code: Code | None
) -> None:
    hook = await trigger(engine)
    done = await delivered(engine, hook, deal(**values))
    if code is None:
        assert done.state is State.DONE
        return
    assert (done.state, done.code) == (State.FAILED, code)
    assert done.detail
    assert await events(engine) == []
    assert await deliver(engine) == []


async def test_where_no_rule_matches_nothing_is_done(engine: Engine) -> None:
    hook = await trigger(engine)
    done = await delivered(engine, hook, deal(stage="other"))
    assert (done.state, done.code) == (State.NOTHING, "")


async def test_a_forgotten_object_leaves_no_content(engine: Engine) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    await delivered(engine, hook, deal(stage="forget", people=[]))
    found = await deliveries(engine, hook)
    assert [await engine.store.payload(d.id) for d in found] == [None, None]
    assert "deal:7" not in str(found)
    assert [d.state for d in found] == [State.DONE, State.DONE]


async def test_content_is_kept_for_its_days_and_a_repetition_is_known_ever_after(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine)
    first = await delivered(engine, hook, deal(), "evt-1")
    for days, kept in ((89, True), (2, False)):
        clock.move(days=days)
        await do(engine, EmptyDeliveries(), SYSTEM)
        assert (await engine.store.payload(first.id) is not None) is kept
    assert (await keep(engine, hook, deal(version=9), "evt-1")).new == 0
    counts = await asking.counts(engine, [hook])
    assert (counts[hook.id].deliveries, counts[hook.id].invited) == (1, 2)


async def test_a_draft_keeps_what_is_delivered_and_a_stopped_trigger_too(engine: Engine) -> None:
    hook = await trigger(engine, live=False)
    assert (await delivered(engine, hook, deal())).state is State.KEPT
    await do(engine, SetTriggerLive(name="deals", live=True))
    await keep(engine, hook, deal(version=2))
    await do(engine, SetTriggerLive(name="deals", live=False))
    await handled(engine)
    assert {d.state for d in await deliveries(engine, hook)} == {State.KEPT}
    assert await events(engine) == []


async def test_a_key_proposes_a_trigger_and_only_the_operator_makes_it_live(engine: Engine) -> None:
    hook = await trigger(engine, live=False)
    agent = (await engine.store.key_by_id(hook.key)).actor  # type: ignore[union-attr]
    mine = CreateTrigger(name="mine", proof=Proof(sender=Sender.BEARER), rules=rules_of(RULES))
    made = await do(engine, mine, agent)
    assert (made.trigger.live, made.trigger.key) == (False, agent.key)
    assert made.secret
    secrets = SetTriggerSecrets(name="mine", secrets=("a" * 20,))
    assert await refusal(engine, secrets, agent) is Code.NOT_ALLOWED
    assert await refusal(engine, SetTriggerLive(name="mine", live=True), agent) is Code.TRIGGER_STATE
    assert await refusal(engine, SetTriggerLive(name="deals", live=True), agent) is Code.TRIGGER_STATE
    others = mine.model_copy(update={"key": "another"})
    assert await refusal(engine, others, agent) is Code.NOT_ALLOWED
    await do(engine, SetTriggerLive(name="mine", live=True))
    assert await refusal(engine, mine, agent) is Code.TRIGGER_STATE
    await do(engine, SetTriggerLive(name="mine", live=False), agent)


async def test_a_draft_that_is_given_a_sender_whose_secret_we_choose_gets_one(engine: Engine) -> None:
    hook = await trigger(engine, live=False)
    agent = (await engine.store.key_by_id(hook.key)).actor  # type: ignore[union-attr]
    mine = CreateTrigger(name="mine", proof=Proof(sender=Sender.STRIPE), rules=rules_of(RULES))
    assert (await do(engine, mine, agent)).secret == ""
    other = mine.model_copy(update={"proof": Proof(sender=Sender.BEARER)})
    made = await do(engine, other, agent)
    assert made.trigger.secrets == (made.secret,)
    again = await do(engine, other, agent)
    assert (again.secret, again.trigger.secrets) == ("", (made.secret,))


async def test_one_person_whose_name_links_elsewhere_is_left_out_and_the_others_are_invited(
    engine: Engine,
) -> None:
    """What the words of one person may not say concerns that person alone."""
    hook = await trigger(engine, links=["example.com"])
    named = [{"email": "ann@example.com"}, {"email": "eve@example.com", "name": "https://evil.com/x"}]
    done = await delivered(engine, hook, deal(people=named))
    assert done.state is State.PARTIAL
    assert [(one.email, one.code, one.bound) for one in done.refused] == [
        ("eve@example.com", Code.OUT_OF_BOUNDS, "links")
    ]
    assert [m.email for m in await deliver(engine)] == ["ann@example.com"]


@pytest.mark.parametrize(
    ("bound", "left_out"),
    [
        ("day", {"ann+two@example.com", "cy@example.com"}),
        ("new_people_day", {"cy@example.com"}),
        ("person_day", {"ann+two@example.com"}),
    ],
)
async def test_a_trigger_keeps_the_budgets_of_its_key_and_a_trial_names_them_before(
    engine: Engine, clock: Clock, bound: str, left_out: set[str]
) -> None:
    most = 1 if bound == "person_day" else 2
    hook = await trigger(engine, **{"day": 0, "new_people_day": 0, "person_day": 0, bound: most})
    named = [*people("ann", "ben"), {"email": "ann+two@example.com"}, *people("cy")]
    before = await engine.record(engine.local, 1)
    tried = await asking.tried_on_body(engine, "deals", engine.local, deal(people=named))
    assert (await events(engine), await engine.record(engine.local, 1)) == ([], before)
    done = await delivered(engine, hook, deal(people=named))
    assert {(one.email, one.code, one.bound) for one in done.refused} == {
        (email, Code.OUT_OF_BOUNDS, bound) for email in left_out
    }
    assert (done.state, set(tried.refused)) == (State.PARTIAL, set(done.refused))
    assert len(tried.invites) == done.invited == len(await deliver(engine)) == 4 - len(left_out)
    clock.move(days=1)
    later = await delivered(engine, hook, deal(version=2, people=named))
    assert (later.state, later.invited) == (State.DONE, len(left_out))


@pytest.mark.parametrize(
    ("bounds", "body", "code", "bound"),
    [
        ({"events_max": 1}, {"id": 8}, Code.OUT_OF_BOUNDS, "events_max: "),
        ({"horizon_days": 10}, {"id": 8}, Code.OUT_OF_BOUNDS, "horizon_days: "),
        ({}, {"id": 8, "start": "tomorrow"}, Code.INVALID_TIME, ""),
        ({}, {"version": 2, "note": "x" * 30_000, "timezone": "Mars/Base"}, "", ""),
    ],
)
async def test_a_trial_says_by_which_bound_its_event_is_refused_and_makes_none(
    engine: Engine, bounds: dict[str, int], body: dict[str, Any], code: str, bound: str
) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    (key,) = [one for one in await engine.keys() if one.id == hook.key]
    await narrowed(engine, key, **bounds)
    await deliver(engine)
    before = await events(engine)
    tried = await asking.tried_on_body(engine, "deals", engine.local, deal(**body))
    assert await events(engine) == before
    done = await delivered(engine, hook, deal(**body))
    assert (tried.outcome == "failed") is (done.state is State.FAILED) is bool(code)
    assert tried.code == done.code == (code or Code.INVALID_TIME)
    assert tried.detail.startswith(bound)
    assert tried.detail.removeprefix(bound) == done.detail
    assert len(await events(engine)) == 1
    if code:
        assert (tried.invites, await deliver(engine)) == ((), [])


# what cannot be used is left out and named, and the rest is carried out


@pytest.mark.parametrize("start", ["tomorrow", "2027-05-09T25:00:00+02:00"])
async def test_a_bad_date_leaves_the_event_when_it_was_and_the_rest_is_changed(
    engine: Engine, start: str
) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    (before,) = await events(engine)
    wrong = deal(version=2, title="Acme Inc", start=start, people=people("ann", "eve"))
    done = await delivered(engine, hook, wrong)
    assert (done.state, done.code, done.invited, done.withdrawn) == (State.PARTIAL, "invalid_time", 1, 1)
    assert done.detail
    (event,) = await events(engine)
    assert (event.summary, event.span) == ("Demo: Acme Inc", before.span)
    good = deal(version=3, title="Acme Inc", start="2027-05-09T19:00:00+02:00", people=people("ann", "eve"))
    assert (await delivered(engine, hook, good)).state is State.DONE
    assert (await events(engine))[0].span.start.day == 9


async def test_a_new_event_with_a_bad_date_is_not_made_and_says_why(engine: Engine) -> None:
    hook = await trigger(engine)
    done = await delivered(engine, hook, deal(start="tomorrow"))
    assert (done.state, done.code) == (State.FAILED, Code.INVALID_TIME)
    assert await events(engine) == []


async def test_a_link_outside_the_bounds_is_left_out_and_waits_and_everybody_hears_the_new_time(
    engine: Engine,
) -> None:
    hook = await trigger(engine, links=["customer.com"])
    done = await delivered(engine, hook, deal(note="See https://evil.com/"))
    assert (done.state, done.code, done.invited) == (State.PARTIAL, "out_of_bounds", 2)
    (event,) = await events(engine)
    assert event.description == ""
    await deliver(engine)
    moved = deal(version=2, start="2027-05-03T19:00:00+02:00", note="See https://evil.com/")
    assert (await delivered(engine, hook, moved)).code == "out_of_bounds"
    assert len([m for m in await deliver(engine) if m.kind is Kind.UPDATE]) == 2
    (held,) = await engine.held_actions(engine.local, waiting=True, limit=10)
    approved = Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE)
    assert (await do(engine, approved)).action.state is HeldState.APPROVED
    assert (await events(engine))[0].description == "See https://evil.com/"


async def test_a_title_of_a_new_event_that_links_outside_is_left_out_and_waits_and_its_people_are_invited(
    engine: Engine,
) -> None:
    hook = await trigger(engine, links=["customer.com"])
    done = await delivered(engine, hook, deal(title="evil.com now"))
    assert (done.state, done.code, done.invited) == (State.PARTIAL, "out_of_bounds", 2)
    assert (await events(engine))[0].summary == "Demo: now"
    assert len(await deliver(engine)) == 2
    (held,) = await engine.held_actions(engine.local, waiting=True, limit=10)
    await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert (await events(engine))[0].summary == "Demo: evil.com now"


@pytest.mark.parametrize("title", ["evil.com", "tel:+1900", "e\u200bvil.com", "https://evil.com/ worse.com"])
async def test_a_title_that_is_nothing_but_links_leaves_an_event_without_one(
    engine: Engine, title: str
) -> None:
    hook = await trigger(engine, RULES.replace("Demo: ", ""), links=["customer.com"])
    done = await delivered(engine, hook, deal(title=title))
    assert (done.state, done.invited) == (State.PARTIAL, 2)
    assert (await events(engine))[0].summary == "Untitled event"


async def test_of_a_batch_one_element_fails_alone_and_says_why(engine: Engine) -> None:
    rules = """
- when: event.eventId is defined
  do: invite
  object: "deal:{{ event.objectId }}"
  set: {summary: "{{ event.title }}", start: "{{ event.start }}", duration_minutes: "45"}
  people: {each: "[event]", email: "{{ item.email }}"}
  undo_s: 0
"""
    hook = await trigger(engine, rules, sender=Sender.HUBSPOT)
    starts = {1: "2027-05-02T19:00:00Z", 2: "tomorrow", 3: "2027-05-03T19:00:00Z"}
    batch = [
        {"eventId": n, "subscriptionId": 1, "objectId": n, "title": f"Deal {n}", "start": start, "email": ANN}
        for n, start in starts.items()
    ]
    await keep(engine, hook, batch)
    await handled(engine)
    became = {d.object: (d.state, d.code) for d in await deliveries(engine, hook)}
    assert became == {
        "deal:1": (State.DONE, ""),
        "": (State.FAILED, Code.INVALID_TIME),
        "deal:3": (State.DONE, ""),
    } or became["deal:2"] == (State.FAILED, Code.INVALID_TIME)
    assert {event.summary for event in await events(engine)} == {"Deal 1", "Deal 3"}
