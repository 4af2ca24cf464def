"""The contract of a store: public pages, and the events that they show."""

from __future__ import annotations

from datetime import timedelta

from engine.model.events import EventStatus
from engine.model.pages import Page, PageKind, PageRequest
from engine.model.people import Origin, Partstat
from engine.model.times import Span
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START

PAGE = Page(
    slug="season", kind=PageKind.SCHEDULE, organizer=ORGANIZER, title="Season", created=START, changed=START
)

REQUEST = PageRequest(
    code="code1",
    slug="season",
    organizer=ORGANIZER,
    email="ann@example.com",
    uids=("event1", "event2"),
    origin=Origin.MULTIEVENT,
    created=START,
    expires=START + timedelta(days=7),
)


async def _keep(store: Store, *pages: Page) -> None:
    async with store.unit() as unit:
        for page in pages:
            await unit.save_page(page)


async def test_a_page_is_kept_changed_and_found_by_its_slug(store: Store) -> None:
    await _keep(store, PAGE)
    assert await store.page("season") == PAGE
    hidden = PAGE.model_copy(update={"published": False, "revision": 1})
    await _keep(store, hidden)
    assert await store.page("season") == hidden
    assert await store.page("Season") is None


async def test_pages_are_listed_newest_first_and_of_one_organizer(store: Store) -> None:
    later = PAGE.model_copy(update={"slug": "later", "created": START + timedelta(hours=1)})
    other = PAGE.model_copy(update={"slug": "other", "organizer": "eve@example.org"})
    await _keep(store, PAGE, later, other)
    assert [page.slug for page in await store.pages(ORGANIZER, 10)] == ["later", "season"]
    assert [page.slug for page in await store.pages(None, 2)] == ["later", "other"]
    assert [page.slug for page in await store.pages("@example.org", 10)] == ["later", "other", "season"]
    assert [page.slug for page in await store.pages("@example.org", 1)] == ["later"]
    assert await store.pages("@ample.org", 10) == []


async def test_the_revision_grows_with_changes_of_events_and_with_nothing_else(store: Store) -> None:
    assert await store.shown_revision(ORGANIZER) == (0, "", ())
    made = await stores.with_event(store, "ann@example.com")
    first = await store.shown_revision(ORGANIZER)
    assert first > (0, "", ())
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee("ben@example.com")])
    assert await store.shown_revision(ORGANIZER) == first
    cancelled = made.model_copy(update={"status": EventStatus.CANCELLED, "sequence": 1})
    await stores.save(store, cancelled)
    assert await store.shown_revision(ORGANIZER) > first
    assert await store.shown_revision("eve@example.org") == (0, "", ())


async def test_events_of_an_organizer_come_in_their_order_and_the_newest_stay(store: Store) -> None:
    for day, uid in enumerate(("b", "c", "a")):
        start = START + timedelta(days=day)
        span = Span(start=start, end=start + timedelta(hours=1), timezone="UTC")
        await stores.with_event(store, uid=uid, span=span)
    await stores.with_event(store, uid="x", organizer="eve@example.org")
    assert [event.uid for event in await store.events_of(ORGANIZER, 10)] == ["b", "c", "a"]
    assert [event.uid for event in await store.events_of(ORGANIZER, 2)] == ["c", "a"]


async def test_what_a_visitor_asked_for_waits_and_is_open_until_it_is_done(store: Store) -> None:
    async with store.unit() as unit:
        await unit.save_page_request(REQUEST)
        assert await unit.open_page_requests("ann@example.com", START - timedelta(days=1)) == [REQUEST]
        assert await unit.open_page_requests("ann@example.com", START) == []
        assert await unit.open_page_requests("ben@example.com", START - timedelta(days=1)) == []
        done = REQUEST.model_copy(update={"cursor": 2, "sent": 2})
        await unit.save_page_request(done)
        assert await unit.open_page_requests("ann@example.com", START - timedelta(days=1)) == []
    assert await store.page_request("code1") == done
    assert await store.page_request("other") is None


async def test_old_requests_are_forgotten_when_new_ones_come(store: Store) -> None:
    later = REQUEST.model_copy(update={"code": "code2", "created": START + timedelta(days=38)})
    async with store.unit() as unit:
        await unit.save_page_request(REQUEST)
        await unit.save_page_request(later)
    assert await store.page_request("code1") is None
    assert await store.page_request("code2") == later


async def test_a_person_who_confirmed_once_is_known_to_that_organizer(store: Store) -> None:
    async with store.unit() as unit:
        assert not await unit.confirmed_once(ORGANIZER, "ann@example.com")
        await unit.note_confirmed(ORGANIZER, "ann@example.com", START)
        await unit.note_confirmed(ORGANIZER, "ann@example.com", START)
        assert await unit.confirmed_once(ORGANIZER, "ann@example.com")
        assert not await unit.confirmed_once("eve@example.org", "ann@example.com")


async def test_a_mark_changes_with_every_write_and_with_nothing_else(store: Store) -> None:
    before = await store.written_mark()
    await store.page("season")
    assert await store.written_mark() == before
    await _keep(store, PAGE)
    after = await store.written_mark()
    assert after != before
    assert await store.written_mark() == after


async def test_places_are_taken_by_all_but_who_said_no_sent_another_or_was_taken_out(store: Store) -> None:
    await stores.with_event(store)
    people = [stores.attendee(f"p{n}@example.com") for n in range(5)]
    async with store.unit() as unit:
        await unit.add_attendees(people)
        assert await unit.places_taken("event1") == 5
    for one, partstat in zip(
        people, (Partstat.DECLINED, Partstat.DELEGATED, Partstat.ACCEPTED), strict=False
    ):
        async with store.unit() as unit:
            await unit.change_attendee(one, one.model_copy(update={"partstat": partstat}))
            seen = await unit.places_taken("event1")
        assert await store.places_taken_of(["event1", "event2"]) == {"event1": seen}
    async with store.unit() as unit:
        await unit.change_attendee(people[3], people[3].model_copy(update={"withdrawn": START}))
        assert await unit.places_taken("event1") == 2


async def test_old_requests_are_dropped_beside_as_much_as_a_unit_takes(store: Store) -> None:
    for n in range(20):
        async with store.unit() as unit:
            await unit.save_page_request(REQUEST.model_copy(update={"code": f"old{n}"}))
    later = REQUEST.model_copy(update={"code": "later", "created": START + timedelta(days=38)})
    await stores.with_event(store)
    people = [f"person{n}@host{n}.example" for n in range(15)]
    async with store.unit() as unit:
        await unit.save_page_request(later)
        await unit.add_attendees([stores.attendee(email) for email in people])
        await unit.add_messages([stores.message(email) for email in people], priority=0)
    async with store.unit() as unit:
        await unit.save_page_request(later)
    async with store.unit() as unit:
        assert [await unit.page_request(f"old{n}") for n in range(20)] == [None] * 20
