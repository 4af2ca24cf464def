"""Times in UTC are shown in the calendar's own zone: the one that it names, or that all its other times are in."""

from __future__ import annotations

import pytest

from engine.itip.feed import read_calendar
from tests.support.calendars import calendar, game

IN_UTC = "BEGIN:VEVENT\r\nUID:u\r\nDTSTART:20270717T220000Z\r\nDTEND:20270718T000000Z\r\nSUMMARY:Meetup\r\n{}END:VEVENT"
NEW_YORK = "America/New_York"


def _zone_of(*parts: str, event: str = "") -> str:
    entries = read_calendar(calendar([*parts, IN_UTC.format(event)])).entries
    (found,) = (entry.event.span for entry in entries if entry.uid == "u")
    assert found is not None
    assert found.start_utc.isoformat() == "2027-07-17T22:00:00+00:00"
    return found.timezone


@pytest.mark.parametrize("named", [NEW_YORK, "Eastern Standard Time", "/example.org/2026/America/New_York"])
def test_the_zone_that_the_calendar_names_is_that_of_its_times_in_utc(named: str) -> None:
    assert _zone_of(f"X-WR-TIMEZONE:{named}") == NEW_YORK


def test_the_zone_of_all_its_other_times_is_that_of_its_times_in_utc() -> None:
    assert _zone_of(game("1"), game("2")) == NEW_YORK
    assert _zone_of(game("1", zone="Eastern Standard Time"), game("2")) == NEW_YORK


def test_the_only_zone_that_it_defines_is_that_of_its_times_in_utc() -> None:
    head = ("BEGIN:VTIMEZONE", "TZID:Europe/Paris", "BEGIN:STANDARD", "DTSTART:19700101T000000")
    rest = ("TZOFFSETFROM:+0100", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE")
    assert _zone_of(*head, *rest) == "Europe/Paris"


def test_where_several_zones_are_used_times_in_utc_stay_in_utc() -> None:
    assert _zone_of(game("1"), game("2", zone="Europe/Paris")) == "UTC"


def test_what_the_calendar_names_wins_over_what_it_uses() -> None:
    assert _zone_of("X-WR-TIMEZONE:Europe/Paris", game("1")) == "Europe/Paris"


@pytest.mark.parametrize("named", ["", "X-WR-TIMEZONE:", "X-WR-TIMEZONE:Nowhere", "X-WR-TIMEZONE:UTC"])
def test_without_a_zone_times_in_utc_stay_in_utc(named: str) -> None:
    assert _zone_of(*([named] if named else [])) == "UTC"


def test_a_series_in_utc_stays_in_utc_for_its_times_do_not_follow_summer_time() -> None:
    assert _zone_of(f"X-WR-TIMEZONE:{NEW_YORK}", event="RRULE:FREQ=WEEKLY;COUNT=3\r\n") == "UTC"
