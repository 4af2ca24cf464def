"""VTIMEZONE: what we write says what the zone does, and what comes in is evaluated."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.itip import tree, vtimezone, zone_lines
from engine.itip.read import read
from engine.refusals import Code, Refused
from tests.itip.samples import calendar, understood
from tests.support.steps import MOST, counting

ODD = (
    "BEGIN:VTIMEZONE",
    "TZID:Customized Time Zone",
    "BEGIN:STANDARD",
    "DTSTART:16010101T030000",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:16010101T020000",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
    "END:DAYLIGHT",
    "END:VTIMEZONE",
)


@pytest.mark.parametrize(
    "zone",
    [
        "Europe/Paris",
        "America/New_York",
        "Asia/Kolkata",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "America/Santiago",
        "Asia/Jerusalem",
        "Europe/Dublin",
        "Etc/GMT-5",
    ],
)
def test_a_written_zone_has_the_offsets_of_its_zone(zone: str) -> None:
    component = tree.parse(zone_lines.written(zone, 2026).decode())[0]
    observed = vtimezone.evaluate(component, 2027)
    assert observed is not None
    for hours in range(0, 24 * 365 * 3, 13):
        local = datetime(2026, 1, 1, 0, 15) + timedelta(hours=hours)  # noqa: DTZ001 -- local time
        assert observed.offset(local) == local.replace(tzinfo=ZoneInfo(zone)).utcoffset(), local


def test_a_zone_with_yearly_rules_is_written_with_them() -> None:
    text = zone_lines.written("Europe/Paris", 2026)
    assert b"RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n" in text
    assert b"DTSTART:20250330T020000\r\n" in text
    assert b"RDATE" not in text


def test_an_embedded_zone_is_evaluated_and_finds_its_like() -> None:
    event = understood(
        "DTSTART;TZID=Customized Time Zone:20260703T100000",
        "DTEND;TZID=Customized Time Zone:20260703T110000",
        "RRULE:FREQ=WEEKLY",
        head=ODD,
    )
    assert event.span is not None
    assert event.span.start_utc.hour == 8
    assert event.span.timezone == "Europe/Berlin"


def test_an_embedded_zone_may_name_itself_by_its_location() -> None:
    head = ("BEGIN:VTIMEZONE", "TZID:Home", "X-LIC-LOCATION:Asia/Tokyo", "END:VTIMEZONE")
    event = understood("DTSTART;TZID=Home:20260703T100000", head=head)
    assert event.span is not None
    assert (event.span.timezone, event.span.start_utc.hour) == ("Asia/Tokyo", 1)


def test_an_embedded_zone_that_is_like_no_other_keeps_the_right_moment() -> None:
    head = tuple(line.replace("BYMONTH=3", "BYMONTH=5") for line in ODD)
    event = understood("DTSTART;TZID=Customized Time Zone:20260415T100000", head=head)
    assert event.span is not None
    assert (event.span.timezone, event.span.start_utc.hour) == ("Etc/GMT-1", 9)


def test_a_series_in_a_zone_that_is_like_no_other_is_refused() -> None:
    head = tuple(line.replace("BYMONTH=3", "BYMONTH=5") for line in ODD)
    with pytest.raises(Refused) as refusal:
        understood("DTSTART;TZID=Customized Time Zone:20260415T100000", "RRULE:FREQ=WEEKLY", head=head)
    assert refusal.value.code is Code.UNKNOWN_TIMEZONE


def test_a_known_name_wins_over_its_own_definition() -> None:
    head = tuple(line.replace("Customized Time Zone", "W. Europe Standard Time") for line in ODD)
    event = understood('DTSTART;TZID="W. Europe Standard Time":20260703T100000', head=head)
    assert event.span is not None
    assert event.span.timezone == "Europe/Berlin"


def test_a_definition_made_to_keep_us_busy_costs_little() -> None:
    nasty = ["BEGIN:STANDARD", "DTSTART:16010101T000000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200"]
    nasty += ["RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "END:STANDARD"]
    head = ("BEGIN:VTIMEZONE", "TZID:Odd", *(nasty * 500), "END:VTIMEZONE")
    years = ",".join(f"{year}0101T000000" for year in range(1700, 2400))
    with pytest.raises(Refused), counting() as steps:
        read(calendar("DTSTART;TZID=Odd:20260101T000000", f"RDATE;TZID=Odd:{years}", head=head))
    assert steps.taken < MOST
