"""Events found through the engine: instances, changes, slips, names, pages, and whose they are."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.cursors import written
from engine.model.events import Event, EventStatus, Override
from engine.model.queries import EventQuery
from engine.model.times import Span
from engine.refusals import Code, Refused
from engine.search.asking import Found
from tests.support.clock import Clock
from tests.support.engines import created, do
from tests.tools.caller import agent


async def _search(engine: Engine, words: str, timezone: str | None = None, **values: Any) -> Found:
    return await engine.search(EventQuery(query=words, **values), engine.local, timezone)


async def _uids(engine: Engine, words: str, timezone: str | None = None, **values: Any) -> list[str]:
    return [event.uid for event in (await _search(engine, words, timezone, **values)).events]


def _when(start: str, timezone: str = "America/New_York", duration: str = "PT2H") -> Timing:
    return Timing(start=start, duration=duration, timezone=timezone)


async def _weekly(engine: Engine, rule: str = "FREQ=WEEKLY;BYDAY=TU", **values: Any) -> Event:
    """A training on Tuesdays at 18:30 in New York, from 6 April 2027 on."""
    return await created(
        engine, summary="Training", when=_when("2027-04-06T18:30"), recurrence=rule, **values
    )


# recurring events


async def test_a_recurring_event_is_found_by_each_of_its_instances(engine: Engine) -> None:
    event = await _weekly(engine)
    found = await _search(engine, "training on May 11")
    assert [e.uid for e in found.events] == [event.uid]
    assert found.occasions[0].start == datetime(2027, 5, 11, 22, 30, tzinfo=UTC)
    assert await _uids(engine, "training on May 12") == []
    assert await _uids(engine, "training in the morning") == []


async def test_a_recurring_event_comes_once_by_its_first_instance_that_fits(engine: Engine) -> None:
    event = await _weekly(engine)
    other = await created(engine, summary="Training camp", when=_when("2027-05-12T10:00"))
    first = await _search(engine, "training in May", limit=1)
    rest = await _search(engine, "training in May", limit=1, cursor=first.next_cursor)
    assert [e.uid for e in (*first.events, *rest.events)] == [event.uid, other.uid]
    assert (first.occasions[0].start, rest.next_cursor) == (datetime(2027, 5, 4, 22, 30, tzinfo=UTC), None)


async def test_dates_taken_out_are_not_found_and_moved_ones_where_they_went(engine: Engine) -> None:
    out = datetime(2027, 5, 11, 22, 30, tzinfo=UTC)
    moved = datetime(2027, 5, 18, 22, 30, tzinfo=UTC)
    there = Span(
        start=moved + timedelta(days=1), end=moved + timedelta(days=1, hours=2), timezone="America/New_York"
    )
    override = Override(recurrence_id=moved, span=there, summary="Training", location="Hall Nine")
    event = await _weekly(engine, exdates=(out,), overrides=(override,))
    for words, right in (
        ("May 11", []),
        ("May 18", []),
        ("May 19", [event.uid]),
        ("at Hall Nine", [event.uid]),
    ):
        assert await _uids(engine, f"training {words}") == right, words


async def test_an_endless_series_is_found_far_ahead_and_by_its_days_alone(engine: Engine) -> None:
    event = await _weekly(engine)
    assert await _uids(engine, "training in June 2044") == [event.uid]
    found = await _search(engine, "training on Tuesdays in June 2044")
    assert found.occasions[0].start == datetime(2044, 6, 7, 22, 30, tzinfo=UTC)
    assert await _uids(engine, "training on Fridays in June 2044") == []
    assert await _uids(engine, "training in June 1999") == []


async def test_a_daily_series_is_found_beyond_the_instances_that_are_kept(engine: Engine) -> None:
    event = await _weekly(engine, "FREQ=DAILY;COUNT=3000")
    for year, right in ((2028, [event.uid]), (2031, [event.uid]), (2040, [])):
        assert await _uids(engine, f"training on July 1 {year}") == right, year


async def test_series_far_ahead_come_in_order_and_in_pages(engine: Engine) -> None:
    made = [await _weekly(engine, f"FREQ=WEEKLY;BYDAY=TU,{day}") for day in ("WE", "MO", "TH")]
    cursor, found = None, list[str]()
    for _ in made:
        page = await _search(
            engine, "training", after=datetime(2050, 1, 5, 12, tzinfo=UTC), limit=1, cursor=cursor
        )
        found += [event.uid for event in page.events]
        cursor = page.next_cursor
    assert (found, cursor) == ([made[0].uid, made[2].uid, made[1].uid], None)


# days that are not like others


async def test_an_event_of_several_days_is_found_on_each_of_them(engine: Engine) -> None:
    when = Timing(start="2027-05-28", end="2027-06-02", timezone="Europe/Berlin")
    event = await created(engine, summary="Festival", when=when)
    for words, right in (
        ("festival in May", True),
        ("festival in June", True),
        ("festival on May 30", True),
        ("festival on Sundays", True),
        ("festival on Wednesdays", False),
        ("festival on June 2", False),
        ("festival in the evening", False),
    ):
        assert bool(await _uids(engine, words)) is right, words
    assert (await _search(engine, "festival")).occasions[0] == event.span


async def test_an_all_day_event_is_on_its_day_in_every_zone(engine: Engine) -> None:
    when = Timing(start="2027-05-02", end="2027-05-03", timezone="Europe/Berlin")
    event = await created(engine, summary="Fair", when=when)
    for zone in ("Pacific/Auckland", "America/Los_Angeles", None):
        assert await _uids(engine, "fair on May 2", zone) == [event.uid]
        assert await _uids(engine, "fair on May 1", zone) == []
        assert await _uids(engine, "fair on Sundays", zone) == [event.uid]


async def test_what_ends_after_midnight_belongs_to_the_evening_it_began(engine: Engine) -> None:
    event = await created(engine, summary="Party", when=_when("2027-05-01T22:00", duration="PT5H"))
    assert await _uids(engine, "party on May 1") == [event.uid]
    assert await _uids(engine, "party on May 2") == []


@pytest.mark.parametrize(("start", "local"), [("2027-03-13T20:00", "17:00"), ("2027-03-20T20:00", "17:00")])
async def test_the_callers_clock_follows_its_summer_time(engine: Engine, start: str, local: str) -> None:
    await created(engine, when=_when(start))
    assert len(await _uids(engine, f"opener at {local}", "America/Los_Angeles")) == 1
    assert len(await _uids(engine, f"opener at {local}")) == 0
    assert len(await _uids(engine, "opener at 20:00")) == 1


async def test_the_callers_clock_is_right_when_clocks_have_changed_in_one_zone_alone(engine: Engine) -> None:
    # Between 14 and 28 March New York is four hours behind London's winter time, not five.
    await created(engine, when=_when("2027-03-20T15:00"))
    assert len(await _uids(engine, "opener at 19:00", "Europe/London")) == 1
    assert len(await _uids(engine, "opener at 20:00", "Europe/London")) == 0


# changes


async def test_a_changed_event_is_found_by_what_it_is_now_alone(engine: Engine) -> None:
    event = await created(engine, location="Hall One")
    await do(
        engine,
        UpdateEvent(uid=event.uid, summary="Farewell", when=_when("2027-06-05T10:00"), location="Barn"),
    )
    for words, right in (
        ("farewell", True),
        ("at the barn", True),
        ("farewell on June 5", True),
        ("opener", False),
        ("at Hall One", False),
        ("farewell on May 2", False),
        ("farewell in the evening", False),
    ):
        assert bool(await _uids(engine, words)) is right, words


async def test_a_cancelled_event_keeps_its_words_and_is_found_as_such(engine: Engine) -> None:
    event = await created(engine)
    other = await created(engine, when=_when("2027-05-02T21:00"))
    await do(engine, CancelEvent(uid=event.uid))
    assert await _uids(engine, "cancelled openers") == [event.uid]
    assert await _uids(engine, "openers", status=EventStatus.CONFIRMED) == [other.uid]
    assert await _uids(engine, "opener on May 2") == [event.uid, other.uid]


async def test_events_that_begin_at_once_come_in_pages_in_the_order_of_a_single_page(engine: Engine) -> None:
    made = [(await created(engine)).uid for _ in range(4)]
    whole = await _uids(engine, "opener on May 2")
    assert sorted(whole) == sorted(made)
    cursor, found = None, list[str]()
    for _ in made:
        page = await _search(engine, "opener on May 2", limit=1, cursor=cursor)
        found += [event.uid for event in page.events]
        cursor = page.next_cursor
    assert (found, cursor) == (whole, None)


async def test_words_that_no_event_has_any_more_are_no_longer_proposed(engine: Engine) -> None:
    event = await created(engine, summary="Quidditch")
    assert (await _search(engine, "quiddich")).read.corrections == {"quiddich": "quidditch"}
    await do(engine, UpdateEvent(uid=event.uid, summary="Chess"))
    found = await _search(engine, "quiddich")
    assert (found.read.corrections, found.read.unknown, found.events) == ({}, ("quiddich",), ())


# words


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("concret hall", True),
        ("conzert", True),
        ("concerts", True),
        ("conc", True),
        ("MUSÉE", True),
        ("musee", True),
        ("lanterns", True),
        ("o'neill", True),
        ('"spring concert"', True),
        ('"concert spring"', False),
        ("spring concert tickets for my friends", True),
        ("concert zebra", False),
        ("4", False),
    ],
)
async def test_words_are_found_in_all_their_forms(engine: Engine, words: str, found: bool) -> None:
    await created(
        engine,
        summary="Spring Concert",
        location="Concrete Hall, Musée",
        description="By lantern, with O'Neill",
    )
    assert bool(await _uids(engine, words)) is found


async def test_a_word_that_no_event_has_is_told(engine: Engine) -> None:
    await created(engine)
    found = await _search(engine, "opener zebra")
    assert (found.events, found.understood.words.unknown) == ((), ("zebra",))


@pytest.mark.parametrize(
    ("summary", "words", "wrong"),
    [
        ("Opening Night", "opening night", "opening in the morning"),
        ("Black Friday sale", "black friday", "sale on Fridays"),
        ("May Fair", "may fair", "fair in May"),
        ("Board game evening", "board game", "board meeting"),
        ("School play", "school play", "school trip"),
        ("Expo 2027 preview", "expo 2027", "preview in 2031"),
    ],
)
async def test_a_name_may_hold_words_of_time(engine: Engine, summary: str, words: str, wrong: str) -> None:
    event = await created(engine, summary=summary, when=_when("2027-06-09T15:00"))
    assert await _uids(engine, words) == [event.uid]
    assert await _uids(engine, wrong) == []


@pytest.mark.parametrize(
    "summary", ["Kites vs Larks", "Larks at Kites", "Larks @ Kites", "Kites v. Larks", "Kites – Larks"]
)
async def test_who_is_at_home_is_read_from_the_ways_games_are_called(engine: Engine, summary: str) -> None:
    event = await created(engine, summary=summary)
    assert await _uids(engine, "Kites home games") == [event.uid]
    assert await _uids(engine, "Larks away games against the Kites") == [event.uid]
    assert await _uids(engine, "Larks home games") == []
    assert await _uids(engine, "Kites away games") == []


async def test_a_side_says_nothing_where_no_event_has_sides(engine: Engine) -> None:
    event = await created(engine, summary="Cooking class")
    found = await _search(engine, "cooking at home")
    assert ([e.uid for e in found.events], found.read.left_out) == ([event.uid], ("home",))


async def test_what_is_still_to_come_can_be_asked_for_within_days(engine: Engine, clock: Clock) -> None:
    over = await created(engine, summary="Game one", when=_when("2027-05-04T19:00"))
    ahead = await created(engine, summary="Game two", when=_when("2027-05-18T19:00"))
    clock.move(days=70)
    for zone in (None, "America/New_York"):
        assert await _uids(engine, "upcoming games in May", zone) == [ahead.uid]
        assert await _uids(engine, "past games since May", zone) == [over.uid]


async def test_arguments_win_over_words(engine: Engine) -> None:
    event = await created(engine)
    may: dict[str, Any] = {
        "after": datetime(2027, 5, 1, tzinfo=UTC),
        "before": datetime(2027, 6, 1, tzinfo=UTC),
    }
    assert await _uids(engine, "opener in December", **may) == [event.uid]
    assert await _uids(engine, "cancelled opener", status=EventStatus.CONFIRMED) == [event.uid]


# pages, and whose events they are


async def test_today_stays_today_while_pages_are_turned(engine: Engine, clock: Clock) -> None:
    clock.now = datetime(2027, 5, 2, 12, tzinfo=UTC)
    made = [await created(engine, when=_when(f"2027-05-02T{hour}:00")) for hour in (18, 19, 20)]
    first = await _search(engine, "today", limit=2)
    clock.move(days=1)
    rest = await _search(engine, "today", limit=2, cursor=first.next_cursor)
    assert [e.uid for e in (*first.events, *rest.events)] == [e.uid for e in made]


async def test_pages_stay_whole_while_events_come_and_change(engine: Engine) -> None:
    made = [await created(engine, summary="Talk", when=_when(f"2027-05-0{day}T18:00")) for day in range(2, 8)]
    first = await _search(engine, "talk", limit=3)
    await created(engine, summary="Talk", when=_when("2027-05-01T18:00"))
    await do(engine, UpdateEvent(uid=made[4].uid, location="Elsewhere"))
    rest = await _search(engine, "talk", limit=10, cursor=first.next_cursor)
    assert [e.uid for e in (*first.events, *rest.events)] == [e.uid for e in made]


async def test_nobody_learns_of_the_words_of_others(engine: Engine) -> None:
    ann, bob = agent("ann@example.com"), agent("bob@example.com")
    await created(engine, ann, summary="Quidditch finals vs Secret Night")
    await created(engine, bob, summary="Chess")
    for words in ("quidditch", "quiddich", "secret", '"quidditch finals"', "secret night", "o1", "owner o1"):
        found = await engine.search(EventQuery(query=words), bob)
        assert (found.events, dict(found.read.corrections)) == ((), {}), words
    assert len((await engine.search(EventQuery(), bob)).events) == 1
    with pytest.raises(Refused) as refused:
        await engine.search(EventQuery(query="chess", organizer="ann@example.com"), bob)
    assert refused.value.code is Code.NOT_ALLOWED


async def test_an_unknown_zone_is_refused_with_the_nearest(engine: Engine) -> None:
    with pytest.raises(Refused, match="America/New_York") as refused:
        await _search(engine, "today", "America/New_Yrok")
    assert refused.value.code is Code.UNKNOWN_TIMEZONE


@pytest.mark.parametrize("year", [1, 1970, 2199, 2200, 9999])
@pytest.mark.parametrize("zone", [None, "Pacific/Kiritimati"])
async def test_the_ends_of_the_calendar_are_only_days(engine: Engine, year: int, zone: str | None) -> None:
    await _weekly(engine)
    for first, last in ((1, 2), (30, 31)):
        month = 1 if first == 1 else 12
        for words in ("after", "before", "", "since", "from"):
            await _search(engine, f"training {words} {year:04}-{month:02}-{first:02}", zone)
            await _search(
                engine, f"training from {year:04}-{month:02}-{first} to {year:04}-{month:02}-{last}", zone
            )
        moment = datetime(year, month, last, 12, tzinfo=UTC)
        await _search(engine, "training", zone, after=moment)
        await _search(engine, "training in 1000 years or 1000 years ago", zone, before=moment)


@pytest.mark.parametrize("asked", [-1, 253_402_300_799, 10**18])
async def test_a_cursor_of_another_age_is_refused(engine: Engine, asked: int) -> None:
    with pytest.raises(Refused) as refused:
        await _search(engine, "today", "Pacific/Kiritimati", cursor=written(0, 0, asked))
    assert refused.value.code is Code.INVALID_CURSOR


_SYNTAX = st.sampled_from(
    "\" ' * ^ ( ) AND OR NOT NEAR(a b,2) : summary: { } - + % ; opener owner:o1 o1 season home vs at in May games \0 "  # noqa: SIM905
    "ß １２ ½ “ _".split(" ")
)


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.lists(_SYNTAX, max_size=8).map(" ".join), st.text(max_size=60)))
async def test_no_query_is_taken_for_syntax(engine: Engine, words: str) -> None:
    if not (await engine.search(EventQuery(), engine.local)).events:
        await created(engine, summary="Season opener vs o1 ß ½")
    found = await _search(engine, words)
    assert len(found.events) <= 1


_DAYS = st.dates(date(2027, 4, 1), date(2028, 4, 1))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    day=_DAYS,
    zone=st.sampled_from(["Asia/Tokyo", "America/Los_Angeles", "Europe/London", "Australia/Lord_Howe"]),
)
async def test_an_event_is_found_on_its_day_on_every_clock(engine: Engine, day: date, zone: str) -> None:
    event = await created(
        engine, when=Timing(start=f"{day}T12:30:00", duration="PT1H", timezone="America/Chicago")
    )
    there = event.span.start_utc.astimezone(Span(start=day, end=day, timezone=zone).zone)
    assert event.uid in await _uids(engine, f"opener {there:%Y-%m-%d} at {there:%H:%M}", zone, limit=100)
    assert event.uid not in await _uids(
        engine, f"opener {there + timedelta(days=1):%Y-%m-%d}", zone, limit=100
    )
