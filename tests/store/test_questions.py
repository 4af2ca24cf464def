"""The contract of a store: what is asked of it, in pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.events import Event, EventStatus
from engine.model.people import Partstat
from engine.model.queries import AttendeeQuery, EventQuery
from engine.model.times import Span
from engine.refusals import Code, Refused
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER, START, attendee, event, with_event


async def _events(store: Store) -> None:
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "", START)
        await unit.ensure_organizer("other@example.org", "", START)
        for n in range(7):
            start = START + timedelta(days=n // 2)
            span = Span(start=start, end=start + timedelta(hours=1), timezone="UTC")
            values = {"span": span, "ends_at": span.end_utc, "summary": f"Game {n} über alles"}
            values |= {"organizer": "other@example.org"} if n == 6 else {}
            values |= {"location": "Höfe Stadium"} if n % 2 else {}
            await unit.add_event(event(f"event{n}", **values))


async def test_events_come_in_order_of_their_start_and_in_pages_without_gaps(store: Store) -> None:
    await _events(store)
    found: list[Event] = []
    cursor = None
    for _ in range(4):
        page = await store.search(EventQuery(limit=2, cursor=cursor))
        found += page.events
        cursor = page.next_cursor
    assert sorted(e.uid for e in found) == [f"event{n}" for n in range(7)]
    starts = [e.span.start_utc for e in found]
    assert starts == sorted(starts)
    assert cursor is None


async def test_a_last_page_that_is_full_has_no_cursor(store: Store) -> None:
    await _events(store)
    assert (await store.search(EventQuery(limit=7))).next_cursor is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (EventQuery(query="stadium"), {1, 3, 5}),
        (EventQuery(query="hofe STAD"), {1, 3, 5}),
        (EventQuery(query="game 3"), {3}),
        (EventQuery(query="über nirgends"), set()),
        (EventQuery(query='"; DROP TABLE event --'), set()),
        (EventQuery(query="!!!"), set()),
        (EventQuery(query="AND OR NOT NEAR("), set()),
        (EventQuery(organizer="other@example.org"), {6}),
        (EventQuery(after=START + timedelta(days=1, minutes=30)), {2, 3, 4, 5, 6}),
        (EventQuery(after=START + timedelta(days=1, hours=1)), {4, 5, 6}),
        (EventQuery(before=START + timedelta(days=1)), {0, 1}),
        (EventQuery(status=EventStatus.CANCELLED), set()),
    ],
)
async def test_events_are_found_by_words_time_organizer_and_status(
    store: Store, query: EventQuery, expected: set[int]
) -> None:
    await _events(store)
    page = await store.search(query)
    assert {e.uid for e in page.events} == {f"event{n}" for n in expected}


async def test_bounds_without_a_zone_are_on_the_clock_of_each_event(store: Store) -> None:
    late = datetime(2027, 5, 3, 0, 30, tzinfo=UTC)
    for uid, zone in (("here", "America/New_York"), ("there", "Asia/Tokyo")):
        span = Span(start=late, end=late + timedelta(hours=2), timezone=zone)
        await with_event(store, uid=uid, span=span, ends_at=span.end)
    day = datetime(2027, 5, 2)  # noqa: DTZ001 -- local time
    for first, right in (
        (day, ["here"]),
        (day + timedelta(days=1), ["there"]),
        (day - timedelta(days=1), []),
    ):
        page = await store.search(EventQuery(after=first, before=first + timedelta(days=1)))
        assert [one.uid for one in page.events] == right


async def test_a_changed_event_is_found_by_its_new_words_alone(store: Store) -> None:
    made = await with_event(store)
    await stores.save(store, made.model_copy(update={"summary": "Rehearsal"}))
    assert (await store.search(EventQuery(query="meeting"))).events == ()
    assert len((await store.search(EventQuery(query="rehear"))).events) == 1


async def test_an_event_that_recurs_for_ever_is_never_over(store: Store) -> None:
    await with_event(store, ends_at=None, recurrence="FREQ=WEEKLY")
    page = await store.search(EventQuery(after=START + timedelta(days=9999)))
    assert len(page.events) == 1


async def test_attendees_come_in_a_lasting_order_and_in_pages(store: Store) -> None:
    people = [f"p{n}@example.com" for n in range(5)]
    await with_event(store, *reversed(people))
    first = await store.attendees(AttendeeQuery(uid="event1", limit=3))
    rest = await store.attendees(AttendeeQuery(uid="event1", limit=3, cursor=first.next_cursor))
    order = [a.email for a in (*first.attendees, *rest.attendees)]
    assert sorted(order) == people
    assert order == [a.email async for a in store.every_attendee("event1")]
    assert rest.next_cursor is None
    nobody = await store.attendees(AttendeeQuery(uid="event1", status=Partstat.DECLINED))
    assert nobody.attendees == ()


async def test_every_attendee_is_read_once_however_many_there_are(store: Store) -> None:
    await with_event(store)
    people = [attendee(f"p{n}@example.com") for n in range(2_100)]
    while people:
        async with store.unit() as unit:
            await unit.add_attendees(people[: unit.items_per_unit])
        people = people[unit.items_per_unit :]
    emails = [a.email async for a in store.every_attendee("event1")]
    assert len(emails) == len(set(emails)) == 2_100


FORGED = [
    "",
    "x",
    "WyJhIl0",
    "bm90IGpzb24",
    "ä",
    "W10",
    "e30",
    "WzFlOTk5XQ",
    "WzEwMDAwMDAwMDAwMDAwMDAwMDAwMDBd",
]


@pytest.mark.parametrize("cursor", [*FORGED, "WyJhIiwgWyJi" * 1_000, "W1tb" * 5_000])
async def test_a_cursor_that_is_not_ours_is_refused(store: Store, cursor: str) -> None:
    await _events(store)
    for ask in (
        lambda: store.search(EventQuery(cursor=cursor)),
        lambda: store.attendees(AttendeeQuery(uid="event0", cursor=cursor)),
    ):
        try:
            page = await ask()
        except Refused as refused:
            assert refused.code is Code.INVALID_CURSOR
        else:
            assert cursor in {"", "WzFlOTk5XQ"}, page


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=40))
async def test_no_words_can_break_the_search(store: Store, text: str) -> None:
    page = await store.search(EventQuery(query=text))
    assert page.events == ()


async def test_events_are_found_by_whether_somebody_is_invited(store: Store) -> None:
    await with_event(store, "ann@example.com", uid="event1")
    await with_event(store, uid="event2")
    for wanted, uid in ((True, "event1"), (False, "event2")):
        page = await store.search(EventQuery(has_attendees=wanted))
        assert [e.uid for e in page.events] == [uid]


async def test_people_are_found_by_a_whole_address_a_domain_or_a_name_and_by_no_beginning(
    store: Store,
) -> None:
    await with_event(store)
    async with store.unit() as unit:
        people = {"ann@example.com": "Ann Øster", "bob@example.org": "Bob", "cy@example.com": ""}
        for email, name in people.items():
            await unit.add_attendees([attendee(email, name=name)])

    async def found(words: str) -> list[str]:
        return [a.email for a in (await store.attendees(AttendeeQuery(uid="event1", words=words))).attendees]

    assert await found("Ann@Example.com") == ["ann@example.com"]
    assert await found("@example.com") == ["ann@example.com", "cy@example.com"]
    assert await found("NN ") == ["ann@example.com"]
    assert [await found(words) for words in ("cy", "cy@", "example.com", "@example", "%")] == [[]] * 5


async def test_events_are_named_by_their_uids(store: Store) -> None:
    await _events(store)
    named = await store.event_names(["event3", "event6", "unknown"])
    assert {uid: name.summary for uid, name in named.items()} == {
        "event3": "Game 3 über alles",
        "event6": "Game 6 über alles",
    }
    one = await store.event("event3")
    assert one and named["event3"].id == one.id
    assert await store.event_names([]) == {}
