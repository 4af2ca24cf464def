"""The contract of a store: messages that many keys caused, due together, all leave."""

from __future__ import annotations

import pytest

from engine.model.bounds import Bounds
from engine.store.protocol import Store
from tests.store.stores import attendee, claim, emails, key, message, with_event

KEYS = 104
AT_ONCE = 8


async def _owed(store: Store, some: range, *, bounds: Bounds | None) -> None:
    """Add these keys, and a message that each has caused."""
    people = {f"key{n}": f"p{n:03}@example.com" for n in some}
    async with store.unit() as unit:
        for one in people:
            await unit.add_key(key(one, bounds=bounds))
        await unit.add_attendees([attendee(email) for email in people.values()])
        await unit.add_messages([message(email, key=one) for one, email in people.items()], priority=0)


@pytest.mark.parametrize("bounds", [None, Bounds(minute=60)], ids=["unbounded", "with a pace"])
async def test_messages_of_many_keys_that_are_due_together_are_all_claimed(
    store: Store, bounds: Bounds | None
) -> None:
    await with_event(store)
    for first in range(0, KEYS, AT_ONCE):
        await _owed(store, range(first, first + AT_ONCE), bounds=bounds)
    claimed = await claim(store, limit=500)
    assert sorted(emails(claimed)) == [f"p{n:03}@example.com" for n in range(KEYS)]
