"""Which delivery about an object takes the place of another that still waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.triggers import DeliveryState as State
from engine.model.triggers import Trigger
from tests.support.clock import Clock
from tests.support.engines import deliver, engine_in
from tests.triggers.crm import deal, delivered, deliveries, events, handled, invited, people, trigger

BASIC = """
- when: event.stage == "demo"
  do: invite
  object: "deal:{{ event.id }}"
  version: event.version
  set:
    summary: "{{ event.title }}"
    location: "{{ event.place | default('') }}"
    start: "{{ event.start }}"
    duration_minutes: "45"
  people: {each: event.people, email: "{{ item.email }}"}
- when: event.stage == "also"
  do: invite
  object: "deal:{{ event.id }}"
  version: event.version
  set: {summary: "{{ event.title }}", start: "{{ event.start }}", duration_minutes: "45"}
  people: {each: event.people, email: "{{ item.email }}", others: stay}
- when: event.stage == "moved"
  do: update
  object: "deal:{{ event.id }}"
  version: event.version
  set: {start: "{{ event.start }}", duration_minutes: "45"}
- when: event.stage == "moved at once"
  do: update
  object: "deal:{{ event.id }}"
  version: event.version
  set: {start: "{{ event.start }}", duration_minutes: "45"}
  undo_s: 0
- when: event.stage == "remind"
  do: remind
  object: "remind:{{ event.id }}"
  uid: "{{ event.uid }}"
  people: {each: event.people, email: "{{ item.email }}"}
- when: event.stage == "lost"
  do: cancel
  object: "deal:{{ event.id }}"
  version: event.version
"""
FORGET = """
- when: event.stage == "forget"
  do: forget
  object: "deal:{{ event.id }}"
  version: event.version
