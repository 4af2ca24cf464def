"""The event of an object may be cancelled, over or another one: its people belong to the event that it has now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.commands.events.events import CancelEvent
from engine.engine import Engine
from engine.model.messages import Kind
from engine.model.triggers import DeliveryState as State
from engine.store.sqlite.unit import SqliteUnit
from engine.triggers import asking, worker
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do
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

OF_SESSIONS = """
- when: event.stage == "signed up"
  do: invite
  object: "registration:{{ event.id }}"
  version: event.version
  uid: "{{ event.session }}"
  people: {each: event.people, email: "{{ item.email }}"}
  undo_s: 0
- when: event.stage == "cancel"
  do: cancel
  object: "registration:{{ event.id }}"
  uid: "{{ event.session }}"
  undo_s: 0
"""
AT_ANOTHER = """
- when: event.stage == "remind"
  do: remind
  object: "deal:{{ event.id }}"
  uid: "{{ event.uid }}"
  people: {each: event.people, email: "{{ item.email }}"}
  undo_s: 0
- when: event.stage == "place"
  do: update
  object: "deal:{{ event.id }}"
  uid: "{{ event.uid }}"
  set: {location: "{{ event.place }}"}
  undo_s: 0
"""
BOTH = ("ann@example.com", "ben@example.com")
LATER = "2027-05-04T19:00:00+02:00"


async def test_who_had_an_event_that_was_cancelled_here_is_invited_to_the_one_that_takes_its_place(
    engine: Engine,
) -> None:
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    (event,) = await events(engine)
    await do(engine, CancelEvent(uid=event.uid))
    await deliver(engine)
    for again in (deal(version=2), deal(version=2, title="Acme 2")):
        tried = await asking.tried_on_body(engine, "deals", engine.local, again)
        assert (tried.outcome, tried.invites, tried.withdraws) == ("waiting", BOTH, ())
    done = await delivered(engine, hook, deal(version=2, title="Acme 2"))
    assert (done.state, done.invited, done.withdrawn) == (State.DONE, 2, 0)
    new = await engine.event(done.event_uid, engine.local)
    assert new.uid != event.uid
    assert await invited(engine, new) == list(BOTH)
    assert {(m.email, m.kind) for m in await deliver(engine)} == {(email, Kind.INVITE) for email in BOTH}


async def test_who_is_moved_to_another_event_leaves_the_first_and_is_invited_to_the_second(
    engine: Engine,
) -> None:
    hook = await trigger(engine, OF_SESSIONS)
    first, second = [await created(engine) for _ in range(2)]
    signed_up = {"stage": "signed up", "people": people("ann")}
    await delivered(engine, hook, deal(**signed_up, session=first.uid))
    await deliver(engine)
    moved = deal(**signed_up, version=2, session=second.uid)
    tried = await asking.tried_on_body(engine, "deals", engine.local, moved)
    assert (tried.outcome, tried.invites, tried.withdraws) == ("waiting", BOTH[:1], BOTH[:1])
    done = await delivered(engine, hook, moved)
    assert (done.state, done.invited, done.withdrawn) == (State.DONE, 1, 1)
    mails = {(m.event_uid, m.kind) for m in await deliver(engine)}
    assert mails == {(first.uid, Kind.WITHDRAWAL), (second.uid, Kind.INVITE)}
    again = await delivered(engine, hook, deal(**signed_up, version=3, session=second.uid))
    assert (again.state, await deliver(engine)) == (State.UNCHANGED, [])
    back = await delivered(engine, hook, deal(**signed_up, version=4, session=first.uid))
    assert (back.invited, back.withdrawn) == (1, 1)
    await delivered(engine, hook, deal(stage="cancel", session=second.uid))
    same = await delivered(engine, hook, deal(**signed_up, version=5, session=first.uid))
    assert same.state is State.UNCHANGED


async def test_who_is_moved_to_another_event_with_more_people_than_a_unit_of_work_takes_moves_in_several(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = await trigger(engine, OF_SESSIONS)
    first, second = [await created(engine) for _ in range(2)]
    names = [f"p{n}" for n in range(5)]
    signed_up = {"stage": "signed up", "people": people(*names)}
    await delivered(engine, hook, deal(**signed_up, session=first.uid))
    await deliver(engine)
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 4)
    moved = deal(**signed_up, version=2, session=second.uid)
    await keep(engine, hook, moved)
    await worker.step(engine)
    (begun, *_) = await deliveries(engine, hook)
    assert (begun.state, begun.invited, begun.withdrawn) == (State.WAITING, 0, 2)
    await handled(engine)
    (done, *_) = await deliveries(engine, hook)
    assert (done.state, done.code, done.invited, done.withdrawn) == (State.DONE, "", 5, 5)
    mails = {(m.email, m.event_uid, m.kind) for m in await deliver(engine)}
    there = ((first.uid, Kind.WITHDRAWAL), (second.uid, Kind.INVITE))
    assert mails == {(f"{name}@example.com", *mail) for name in names for mail in there}
    assert (await delivered(engine, hook, {**moved, "version": 3})).state is State.UNCHANGED


async def test_an_object_keeps_its_own_event_where_another_one_is_reminded_of_or_changed(
    engine: Engine,
) -> None:
    hook = await trigger(engine, f"{RULES}{AT_ANOTHER}")
    other = await created(engine)
    first = await delivered(engine, hook, deal())
    reminded = await delivered(engine, hook, deal(stage="remind", uid=other.uid, people=[]))
    placed = await delivered(engine, hook, deal(stage="place", uid=other.uid, place="Room 4"))
    assert reminded.event_uid == placed.event_uid == other.uid
    await deliver(engine)
    done = await delivered(engine, hook, deal(version=2, title="Acme 2", people=people("ann", "cy")))
    assert (done.event_uid, done.invited, done.withdrawn) == (first.event_uid, 1, 1)
    kept = await engine.event(other.uid, engine.local)
    assert (kept.summary, kept.span, kept.location) == (other.summary, other.span, "Room 4")


async def test_an_event_that_is_over_is_followed_by_a_new_one_and_neither_changed_nor_cancelled(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine)
    first = await delivered(engine, hook, deal())
    await deliver(engine)
    clock.now = (await engine.event(first.event_uid, engine.local)).span.end_utc + timedelta(hours=1)
    assert (await delivered(engine, hook, deal(version=2))).state is State.UNCHANGED
    moved = deal(version=3, start=LATER)
    tried = await asking.tried_on_body(engine, "deals", engine.local, moved)
    assert (tried.outcome, tried.code, tried.invites) == ("waiting", "", BOTH)
    done = await delivered(engine, hook, moved)
    assert (done.state, done.invited, done.withdrawn) == (State.DONE, 2, 0)
    assert done.event_uid != first.event_uid
    assert {(m.event_uid, m.kind) for m in await deliver(engine)} == {(done.event_uid, Kind.INVITE)}
    clock.now = (await engine.event(done.event_uid, engine.local)).span.end_utc + timedelta(hours=1)
    late = await delivered(engine, hook, deal(stage="lost", version=4))
    assert (late.state, late.code) == (State.NOTHING, "")
    assert (await delivered(engine, hook, deal(version=3.5, title="x"))).state is State.STALE
    assert await deliver(engine) == []
