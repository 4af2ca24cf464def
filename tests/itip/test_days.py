"""All-day events: a day is taken as written, whatever zone or clock time a program writes beside it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.commands import series
from engine.itip.message import ItipEvent
from engine.itip.recurrence import instances, validated
from engine.model.times import Span, named_day
from tests.itip.samples import event, understood

BERLIN, EASTERN = "W. Europe Standard Time", "Eastern Standard Time"
YEARS = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))


def _zone(tzid: str, standard: str, daylight: str) -> tuple[str, ...]:
    part = ("DTSTART:16010101T020000", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=")
    return (
        *("BEGIN:VTIMEZONE", f"TZID:{tzid}", "BEGIN:STANDARD", part[0], f"TZOFFSETFROM:{daylight}"),
        *(f"TZOFFSETTO:{standard}", f"{part[1]}10", "END:STANDARD", "BEGIN:DAYLIGHT", part[0]),
        *(
            f"TZOFFSETFROM:{standard}",
            f"TZOFFSETTO:{daylight}",
            f"{part[1]}3",
            "END:DAYLIGHT",
            "END:VTIMEZONE",
        ),
    )


ONE = _zone(BERLIN, "+0100", "+0200")
TWO = (*ONE, *_zone(EASTERN, "-0500", "-0400"))


def _days(read: ItipEvent) -> list[date]:
    assert read.span is not None
    found = event(
        span=read.span,
        recurrence=validated(read.recurrence, read.span),
        rdates=read.rdates,
        exdates=read.exdates,
    )
    days = [span.start for span in instances(found, *YEARS, 100)]
    assert all(not isinstance(day, datetime) for day in days)
    return days


def _daily(*lines: str, head: tuple[str, ...] = ()) -> list[int]:
    """Days of March 2027 on which a daily series takes place that begins on the 1st."""
    return [day.day for day in _days(understood("DTSTART;VALUE=DATE:20270301", *lines, head=head))]


@pytest.mark.parametrize(
    ("exdate", "head"),
    [
        ("EXDATE:20270302T000000", ()),
        ("EXDATE:20270302T000000", ONE),
        ("EXDATE;VALUE=DATE:20270302", TWO),
        (f"EXDATE;TZID={BERLIN}:20270302T000000", ONE),
        (f"EXDATE;TZID={BERLIN}:20270302T000000", TWO),
        (f"EXDATE;TZID={EASTERN}:20270302T000000", TWO),
        ("EXDATE;TZID=Nowhere/At_All:20270302T000000", ()),
        ("EXDATE:20270301T230000Z", ONE),
        ("EXDATE:20270301T230000Z", TWO),
        ("EXDATE:20270301T230000Z", ()),
        ("EXDATE:20270302T000000Z", ONE),
        ("EXDATE:20270302T000000Z", ()),
        ("EXDATE:20270302T050000Z", ()),
        ("EXDATE:20270302T050000Z", ("X-WR-TIMEZONE:America/New_York",)),
        ("EXDATE:20270302T000000Z", ("X-WR-TIMEZONE:America/New_York",)),
    ],
)
def test_an_exception_takes_out_the_day_that_it_names(exdate: str, head: tuple[str, ...]) -> None:
    assert _daily("RRULE:FREQ=DAILY;COUNT=4", exdate, head=head) == [1, 3, 4]


@pytest.mark.parametrize(
    ("until", "head"),
    [
        ("20270304", ()),
        ("20270304T000000", ()),
        ("20270304T235959", ONE),
        ("20270304T235959Z", ()),
        ("20270304T235959Z", ONE),
        ("20270304T000000Z", TWO),
        ("20270303T230000Z", ONE),
        ("20270303T230000Z", TWO),
        ("20270303T230000Z", ()),
        ("20270303T100000Z", ()),
        ("20270304T080000Z", ()),
        ("20270304T050000Z", ("X-WR-TIMEZONE:America/New_York",)),
        ("20270305T045959Z", ("X-WR-TIMEZONE:America/New_York",)),
        ("20270305T035959Z", ("X-WR-TIMEZONE:America/New_York",)),
        ("20270304T235959Z", ("X-WR-TIMEZONE:America/New_York",)),
        ("20270304T225959Z", ONE),
        ("20270304T225959Z", ()),
        ("20270304T145959Z", ("X-WR-TIMEZONE:Asia/Tokyo",)),
        ("20270305T095959Z", ("X-WR-TIMEZONE:Pacific/Honolulu",)),
    ],
)
def test_a_series_of_days_ends_with_the_day_that_until_names(until: str, head: tuple[str, ...]) -> None:
    assert _daily(f"RRULE:FREQ=DAILY;UNTIL={until}", head=head) == [1, 2, 3, 4]


def test_a_series_that_ends_at_the_midnight_of_its_own_day_takes_place_once() -> None:
    found = understood("DTSTART;VALUE=DATE:20271020", "RRULE:FREQ=YEARLY;UNTIL=20271019T230000Z")
    assert found.recurrence == ""
    assert found.span is not None
    assert found.span.start == date(2027, 10, 20)


def test_the_last_day_of_a_longer_series_is_kept() -> None:
    found = understood(
        "DTSTART;VALUE=DATE:20261229", "RRULE:FREQ=MONTHLY;UNTIL=20271129T230000Z;BYDAY=TU;BYSETPOS=-1"
    )
    assert (len(_days(found)), _days(found)[-1]) == (12, date(2027, 11, 30))


@pytest.mark.parametrize(
    ("written", "head"),
    [
        (f";TZID={BERLIN}:20270220T000000", ONE),
        (f";TZID={BERLIN}:20270220T000000", TWO),
        (":20270220T000000", ()),
        (":20270219T230000Z", ONE),
        (":20270219T230000Z", ()),
        (";VALUE=DATE:20270220", TWO),
    ],
)
def test_an_instance_is_the_day_that_it_names(written: str, head: tuple[str, ...]) -> None:
    found = understood("DTSTART;VALUE=DATE:20270221", f"RECURRENCE-ID{written}", head=head)
    assert found.recurrence_id == date(2027, 2, 20)


def test_an_instance_with_a_time_belongs_to_the_day_of_its_series() -> None:
    lines = (
        "DTSTART;TZID=W. Europe Standard Time:20270220T090000",
        "DTEND;TZID=W. Europe Standard Time:20270220T100000",
    )
    found = understood(*lines, f"RECURRENCE-ID;TZID={BERLIN}:20270220T000000", head=TWO)
    assert found.recurrence_id is not None
    days = Span(start=date(2027, 2, 16), end=date(2027, 2, 17), timezone="UTC")
    assert series.aligned(days, found.recurrence_id) == date(2027, 2, 20)


def test_an_end_with_a_time_is_the_day_that_it_names() -> None:
    for end in (":20270303T000000", f";TZID={BERLIN}:20270303T000000", ":20270302T230000Z"):
        found = understood("DTSTART;VALUE=DATE:20270301", f"DTEND{end}", head=TWO)
        assert found.span is not None
        assert found.span.end == date(2027, 3, 3)


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu", "Europe/Berlin", "Asia/Kolkata"])
def test_a_midnight_names_its_own_day_in_its_own_zone(zone: str, hour: int) -> None:
    day = Span(start=date(2027, 3, 1 + hour), end=date(2027, 3, 2 + hour), timezone=zone)
    assert named_day(day.start_utc, zone) == day.start