"""
LATER = "2027-06-03T19:00:00+02:00"
LATER_UTC = "2027-06-03T17:00:00+00:00"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, sender_auth="off") as opened:
        yield opened


async def _states(engine: Engine, hook: Trigger, clock: Clock, *payloads: dict[str, Any]) -> list[State]:
    """What becomes of payloads that come one after another within the time to undo, in this order."""
    known = len(await deliveries(engine, hook))
    for version, payload in enumerate(payloads, known + 1):
        await delivered(engine, hook, deal(**{"version": version, **payload}))
        clock.move(seconds=10)
    for _ in payloads:
        clock.move(seconds=60)
        await handled(engine)
    new = (await deliveries(engine, hook))[: len(payloads)]
    return [one.state for one in reversed(new)]


async def _only(engine: Engine) -> tuple[Event, list[str]]:
    (event,) = await events(engine)
    return event, await invited(engine, event)


async def test_an_invite_that_waits_is_not_lost_by_a_change_that_names_nobody(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, BASIC)
    states = await _states(engine, hook, clock, {}, {"stage": "moved", "start": LATER})
    assert states == [State.DONE, State.DONE]
    event, asked = await _only(engine)
    assert event.span.start_utc.isoformat() == LATER_UTC
    assert asked == ["ann@example.com", "ben@example.com"]


async def test_a_person_who_joins_an_event_is_not_lost_by_a_change_that_names_nobody(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, BASIC)
    await _states(engine, hook, clock, {"people": people("ann")})
    await _states(engine, hook, clock, {}, {"stage": "moved", "start": LATER})
    event, asked = await _only(engine)
    assert event.span.start_utc.isoformat() == LATER_UTC
    assert asked == ["ann@example.com", "ben@example.com"]


async def test_a_change_without_a_time_to_undo_comes_after_what_waits_before_it(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, BASIC)
    states = await _states(engine, hook, clock, {}, {"stage": "moved at once", "start": LATER})
    assert states == [State.DONE, State.DONE]
    event, asked = await _only(engine)
    assert event.span.start_utc.isoformat() == LATER_UTC
    assert asked == ["ann@example.com", "ben@example.com"]


async def test_a_field_that_only_the_older_sets_is_not_lost(engine: Engine, clock: Clock) -> None:
    hook = await trigger(engine, BASIC)
    states = await _states(engine, hook, clock, {"place": "Room 4"}, {"title": "Bcme"})
    assert states == [State.DONE, State.DONE]
    event, _ = await _only(engine)
    assert (event.summary, event.location) == ("Bcme", "Room 4")


async def test_whoever_stays_when_others_are_named_is_invited_as_well(engine: Engine, clock: Clock) -> None:
    hook = await trigger(engine, BASIC)
    named = [{"stage": "also", "people": people(name)} for name in ("ann", "ben", "cy")]
    assert await _states(engine, hook, clock, *named) == [State.DONE] * 3
    _, asked = await _only(engine)
    assert asked == ["ann@example.com", "ben@example.com", "cy@example.com"]


async def test_many_people_who_join_within_a_minute_are_no_loop(engine: Engine, clock: Clock) -> None:
    hook = await trigger(engine, BASIC)
    for n in range(30):
        await delivered(engine, hook, deal(stage="also", version=n, people=people(f"p{n}")))
    clock.move(seconds=60)
    await handled(engine)
    assert {one.state for one in await deliveries(engine, hook)} == {State.DONE}
    _, asked = await _only(engine)
    assert len(asked) == 30


async def test_the_newer_of_two_that_ask_for_the_same_takes_the_place_of_the_older(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, BASIC)
    states = await _states(engine, hook, clock, {"people": people("cy")}, {"place": "Room 4"})
    assert states == [State.REPLACED, State.DONE]
    states = await _states(engine, hook, clock, {"stage": "moved"}, {"start": LATER, "people": people("ann")})
    assert states == [State.REPLACED, State.DONE]
    states = await _states(engine, hook, clock, *[{"stage": "also", "people": people("ben")}] * 2)
    assert states == [State.REPLACED, State.DONE]
    assert (await _only(engine))[1] == ["ann@example.com", "ben@example.com"]


async def test_a_cancellation_takes_the_place_of_all_that_waits(engine: Engine, clock: Clock) -> None:
    hook = await trigger(engine, BASIC)
    states = await _states(engine, hook, clock, {}, {"stage": "moved"}, {"stage": "lost"})
    assert states[:2] == [State.REPLACED, State.REPLACED]
    assert await events(engine) == []


async def test_two_who_are_to_be_reminded_are_both_reminded(engine: Engine, clock: Clock) -> None:
    hook = await trigger(engine, BASIC)
    await _states(engine, hook, clock, {})
    await deliver(engine)
    (event,) = await events(engine)
    named = [{"stage": "remind", "uid": event.uid, "people": people(name)} for name in ("ann", "ben")]
    assert await _states(engine, hook, clock, *named) == [State.DONE, State.DONE]
    mails = [(mail.email, mail.kind) for mail in await deliver(engine)]
    assert sorted(mails) == [("ann@example.com", Kind.REMINDER), ("ben@example.com", Kind.REMINDER)]


async def test_who_is_not_invited_is_left_out_and_the_others_are_reminded(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, BASIC)
    await _states(engine, hook, clock, {})
    await deliver(engine)
    (event,) = await events(engine)
    named = {"stage": "remind", "uid": event.uid, "people": people("ann", "eve")}
    assert await _states(engine, hook, clock, named) == [State.PARTIAL]
    (done, *_) = await deliveries(engine, hook)
    assert [(one.email, one.code) for one in done.refused] == [("eve@example.com", "unknown_attendee")]
    assert [(mail.email, mail.kind) for mail in await deliver(engine)] == [("ann@example.com", Kind.REMINDER)]


async def test_what_comes_late_about_a_forgotten_object_is_too_old_and_what_is_newer_begins_anew(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, f"{BASIC}{FORGET}")
    assert await _states(engine, hook, clock, {"version": 2}) == [State.DONE]
    await deliver(engine)
    assert await _states(engine, hook, clock, {"stage": "forget", "version": 3}) == [State.DONE]
    late = [{"version": 1}, {"version": 2.5}]
    assert await _states(engine, hook, clock, *late) == [State.STALE, State.STALE]
    assert await deliver(engine) == []
    assert await _states(engine, hook, clock, {"version": 4, "title": "Anew"}) == [State.DONE]
    assert sorted(event.summary for event in await events(engine)) == ["Acme", "Anew"]


async def test_an_object_that_is_forgotten_without_a_version_keeps_the_one_that_was_carried_out(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, f"{BASIC}{FORGET.replace('  version: event.version', '')}")
    await _states(engine, hook, clock, {"version": 2}, {"version": 3})
    await _states(engine, hook, clock, {"stage": "forget"})
    assert await _states(engine, hook, clock, {"version": 1}) == [State.STALE]


async def test_what_a_delivery_asks_for_is_kept_beside_it_only_while_it_waits(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, BASIC)
    waiting = await delivered(engine, hook, deal())
    assert waiting.asked is not None
    clock.move(seconds=60)
    await handled(engine)
    (done,) = await deliveries(engine, hook)
    assert done.asked is None
