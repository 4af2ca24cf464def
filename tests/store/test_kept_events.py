"""The contract of a store: which raw mails made or changed an event, and when that ends."""

from __future__ import annotations

from datetime import timedelta

from engine.model.counters import Intake
from engine.store.protocol import Store
from tests.store.stores import START, with_event


async def test_a_store_knows_the_last_end_of_the_events_that_a_mail_made(store: Store) -> None:
    later = START + timedelta(days=90)
    await with_event(store, uid="event1", ends_at=START)
    await with_event(store, uid="event2", ends_at=later)
    await with_event(store, uid="event3", ends_at=None, recurrence="FREQ=WEEKLY")
    lines = [
        ("m1:create:a", "created", "event1"),
        ("m1:create:b", "updated", "event2"),
        ("m2:create:", "cancelled", "event1"),
        ("m3:create:", "created", "event3"),
        ("m3:create:x", "created", "event1"),
        ("m4:rsvp:", "receipt", "event1"),
        ("m11:create:", "created", "event1"),
    ]
    async with store.unit() as unit:
        for name, action, uid in lines:
            await unit.take_in(Intake(id=name, at=START, mailbox="create", action=action, uid=uid))
    found = await store.events_of_mails(["m1", "m2", "m3", "m4", "m5"])
    assert found == {"m1": later, "m2": START, "m3": None}
