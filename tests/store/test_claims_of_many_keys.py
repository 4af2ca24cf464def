"""The contract of a store: messages that many keys caused all leave, and each key is held to its mails a minute."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.bounds import Bounds
from engine.store.protocol import Store
from tests.store.stores import START, attendee, claim, emails, key, message, with_event

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


async def test_what_others_send_counts_against_a_key_s_minute_like_a_claim(store: Store) -> None:
    await with_event(store)
    await _owed(store, range(2), bounds=Bounds(minute=1))
    async with store.unit() as unit:
        assert await unit.spend_minutes({"key0": 1}, START)
        assert not await unit.spend_minutes({"key1": 1, "key0": 1}, START)
        assert await unit.spend_minutes({"key1": 1}, START), "what was refused is counted for no key"
    assert await claim(store) == []
    later = START + timedelta(minutes=1)
    assert sorted(emails(await claim(store, now=later))) == ["p000@example.com", "p001@example.com"]
    async with store.unit() as unit:
        assert not await unit.spend_minutes({"key0": 1}, later)


async def test_what_a_key_s_minute_does_not_let_go_has_its_turn_one_after_the_other(store: Store) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_key(key("key0", bounds=Bounds(minute=30)))
    people = [f"p{n:03}@example.com" for n in range(70)]
    for first in range(0, len(people), AT_ONCE):
        some = people[first : first + AT_ONCE]
        async with store.unit() as unit:
            await unit.add_attendees([attendee(email) for email in some])
            await unit.add_messages([message(email, key="key0") for email in some], priority=1)
    gone = emails(await claim(store))
    assert len(gone) == 30
    async with store.unit() as unit:
        waiting = [await unit.last_message("event1", email) for email in people if email not in gone]
    turns = [START + timedelta(seconds=2 * n) for n in range(1, 41)]
    assert sorted(m.due for m in waiting if m) == turns
