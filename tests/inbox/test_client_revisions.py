"""Revisions that organizers' clients mail to create@: which is newer, which adds, which speaks of one instance."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest

from engine.itip import recurrence
from engine.model.events import Event, EventStatus
from engine.model.messages import Method
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import deliver, invite_all_answers
from tests.support.inboxes import Post
from tests.support.mails import END, STAMP, START, vevent

OLGA, CREATE = "olga@cis.test", "create@cis.test"
HOUR, WEEK = timedelta(hours=1), timedelta(weeks=1)
PARIS = ZoneInfo("Europe/Paris")
FIRST = datetime(2027, 7, 5, 19, 0, tzinfo=PARIS)
WEEKLY: dict[str, Any] = {"start": FIRST, "end": FIRST + HOUR, "rrule": {"freq": "weekly", "count": 5}}


async def the_event(post: Post) -> Event:
    (event,) = (await post.engine.search(EventQuery(limit=100), post.engine.local)).events
    return event


async def brought(post: Post, method: str, *events: object) -> tuple[str, str]:
    content = mails.calendar(method, *events)  # type: ignore[arg-type]
    intake = await post(mails.mail(OLGA, CREATE, content=content, method=method))
    return intake.action, intake.code


@pytest.mark.parametrize(
    ("sequence", "stamp", "expected"),
    [
        (1, HOUR, ("cancelled", "")),
        (1, timedelta(), ("cancelled", "")),
        (1, -HOUR, ("ignored", "stale")),
        (0, HOUR, ("ignored", "stale")),
        (2, -HOUR, ("cancelled", "")),
    ],
)
async def test_a_cancellation_counts_by_sequence_then_stamp(
    post: Post, sequence: int, stamp: timedelta, expected: tuple[str, str]
) -> None:
    await brought(post, "REQUEST", vevent(sequence=1))
    assert await brought(post, "CANCEL", vevent(sequence=sequence, dtstamp=STAMP + stamp)) == expected
    assert (await the_event(post)).cancelled is (expected[0] == "cancelled")


async def test_published_again_it_is_the_same_event(post: Post) -> None:
    assert await brought(post, "PUBLISH", vevent()) == ("created", "")
    assert await brought(post, "PUBLISH", vevent(summary="Later", sequence=1)) == ("updated", "")
    assert await brought(post, "PUBLISH", vevent(summary="Before")) == ("ignored", "stale")
    assert (await the_event(post)).summary == "Later"


async def test_of_two_revisions_in_one_calendar_the_newer_is_the_event(post: Post) -> None:
    newer, older = vevent(summary="New", sequence=2), vevent(summary="Old", sequence=1)
    assert await brought(post, "REQUEST", newer, older) == ("created", "")
    assert (await the_event(post)).summary == "New"


async def test_an_added_instance_makes_the_event_recur(post: Post) -> None:
    await brought(post, "REQUEST", vevent())
    event = await the_event(post)
    await invite_all_answers(post.engine, event)
    await deliver(post.engine)
    added = vevent(start=START + WEEK, end=END + WEEK, sequence=1)
    assert await brought(post, "ADD", added) == ("updated", "")
    now = await the_event(post)
    assert (now.rdates, now.overrides, now.span) == ((START + WEEK,), (), event.span)
    told = [m for m in await deliver(post.engine) if m.kind.calendar]
    assert {(m.method, m.recurrence_id, m.sequence) for m in told} == {(Method.REQUEST, None, 1)}
    assert await brought(post, "ADD", added) == ("ignored", "no_change")


async def test_an_added_instance_may_differ_from_the_others(post: Post) -> None:
    await brought(post, "REQUEST", vevent())
    start = START + WEEK
    added = vevent(summary="The long one", location="Hall 9", start=start, end=start + 5 * HOUR, sequence=1)
    assert await brought(post, "ADD", added) == ("updated", "")
    (override,) = (await the_event(post)).overrides
    assert (override.summary, override.location, override.span.length) == ("The long one", "Hall 9", 5 * HOUR)


async def test_what_cannot_be_added_is_refused(post: Post) -> None:
    assert await brought(post, "ADD", vevent()) == ("refused", "unknown_event")
    await brought(post, "REQUEST", vevent())
    rule = vevent(start=START + WEEK, end=END + WEEK, sequence=1, rrule={"freq": "daily"})
    assert await brought(post, "ADD", rule) == ("refused", "invalid_recurrence")


async def test_clients_count_the_revisions_of_an_instance_by_themselves(post: Post) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY, sequence=3))
    second = FIRST + WEEK

    def moved(hours: int, sequence: int, stamp: int) -> object:
        start = second + hours * HOUR
        return vevent(
            start=start,
            end=start + HOUR,
            recurrence_id=second,
            sequence=sequence,
            dtstamp=STAMP + stamp * HOUR,
        )

    assert await brought(post, "REQUEST", moved(1, 0, 0)) == ("ignored", "stale")
    assert await brought(post, "REQUEST", moved(2, 1, 2)) == ("updated", "")
    assert await brought(post, "REQUEST", moved(3, 0, 3)) == ("ignored", "stale")
    assert await brought(post, "REQUEST", moved(4, 5, 1)) == ("updated", "")
    assert (await the_event(post)).overrides[0].span.start == second + 4 * HOUR
    renamed = vevent(**WEEKLY, sequence=4, summary="Renamed", dtstamp=STAMP + 9 * HOUR)
    assert await brought(post, "REQUEST", renamed) == ("updated", ""), "the instance's 5 is not the series'"


@pytest.mark.parametrize(
    ("stamp", "expected"), [(2, ("cancelled", "")), (1, ("cancelled", "")), (0, ("ignored", "stale"))]
)
async def test_a_date_that_is_known_alone_is_cancelled_with_its_series_whatever_its_own_sequence(
    post: Post, stamp: int, expected: tuple[str, str]
) -> None:
    second = FIRST + WEEK
    date = {"start": second, "end": second + HOUR, "recurrence_id": second}
    assert await brought(post, "REQUEST", vevent(**date)) == ("created", "")
    moved = vevent(**{**date, "location": "Hall 2"}, sequence=2, dtstamp=STAMP + HOUR)
    assert await brought(post, "REQUEST", moved) == ("updated", "")
    series = vevent(**WEEKLY, sequence=1, dtstamp=STAMP + stamp * HOUR)
    assert await brought(post, "CANCEL", series) == expected
    assert (await the_event(post)).cancelled is (expected[0] == "cancelled")


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
async def test_this_and_all_that_follow_count_by_their_stamp_beside_a_series_of_a_higher_sequence(
    post: Post, method: str
) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY, sequence=3, dtstamp=STAMP + HOUR))
    third = FIRST + 2 * WEEK
    older = _from_on(third, sequence=4, dtstamp=STAMP)
    assert await brought(post, method, older) == ("ignored", "stale")
    assert len(_starts(await the_event(post))) == 5
    newer = _from_on(third, dtstamp=STAMP + 2 * HOUR)
    assert await brought(post, method, newer) == ("updated", "")
    assert third not in _starts(await the_event(post))


@pytest.mark.parametrize("method", ["REQUEST", "CANCEL"])
async def test_the_sequence_of_this_and_all_that_follow_is_not_the_series(post: Post, method: str) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY))
    following = _from_on(FIRST + 2 * WEEK, sequence=7, dtstamp=STAMP + HOUR)
    assert await brought(post, method, following) == ("updated", "")
    before = vevent(**WEEKLY, summary="Before")
    assert await brought(post, "REQUEST", before) == ("ignored", "stale"), "the older series comes again"
    renamed = vevent(**WEEKLY, sequence=1, summary="Renamed", dtstamp=STAMP + 2 * HOUR)
    assert await brought(post, "REQUEST", renamed) == ("updated", "")
    assert (await the_event(post)).summary == "Renamed"


async def test_a_newer_change_of_one_date_stands_before_an_older_one_of_it_and_all_that_follow(
    post: Post,
) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY))
    third = FIRST + 2 * WEEK
    alone = {"start": third + 5 * HOUR, "end": third + 6 * HOUR, "recurrence_id": third}
    await brought(post, "REQUEST", vevent(**alone, sequence=2, dtstamp=STAMP + 2 * HOUR))
    older = _from_on(third, dtstamp=STAMP + HOUR)
    assert await brought(post, "REQUEST", older) == ("ignored", "stale")
    assert third + 5 * HOUR in _starts(await the_event(post))


async def test_an_instance_is_found_by_its_day_or_in_another_zone(post: Post) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY))
    saigon = (FIRST + WEEK).astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    gone = vevent(start=saigon, end=None, recurrence_id=saigon, sequence=1)
    assert await brought(post, "CANCEL", gone) == ("cancelled", "")
    day = vevent(start=None, end=None, recurrence_id=date(2027, 7, 19), sequence=1)
    assert await brought(post, "CANCEL", day) == ("cancelled", "")
    event = await the_event(post)
    assert event.exdates == (FIRST + WEEK, FIRST + 2 * WEEK)
    assert event.status is EventStatus.CONFIRMED


async def test_a_midnight_names_the_day_of_an_all_day_series(post: Post) -> None:
    start = date(2027, 7, 5)
    await brought(
        post, "REQUEST", vevent(start=start, end=date(2027, 7, 6), rrule={"freq": "weekly", "count": 3})
    )
    gone = vevent(start=None, end=None, recurrence_id=datetime(2027, 7, 12, tzinfo=UTC), sequence=1)
    assert await brought(post, "CANCEL", gone) == ("cancelled", "")
    assert (await the_event(post)).exdates == (date(2027, 7, 12),)


def _from_on(which: datetime, hours: int = 1, **values: Any) -> icalendar.Event:
    """A change of `which` and all that follow: `hours` later, and two hours long."""
    times = {"start": which + hours * HOUR, "end": which + (hours + 2) * HOUR}
    following = vevent(recurrence_id=which, **{"sequence": 1, **times, **values})
    following["RECURRENCE-ID"].params["RANGE"] = "THISANDFUTURE"
    return following


def _starts(event: Event) -> list[datetime]:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    return [s.start_utc for s in recurrence.instances(event, event.span.start_utc, until, 200)]


async def test_this_and_all_that_follow_are_moved(post: Post) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY))
    before = await the_event(post)
    attendees = await invite_all_answers(post.engine, before)
    assert await brought(post, "REQUEST", _from_on(FIRST + 2 * WEEK)) == ("updated", "")
    event = await the_event(post)
    moved = [FIRST + 2 * WEEK + HOUR, FIRST + 3 * WEEK + HOUR, FIRST + 4 * WEEK + HOUR]
    assert _starts(event) == [FIRST, FIRST + WEEK, *moved]
    assert {o.span.length for o in event.overrides} == {2 * HOUR}
    told = {m.email for m in await deliver(post.engine) if m.method is Method.REQUEST}
    assert told == {a.email for name, a in attendees.items() if name != "no"}
    assert await brought(post, "REQUEST", _from_on(FIRST + 2 * WEEK)) == ("ignored", "no_change")


async def test_a_single_change_stands_beside_a_change_of_all_that_follow(post: Post) -> None:
    one = vevent(
        start=FIRST + 3 * WEEK, end=FIRST + 3 * WEEK + HOUR, recurrence_id=FIRST + 3 * WEEK, sequence=2
    )
    await brought(post, "REQUEST", vevent(**WEEKLY), _from_on(FIRST + 2 * WEEK), one)
    assert _starts(await the_event(post)) == [
        *(FIRST, FIRST + WEEK, FIRST + 2 * WEEK + HOUR, FIRST + 3 * WEEK, FIRST + 4 * WEEK + HOUR)
    ]


async def test_of_two_changes_of_all_that_follow_the_later_one_counts_from_its_date_on(post: Post) -> None:
    changes = [_from_on(FIRST + 3 * WEEK, 3), _from_on(FIRST + WEEK)]
    await brought(post, "REQUEST", vevent(**WEEKLY), *changes)
    assert _starts(await the_event(post)) == [
        FIRST,
        *(FIRST + n * WEEK + HOUR for n in (1, 2)),
        *(FIRST + n * WEEK + 3 * HOUR for n in (3, 4)),
    ]


async def test_all_that_follow_keep_their_time_on_the_clock_over_summer_time(post: Post) -> None:
    first = datetime(2027, 10, 18, 19, 0, tzinfo=PARIS)
    await brought(post, "REQUEST", vevent(**{**WEEKLY, "start": first, "end": first + HOUR}))
    await brought(post, "REQUEST", _from_on(first + WEEK))
    assert [s.astimezone(PARIS).hour for s in _starts(await the_event(post))] == [19, 20, 20, 20, 20]


@pytest.mark.parametrize("rule", [{"freq": "weekly"}, {"freq": "daily", "count": 400}])
async def test_a_series_whose_rest_is_too_long_to_move_is_made_and_the_rest_is_said(
    post: Post, rule: dict[str, Any]
) -> None:
    series = vevent(**{**WEEKLY, "rrule": rule})
    assert await brought(post, "REQUEST", series, _from_on(FIRST + WEEK)) == ("created", "")
    assert (await the_event(post)).overrides == ()
    notice = await post.notice()
    assert notice.notice is not None
    assert "a change to one date and all that follow" in notice.notice.text
    assert await brought(post, "REQUEST", _from_on(FIRST + WEEK)) == ("refused", "invalid_recurrence")


@pytest.mark.parametrize("rule", [{"freq": "weekly"}, {"freq": "weekly", "count": 5}])
async def test_this_and_all_that_follow_are_cancelled(post: Post, rule: dict[str, Any]) -> None:
    await brought(post, "REQUEST", vevent(**{**WEEKLY, "rrule": rule}))
    await invite_all_answers(post.engine, await the_event(post))
    assert await brought(post, "CANCEL", _from_on(FIRST + 2 * WEEK)) == ("updated", "")
    event = await the_event(post)
    assert (_starts(event), event.cancelled) == ([FIRST, FIRST + WEEK], False)
    assert {m.method for m in await deliver(post.engine) if m.method} == {Method.REQUEST}
    assert await brought(post, "CANCEL", _from_on(FIRST, sequence=2)) == ("cancelled", "")


@pytest.mark.parametrize(
    "rule",
    [{"freq": "weekly", "count": 3}, {"freq": "weekly", "until": (FIRST + 2 * WEEK).astimezone(UTC)}],
)
async def test_a_series_that_ended_before_the_dates_that_are_cancelled_gets_no_new_ones(
    post: Post, rule: dict[str, Any]
) -> None:
    further = [FIRST + 8 * WEEK, FIRST + 9 * WEEK]
    await brought(post, "REQUEST", vevent(**{**WEEKLY, "rrule": rule}, rdate=further))
    before = await the_event(post)
    assert await brought(post, "CANCEL", _from_on(further[1])) == ("updated", "")
    event = await the_event(post)
    assert (_starts(event), event.recurrence) == (
        [FIRST, FIRST + WEEK, FIRST + 2 * WEEK, further[0]],
        before.recurrence,
    )


async def test_an_earlier_end_of_a_series_stands_when_later_dates_are_cancelled(post: Post) -> None:
    await brought(post, "REQUEST", vevent(**{**WEEKLY, "rrule": {"freq": "weekly"}}))
    assert await brought(post, "CANCEL", _from_on(FIRST + 2 * WEEK)) == ("updated", "")
    assert await brought(post, "CANCEL", _from_on(FIRST + 4 * WEEK, sequence=2)) == ("ignored", "no_change")
    assert _starts(await the_event(post)) == [FIRST, FIRST + WEEK]


async def test_of_several_rules_none_goes_on_when_later_dates_are_cancelled(post: Post) -> None:
    several = vevent(**{**WEEKLY, "rrule": {"freq": "weekly", "count": 3}})
    several.add("rrule", {"freq": "monthly", "bymonthday": 5, "count": 4})
    await brought(post, "REQUEST", several)
    before = _starts(await the_event(post))
    assert before[-1] > FIRST + 10 * WEEK
    assert await brought(post, "CANCEL", _from_on(before[-1].astimezone(PARIS))) == ("updated", "")
    assert _starts(await the_event(post)) == before[:-1]


async def test_the_dates_that_remain_are_cancelled_one_by_one_or_with_the_end_of_the_series(
    post: Post, clock: Clock
) -> None:
    await brought(post, "REQUEST", vevent(**WEEKLY))
    await invite_all_answers(post.engine, await the_event(post))
    clock.now = FIRST + 3 * WEEK + HOUR
    last, stamp = FIRST + 4 * WEEK, {"dtstamp": clock.now}
    gone = vevent(start=last, end=None, recurrence_id=last, sequence=1, **stamp)
    assert await brought(post, "CANCEL", gone) == ("cancelled", "")
    ended = vevent(**{**WEEKLY, "rrule": {"freq": "weekly", "until": last - HOUR}}, sequence=2, **stamp)
    assert await brought(post, "REQUEST", ended) == ("updated", "")
    assert {m.method for m in await deliver(post.engine) if m.method} == {Method.CANCEL, Method.REQUEST}
    assert _starts(await the_event(post)) == [FIRST + n * WEEK for n in range(4)]


async def test_one_bad_event_of_several_stops_no_other_and_one_notice_tells_of_all(post: Post) -> None:
    past = datetime(2020, 1, 1, tzinfo=UTC)
    events = [vevent("u1"), vevent("u2", start=past, end=past + HOUR), vevent("u3", summary="Third")]
    assert await brought(post, "PUBLISH", *events) == ("created", "")
    notice = (await post.notice()).notice
    assert notice is not None
    assert "3 events: 2 created, 1 refused (event_in_past)" in notice.text


@pytest.mark.parametrize(
    "organizer",
    ["c_3f9a@group.calendar.google.com", "jane_doe/acme@example.com", "boss@example.com"],
)
async def test_the_event_is_its_senders_whatever_address_its_calendar_has(post: Post, organizer: str) -> None:
    assert await brought(post, "REQUEST", vevent(organizer=organizer)) == ("created", "")
    event = await the_event(post)
    assert event.organizer == OLGA
    again = vevent(organizer=organizer, sequence=1, summary="Moved house")
    assert await brought(post, "REQUEST", again) == ("updated", "")


async def test_what_was_repaired_is_said(post: Post) -> None:
    content = mails.calendar("REQUEST", vevent()).replace(
        b"END:VEVENT", b"this is no line\r\nSTATUS:CONFIRMED"
    )
    intake = await post(mails.mail(OLGA, CREATE, content=content))
    assert intake.action == "created"
    assert intake.detail == "Repaired: a line that is no property passed over; VEVENT without its END."
