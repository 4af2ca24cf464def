"""When an event is, as people say it: zones, gaps and folds, durations, days."""
# ruff: noqa: DTZ001 -- times without a zone are what people give

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.commands.events.timing import Timing
from engine.model.times import Span
from engine.refusals import Code, Refused

ZONES = st.sampled_from(
    [
        "Europe/Paris",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Pacific/Apia",
        "America/St_Johns",
        "UTC",
    ]
)
LOCALS = st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 12, 30))


def code(timing: Timing, base: Span | None = None) -> Code:
    with pytest.raises(Refused) as caught:
        timing.span(base)
    return caught.value.code


@given(local=LOCALS, zone=ZONES)
@example(local=datetime(2027, 3, 28, 2, 30), zone="Europe/Paris")
@example(local=datetime(2027, 10, 31, 2, 30), zone="Europe/Paris")
@example(local=datetime(2027, 5, 2, 19, 0, 0, 500_000), zone="Europe/Paris")
def test_a_wall_clock_time_is_kept_or_refused_where_it_does_not_exist(local: datetime, zone: str) -> None:
    timing = Timing(start=local.isoformat(), duration="PT1H", timezone=zone)
    whole = local.replace(microsecond=0)
    exists = whole.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
    if exists.replace(tzinfo=None) != whole:
        assert code(timing) is Code.INVALID_TIME
        return
    span = timing.span()
    assert span.start_utc.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == whole
    assert span.length == timedelta(hours=1)


def test_a_time_that_comes_twice_means_the_first() -> None:
    span = Timing(start="2027-10-31T02:30", duration="PT1H", timezone="Europe/Paris").span()
    assert span.start == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)


def test_a_time_in_the_gap_is_refused_with_the_way_out() -> None:
    with pytest.raises(Refused, match="does not exist") as caught:
        Timing(start="2027-03-14T02:30", duration="PT1H", timezone="America/New_York").span()
    assert "hour later" in caught.value.hint


@given(
    weeks=st.integers(0, 52), days=st.integers(0, 300), hours=st.integers(0, 99), minutes=st.integers(0, 999)
)
def test_every_duration_up_to_a_year_is_as_long_as_it_says(
    weeks: int, days: int, hours: int, minutes: int
) -> None:
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes)
    timing = Timing(start="2027-01-01T00:00Z", duration=f"P{weeks}W{days}DT{hours}H{minutes}M")
    if not length:
        assert code(timing) is Code.END_BEFORE_START
    elif length > timedelta(days=366):
        assert code(timing) is Code.INVALID_TIME
    else:
        assert timing.span().length == length


@given(
    start=st.text(max_size=40),
    end=st.none() | st.text(max_size=40),
    duration=st.none() | st.text("PTWDHMS0123456789-", max_size=12),
    zone=st.none() | st.text(max_size=40) | ZONES,
    all_day=st.none() | st.booleans(),
)
@example(start="0001-01-01", end=None, duration=None, zone="Europe/Paris", all_day=None)
@example(start="9999-12-31", end=None, duration=None, zone="UTC", all_day=None)
@example(start="9999-12-31T23:59-10:00", end=None, duration="PT1H", zone=None, all_day=None)
@example(start="2027-01-01", end=None, duration="P99999D", zone="UTC", all_day=True)
@example(start="2027-01-01T00:00Z", end=None, duration="P9999W99999DT99999H", zone=None, all_day=None)
def test_whatever_is_said_is_understood_or_refused_with_a_code(
    start: str,
    end: str | None,
    duration: str | None,
    zone: str | None,
    all_day: bool | None,
) -> None:
    timing = Timing(start=start, end=end, duration=duration, timezone=zone, all_day=all_day)
    try:
        span = timing.span()
    except Refused as refused:
        assert refused.message
        assert refused.code in {Code.INVALID_TIME, Code.UNKNOWN_TIMEZONE, Code.END_BEFORE_START}
    else:
        assert span.start_utc < span.end_utc


@pytest.mark.parametrize(
    "timing",
    [
        Timing(start="2027-05-02T19:00", duration="PT2H", timezone="Europe/Paris"),
        Timing(start="2027-05-02T19:00+02:00", duration="PT2H"),
        Timing(start="2027-05-02T17:00Z", end="2027-05-02T21:00+02:00", timezone="Asia/Tokyo"),
        Timing(start="20270502T190000", end="20270502T210000", timezone="Romance Standard Time"),
    ],
)
def test_the_same_time_said_differently_is_the_same(timing: Timing) -> None:
    span = timing.span()
    assert span.start == datetime(2027, 5, 2, 17, tzinfo=UTC)
    assert span.end == datetime(2027, 5, 2, 19, tzinfo=UTC)


def test_an_offset_without_a_zone_is_kept_as_utc() -> None:
    assert Timing(start="2027-05-02T19:00+02:00", duration="PT2H").span().timezone == "UTC"


