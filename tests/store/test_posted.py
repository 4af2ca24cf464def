"""The contract of a store: requests as they were posted at hooks, and the deliveries that came in them."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from engine.model.triggers import Posted, PostedRequest
from engine.store.protocol import Store
from tests.store.test_triggers import delivery, trigger
from tests.support.clock import START

BODIES = [b'{"a": "\xc3\xa9"}', b"\xff\xfe\x00 no text", b""]


def posted(body: bytes = b"[]") -> Posted:
    return Posted(method="POST", url="https://x.test/hooks/deals", headers={"x-signature": "abc"}, body=body)


@pytest.mark.parametrize("body", BODIES)
async def test_a_request_is_kept_byte_for_byte_with_what_came_in_it(store: Store, body: bytes) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        name = await unit.add_posted("id-deals", posted(body), START, divided=True)
        await unit.add_deliveries([(delivery("one"), "{}")], name)
        await unit.add_deliveries([(delivery("two"), "{}")])
    expected = PostedRequest(id=name, trigger_id="id-deals", received=START, posted=posted(body))
    assert await store.posted_of("one") == expected
    assert await store.posted_of("two") is None
    assert await store.next_undivided() is None


async def test_a_batch_waits_once_however_often_it_is_posted_and_in_its_turn(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        first = await unit.add_posted("id-deals", posted(b"[1]"), START, divided=False)
        assert await unit.add_posted("id-deals", posted(b"[1]"), START, divided=False) == ""
        second = await unit.add_posted("id-deals", posted(b"[2]"), START, divided=False)
        assert await unit.undivided("id-deals", 10) == 2
        assert await unit.undivided("id-deals", 1) == 1
        assert await unit.undivided("id-others", 10) == 0
    found = await store.next_undivided()
    assert found
    assert found.id == first
    async with store.unit() as unit:
        await unit.divide(first)
        again = await unit.add_posted("id-deals", posted(b"[1]"), START, divided=False)
        assert again not in {"", first}
    found = await store.next_undivided()
    assert found
    assert found.id == second


async def test_the_batch_that_waits_longest_is_found_of_one_trigger_and_of_all(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        await unit.add_trigger(trigger("others"))
        first = await unit.add_posted("id-deals", posted(b"[1]"), START, divided=False)
        second = await unit.add_posted("id-others", posted(b"[2]"), START, divided=False)
        await unit.add_posted("id-others", posted(b"[3]"), START, divided=False)
    found = [await store.next_undivided(name) for name in (None, "id-deals", "id-others", "id-none")]
    assert [one and one.id for one in found] == [first, first, second, None]


async def test_requests_go_with_their_days_and_beyond_their_bytes_the_oldest_first(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        for number, body in enumerate((b"x" * 10, b"y" * 10, b"z" * 10)):
            name = await unit.add_posted(
                "id-deals", posted(body), START + timedelta(days=number), divided=True
            )
            await unit.add_deliveries([(delivery(str(number)), "{}")], name)
        await unit.add_posted("id-deals", posted(b"waits"), START, divided=False)
    async with store.unit() as unit:
        assert await unit.drop_old_posted(START, 25, 10) == 1
    assert [await store.posted_of(n) is None for n in "012"] == [True, False, False]
    async with store.unit() as unit:
        assert await unit.drop_old_posted(START + timedelta(days=2), 1_000, 10) == 1
        assert await unit.undivided("id-deals", 10) == 1, "what was not divided yet is never dropped"
    assert [await store.posted_of(n) is None for n in "012"] == [True, True, False]


async def test_what_was_posted_is_forgotten_with_its_object(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        name = await unit.add_posted("id-deals", posted(), START, divided=True)
        await unit.add_deliveries([(delivery("one", object="deal:1"), "{}")], name)
        await unit.forget_object("id-deals", "deal:1")
    assert await store.posted_of("one") is None
    async with store.unit() as unit:
        other = await unit.add_posted("id-deals", posted(b"2"), START, divided=True)
        await unit.drop_posted(other)


async def test_a_forgotten_object_takes_its_requests_with_it_however_long_they_are(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
    for n in range(16):
        body = random.Random(n).randbytes(950_000)
        async with store.unit() as unit:
            name = await unit.add_posted("id-deals", posted(body), START, divided=True)
            kept = delivery(f"d{n}", object="deal:1", due=None)
            await unit.add_deliveries([(kept, "payload")], name)
    async with store.unit() as unit:
        await unit.forget_object("id-deals", "deal:1")
    emptied = True
    while emptied:
        async with store.unit() as unit:
            emptied = bool(await unit.empty_deliveries(START, 100))
    assert [await store.posted_of(f"d{n}") for n in range(16)] == [None] * 16
