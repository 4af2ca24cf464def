"""The contract of a store: webhooks, and what is posted there."""

from __future__ import annotations

from datetime import timedelta

from engine.model.changes import ChangeKind
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook, WebhookKind
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START


def webhook(name: str = "one", **values: object) -> Webhook:
    known = {
        "id": name,
        "organizer": ORGANIZER,
        "url": "https://example.com/in",
        "kinds": frozenset({WebhookKind.RECEIPT}),
        "secrets": ("whsec_secret-1",),
        "created": START,
        "cursor": "",
        "looked": START,
    }
    return Webhook(**{**known, **values})  # type: ignore[arg-type]


def outgoing(name: str, lane: str = "", **values: object) -> Outgoing:
    known = {
        "id": name,
        "webhook_id": "one",
        "kind": WebhookKind.RECEIPT,
        "lane": lane or name,
        "created": START,
    }
    return Outgoing(posting=Posting(**{**known, **values}), body=f'"{name}"')  # type: ignore[arg-type]


async def with_postings(store: Store, *postings: Outgoing) -> None:
    async with store.unit() as unit:
        await unit.add_webhook(webhook())
        await unit.add_postings(postings)


async def claimed(store: Store, at_s: int = 0, limit: int = 10) -> list[str]:
    now = START + timedelta(seconds=at_s)
    async with store.unit() as unit:
        found = await unit.claim_postings("one", now, now + timedelta(seconds=60), limit)
    return [one.posting.id for one in found]


async def test_a_webhook_is_found_by_whoever_it_is_of_and_hides_its_secrets(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_webhook(webhook())
        await unit.add_webhook(webhook("all", organizer="", created=START + timedelta(seconds=1)))
        await unit.save_webhook(webhook(paused="gone"))
    assert [w.id for w in await store.webhooks(None)] == ["one", "all"]
    assert await store.webhooks(ORGANIZER) == [webhook(paused="gone")]
    assert await store.webhook("nothing") is None
    assert "secret-1" not in repr(webhook())


async def test_a_webhook_that_is_dropped_takes_its_postings_along_and_does_not_come_back(
    store: Store,
) -> None:
    await with_postings(store, outgoing("a"))
    async with store.unit() as unit:
        await unit.drop_webhook("one")
        await unit.save_webhook(webhook())
    assert await store.webhook("one") is None
    assert await store.posting("a") is None


async def test_of_each_lane_only_the_first_that_waits_is_due(store: Store) -> None:
    await with_postings(store, outgoing("a", "x"), outgoing("b", "x"), outgoing("c", "y"))
    assert await claimed(store) == ["a", "c"]
    assert await claimed(store) == []
    assert await claimed(store, 61) == ["a", "c"]
    done = {"state": PostingState.DELIVERED, "due": None, "attempts": 1}
    async with store.unit() as unit:
        assert await unit.waiting_postings("one", 10) == 3
        assert await unit.waiting_postings("one", 2) == 2
        await unit.save_posting(outgoing("a", "x", **done).posting)
    assert await claimed(store, 61) == ["b"]
    found = await store.posting("a")
    assert found == outgoing("a", "x", **done)


async def test_postings_are_listed_in_pages_and_the_settled_ones_go_with_time(store: Store) -> None:
    await with_postings(store, outgoing("a"), outgoing("b"), outgoing("c"))
    async with store.unit() as unit:
        await unit.save_posting(outgoing("b", state=PostingState.FAILED, due=None).posting)
    assert [p.id for p in await store.postings("one", None, 2)] == ["c", "b"]
    assert [p.id for p in await store.postings("one", None, 2, "b")] == ["a"]
    assert [p.id for p in await store.postings("one", PostingState.FAILED, 10)] == ["b"]
    async with store.unit() as unit:
        assert await unit.drop_postings(START, 10) == 0
        assert await unit.drop_postings(START + timedelta(days=1), 10) == 1
    assert [p.id for p in await store.postings("one", None, 10)] == ["c", "a"]


async def test_all_postings_of_a_webhook_that_was_dropped_go_in_parts(store: Store) -> None:
    await with_postings(store, *[outgoing(f"a{n}") for n in range(15)])
    async with store.unit() as unit:
        await unit.add_postings([outgoing(f"b{n}") for n in range(5)])
        await unit.add_webhook(webhook("two"))
        await unit.add_postings([outgoing("c", webhook_id="two")])
    async with store.unit() as unit:
        await unit.drop_webhook("one")
    for _ in range(3):
        async with store.unit() as unit:
            await unit.drop_postings(START, 10)
    assert await store.postings("one", None, 50) == []
    assert [p.id for p in await store.postings("two", None, 50)] == ["c"]


async def test_a_unit_reads_the_log_of_changes_from_where_it_stopped(store: Store) -> None:
    async with store.unit() as unit:
        cursor = (await unit.changes_after(None, None, 1, ())).cursor
    await stores.with_event(store, "ann@example.com")
    async with store.unit() as unit:
        page = await unit.changes_after(ORGANIZER, cursor, 10, ())
        none = await unit.changes_after("else@example.org", cursor, 10, ())
        kinds = await unit.changes_after(ORGANIZER, cursor, 10, [ChangeKind.RECEIPT])
        again = await unit.changes_after(ORGANIZER, page.cursor, 10, ())
    assert [c.kind for c in page.changes] == [ChangeKind.EVENT_CREATED]
    assert (none.changes, kinds.changes, again.changes) == ((), (), ())


async def test_what_begins_and_ends_is_found_by_the_clock(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")
    event = await store.event("event1")
    assert event
    start, end = event.span.start_utc, event.span.end_utc
    minute = timedelta(minutes=1)
    async with store.unit() as unit:
        assert await unit.beginning(ORGANIZER, start - minute, start, 10) == [("event1", start, end)]
        assert await unit.beginning(None, start - minute, start, 10) == [("event1", start, end)]
        assert await unit.beginning("else@example.org", start - minute, start, 10) == []
        assert await unit.beginning(ORGANIZER, start, start + minute, 10) == []
        assert await unit.ending(ORGANIZER, end - minute, end, 10) == [("event1", start, end)]
        assert await unit.ending(ORGANIZER, start - minute, start, 10) == []