def test_days_alone_mean_an_all_day_event() -> None:
    span = Timing(start="2027-05-02", timezone="Europe/Paris").span()
    assert span.all_day
    assert (span.start, span.end) == (date(2027, 5, 2), date(2027, 5, 3))
    two = Timing(start="2027-05-02", duration="P2D", timezone="Europe/Paris").span()
    assert two.end == date(2027, 5, 4)


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        (Timing(start="2027-05-02", duration="PT2H", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="2027-05-02", end="2027-05-02", timezone="UTC"), Code.END_BEFORE_START),
        (Timing(start="2027-05-02T10:00", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="2027-05-02T10:00", end="2027-05-03", timezone="UTC"), Code.INVALID_TIME),
        (Timing(duration="PT1H", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="2027-05-02T10:00", end="x", duration="PT1H", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="2027-05-02T10:00", duration="soon", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="2027-05-02T10:00", duration="PT1H", timezone="Europe/Pariss"), Code.UNKNOWN_TIMEZONE),
        (Timing(start="2027-05-02T10:00", duration="P400D", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="1969-05-02T10:00", duration="PT1H", timezone="UTC"), Code.INVALID_TIME),
        (Timing(start="2201-05-02", timezone="UTC"), Code.INVALID_TIME),
    ],
)
def test_what_is_no_time_is_refused(timing: Timing, expected: Code) -> None:
    assert code(timing) is expected


def test_an_unknown_zone_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(Refused) as caught:
        Timing(start="2027-05-02T10:00", duration="PT1H", timezone="Europe/Pariss").span()
    assert "Europe/Paris" in str(caught.value)


BASE = Timing(start="2027-05-02T19:00", duration="PT2H", timezone="America/New_York").span()


def test_a_field_that_is_left_out_of_an_update_stays() -> None:
    later = Timing(start="2027-05-02T20:00").span(BASE)
    assert (later.start_utc.hour, later.length, later.timezone) == (0, BASE.length, BASE.timezone)
    longer = Timing(duration="PT3H").span(BASE)
    assert (longer.start, longer.length) == (BASE.start, timedelta(hours=3))
    ends = Timing(end="2027-05-02T23:00").span(BASE)
    assert (ends.start, ends.length) == (BASE.start, timedelta(hours=4))


def test_a_new_zone_alone_keeps_the_wall_clock() -> None:
    span = Timing(timezone="Europe/Paris").span(BASE)
    assert span.start == datetime(2027, 5, 2, 17, tzinfo=UTC)
    assert span.length == BASE.length


def test_all_day_changes_only_together_with_start() -> None:
    assert code(Timing(all_day=True), BASE) is Code.INVALID_TIME
    assert Timing(start="2027-05-02", all_day=True).span(BASE).all_day


@pytest.mark.parametrize(
    ("end", "last"),
    [
        ("2027-05-03T23:59:59", 3),
        ("2027-05-03T23:59:59+02:00", 3),
        ("2027-05-04T00:00:00", 3),
        ("2027-05-04", 3),
        ("2027-05-01T23:59", 1),
    ],
)
def test_whole_days_that_end_within_a_day_include_it(end: str, last: int) -> None:
    timing = Timing(start="2027-05-01T00:00:00", end=end, timezone="Europe/Paris", all_day=True)
    assert timing.span().end == date(2027, 5, last + 1)


@pytest.mark.parametrize(
    ("duration", "end"),
    [
        ("P2D", "2027-03-28T09:00:00+02:00"),
        ("P1W", "2027-04-02T09:00:00+02:00"),
        ("P1DT24H", "2027-03-28T10:00:00+02:00"),
        ("PT48H", "2027-03-28T10:00:00+02:00"),
    ],
)
def test_days_of_a_duration_are_those_of_the_clock_on_the_wall(duration: str, end: str) -> None:
    span = Timing(start="2027-03-26T09:00", duration=duration, timezone="Europe/Paris").span()
    assert span.end == datetime.fromisoformat(end)


@pytest.mark.parametrize(("duration", "minutes"), [("PT30M", 30), ("PT1H", 60), ("PT2H", 120)])
def test_an_event_that_begins_in_the_second_pass_of_an_hour_lasts_as_long_as_it_says(
    duration: str, minutes: int
) -> None:
    second = Timing(start="2027-11-07T06:30:00Z", timezone="America/New_York", duration=duration)
    span = second.span(None)
    assert isinstance(span.start, datetime)
    assert isinstance(span.end, datetime)
    assert span.end - span.start == timedelta(minutes=minutes)


def test_a_day_alone_takes_no_time_away_from_an_event() -> None:
    base = Timing(start="2027-05-02T19:00", duration="PT2H", timezone="Europe/Paris").span()
    with pytest.raises(Refused, match="no time of day") as caught:
        Timing(start="2027-05-10").span(base)
    assert (caught.value.code, "all_day=true" in caught.value.hint) == (Code.INVALID_TIME, True)
    assert Timing(start="2027-05-10", all_day=True).span(base).all_day
    days = Timing(start="2027-05-02", timezone="Europe/Paris").span()
    assert Timing(start="2027-05-10").span(days).start == date(2027, 5, 10)
