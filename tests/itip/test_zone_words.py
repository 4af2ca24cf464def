"""Words for zones: understood, or refused with names that have the same clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.itip import zones
from engine.refusals import Code, Refused
from tests.itip.samples import understood

JULY, JANUARY = (datetime(2027, month, 2, 12, tzinfo=UTC) for month in (7, 1))


def _hours(name: str, moment: datetime) -> float:
    return (moment.astimezone(ZoneInfo(name)).utcoffset() or timedelta()) / timedelta(hours=1)


@pytest.mark.parametrize(
    ("name", "hours"),
    [
        *((f"{word}+2", 2) for word in ("GMT", "UTC", "gmt ")),
        *((f"{word}-5", -5) for word in ("GMT", "UTC", "utc ")),
        ("GMT+05:30", 5.5),
        ("UTC+5:30", 5.5),
        ("+05:30", 5.5),
        ("GMT+0545", 5.75),
        ("UTC-09:30", -9.5),
        ("GMT+01:00", 1),
    ],
)
def test_an_offset_is_the_zone_that_always_has_it(name: str, hours: float) -> None:
    zone = zones.require(name)
    assert (_hours(zone, JULY), _hours(zone, JANUARY)) == (hours, hours)


@pytest.mark.parametrize("name", ["GMT-03:30", "UTC+10:30", "GMT+12:45", "GMT+13:30", "UTC+15", "GMT+25"])
def test_an_offset_that_no_zone_always_has_is_refused_without_a_wrong_clock(name: str) -> None:
    assert _refused(name) == []


WORDS = {
    "EST": {-5, -4},
    "EDT": {-4},
    "ET": {-4},
    "Eastern": {-4},
    "CST": {-5, 8},
    "CDT": {-5},
    "MST": {-6},
    "PST": {-7},
    "PDT": {-7},
    "PT": {-7},
    "BST": {1},
    "CEST": {2},
    "MESZ": {2},
    "EEST": {3},
    "IST": {5.5, 1, 3},
    "AEST": {10},
    "NZST": {12},
    "JST": {9},
}


@pytest.mark.parametrize("word", WORDS)
def test_a_word_for_a_zone_is_refused_with_zones_that_people_mean_by_it(word: str) -> None:
    for spelled in (word, word.lower()):
        named = _refused(spelled)
        assert named
        assert {_hours(name, JULY) for name in named} <= WORDS[word]


@pytest.mark.parametrize(
    ("place", "meant"),
    [
        ("Paris, Texas", ["America/Chicago"]),
        ("Paris, TX", ["America/Chicago"]),
        ("London, Ontario", ["America/Toronto"]),
        ("Melbourne, Florida", ["America/New_York"]),
        ("Athens, Georgia", ["America/New_York"]),
        ("Dallas, Texas", ["America/Chicago"]),
        ("Paris, Nowhere", []),
        ("Texas", []),
        ("in", []),
    ],
)
def test_a_place_whose_city_names_another_is_refused_with_the_clock_of_its_state(
    place: str, meant: list[str]
) -> None:
    assert _refused(place) == meant


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Chicago, Illinois", "America/Chicago"),
        ("New York, NY", "America/New_York"),
        ("Paris, France", "Europe/Paris"),
        ("Osaka, Sapporo, Tokyo", "Asia/Tokyo"),
    ],
)
def test_a_place_whose_state_has_the_clock_of_its_city_is_understood(place: str, zone: str) -> None:
    assert zones.require(place) == zone


def _refused(name: str) -> list[str]:
    """The zones that the refusal names."""
    with pytest.raises(Refused) as raised:
        zones.require(name)
    assert raised.value.code is Code.UNKNOWN_TIMEZONE
    hint = raised.value.hint
    return [zone for zone in zones.names() if zone in hint] if "Did you mean" in hint else []


@pytest.mark.parametrize("word", ["XT", "QST", "ZZZ9", "Etc+2"])
def test_an_unknown_abbreviation_is_compared_with_no_name(word: str) -> None:
    assert _refused(word) == []


def test_a_slip_in_a_name_still_finds_it() -> None:
    assert zones.nearest("America/New_Yorc")[0] == "America/New_York"
    assert "Europe/Vienna" in zones.nearest("Viena")


@pytest.mark.parametrize(
    ("name", "zone"), [("CET", "CET"), ("EST5EDT", "EST5EDT"), ("HST", "HST"), ("GMT", "UTC")]
)
def test_names_that_are_one_clock_are_understood(name: str, zone: str) -> None:
    assert zones.require(name) == zone


def test_a_calendar_that_says_est_without_defining_it_is_refused() -> None:
    with pytest.raises(Refused) as raised:
        understood("DTSTART;TZID=EST:20270702T190000", "DTEND;TZID=EST:20270702T200000")
    assert "America/New_York" in raised.value.hint


def test_a_calendar_that_defines_its_est_is_read_by_that() -> None:
    part = ("DTSTART:20070101T020000", "TZOFFSETFROM:-0500")
    head = (
        *("BEGIN:VTIMEZONE", "TZID:EST", "BEGIN:STANDARD", "DTSTART:20071104T020000", "TZOFFSETFROM:-0400"),
        *(
            "TZOFFSETTO:-0500",
            "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU",
            "END:STANDARD",
            "BEGIN:DAYLIGHT",
            *part,
        ),
        *("TZOFFSETTO:-0400", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU", "END:DAYLIGHT", "END:VTIMEZONE"),
    )
    found = understood("DTSTART;TZID=EST:20270702T190000", "DTEND;TZID=EST:20270702T200000", head=head)
    assert found.span is not None
    assert found.span.start == datetime(2027, 7, 2, 23, tzinfo=UTC)
