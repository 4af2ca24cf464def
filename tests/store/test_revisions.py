"""The contract of a store: what an event was before, and which mails made it so."""

from __future__ import annotations

from engine.model.counters import Intake
from engine.store.protocol import Store
from engine.store.rules import REVISIONS_KEPT
from tests.store.stores import START, with_event


async def _changed(store: Store, uid: str, sequence: int) -> None:
    async with store.unit() as unit:
        event = await unit.event(uid)
        assert event is not None
        values = {"sequence": sequence, "summary": f"Revision {sequence}"}
        await unit.save_event(event.model_copy(update=values))


async def test_each_replaced_revision_is_kept_once(store: Store) -> None:
    first = await with_event(store, uid="event1")
    assert await store.replaced_revisions("event1") == []
    for sequence in (1, 1, 2):
        await _changed(store, "event1", sequence)
    found = await store.replaced_revisions("event1")
    assert [event.sequence for event in found] == [0, 1]
    assert found[0] == first
    assert await store.replaced_revisions("event2") == []


async def test_of_many_revisions_the_newest_are_kept(store: Store) -> None:
    await with_event(store, uid="event1")
    for sequence in range(1, REVISIONS_KEPT + 5):
        await _changed(store, "event1", sequence)
    kept = [event.sequence for event in await store.replaced_revisions("event1")]
    assert kept == list(range(4, REVISIONS_KEPT + 4))


async def test_the_mails_that_made_or_changed_an_event_are_known(store: Store) -> None:
    lines = [
        ("m1:create:a", "created", "event1"),
        ("m2:create:", "updated", "event1"),
        ("m2:create:b", "updated", "event1"),
        ("m3:rsvp:", "receipt", "event1"),
        ("m4:create:", "created", "event2"),
    ]
    async with store.unit() as unit:
        for name, action, uid in lines:
            await unit.take_in(Intake(id=name, at=START, mailbox="create", action=action, uid=uid))
    assert await store.mails_of_event("event1", 10) == ["m2", "m1"]
    assert await store.mails_of_event("event1", 1) == ["m2"]
