"""Time zones that a mail defines itself: where they differ from their names, and where they are hostile."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.itip.read import read
from engine.model.times import Span
from engine.refusals import Code, Refused
from tests.support.steps import MOST, counting

SUMMER = "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"
WINTER = "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU"


def part(kind: str, start: str, before: str, after: str, rule: str = "") -> str:
    lines = [f"BEGIN:{kind}", f"DTSTART:{start}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", rule]
    return "\r\n".join([*filter(None, lines), f"END:{kind}", ""])


def zone(tzid: str, *parts: str) -> str:
    return f"BEGIN:VTIMEZONE\r\nTZID:{tzid}\r\n{''.join(parts)}END:VTIMEZONE\r\n"


CENTRAL_EUROPE = (
    part("DAYLIGHT", "16010101T020000", "+0100", "+0200", SUMMER),
    part("STANDARD", "16010101T030000", "+0200", "+0100", WINTER),
)
EASTERN = (
    part("DAYLIGHT", "20070311T020000", "-0500", "-0400", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"),
    part("STANDARD", "20071104T020000", "-0400", "-0500", "RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"),
)


def span_of(zones: str, tzid: str, *more: str) -> tuple[Span, tuple[str, ...]]:
    lines = [
        "BEGIN:VCALENDAR",
        "METHOD:REQUEST",
        zones.rstrip(),
        "BEGIN:VEVENT",
        "UID:u1",
        f"DTSTART;TZID={tzid}:20270705T190000",
        f"DTEND;TZID={tzid}:20270705T200000",
        *more,
        "END:VEVENT",
        "END:VCALENDAR",
    ]
    message = read("\r\n".join(lines).encode())
    span = message.events[0].span
    assert span is not None
    return span, message.repaired


def at(hour: int) -> datetime:
    return datetime(2027, 7, 5, hour, tzinfo=UTC)


@pytest.mark.parametrize("tzid", ["Europe/Paris", "W. Europe Standard Time", "/example.org/Europe/Paris"])
@pytest.mark.parametrize("recurring", [(), ("RRULE:FREQ=WEEKLY;COUNT=3",)], ids=["single", "series"])
def test_a_definition_that_agrees_with_its_name_changes_nothing(
    tzid: str, recurring: tuple[str, ...]
) -> None:
    span, repaired = span_of(zone(tzid, *CENTRAL_EUROPE), tzid, *recurring)
    assert (span.start, repaired) == (at(17), ())
    assert span.timezone in {"Europe/Paris", "Europe/Berlin"}


@pytest.mark.parametrize("recurring", [(), ("RRULE:FREQ=WEEKLY;COUNT=3",)], ids=["single", "series"])
def test_a_name_that_the_mail_defines_as_another_zone_is_that_zone(recurring: tuple[str, ...]) -> None:
    span, repaired = span_of(zone("Europe/Paris", *EASTERN), "Europe/Paris", *recurring)
    assert (span.start, span.timezone) == (at(23), "America/New_York")
    assert repaired == ("a time zone that differs from its name taken as the mail defines it",)


ODD = part("DAYLIGHT", "20270101T000000", "+0117", "+0317", SUMMER) + part(
    "STANDARD", "20270101T000000", "+0317", "+0117", WINTER
)


def test_a_single_event_in_a_zone_like_no_other_is_where_the_mail_says() -> None:
    span, repaired = span_of(zone("Europe/Paris", ODD), "Europe/Paris")
    assert span.start == datetime(2027, 7, 5, 15, 43, tzinfo=UTC)
    assert repaired == ("a time zone that differs from its name taken as the mail defines it",)


def test_a_series_in_a_zone_like_no_other_keeps_the_time_of_its_name() -> None:
    span, repaired = span_of(zone("Europe/Paris", ODD), "Europe/Paris", "RRULE:FREQ=WEEKLY;COUNT=3")
    assert (span.start, span.timezone) == (at(17), "Europe/Paris")
    assert repaired == ("a time zone that differs from its name taken by its name",)


def test_a_definition_that_leaves_summer_time_out_is_only_short() -> None:
    standard = part("STANDARD", "19700101T000000", "+0100", "+0100")
    span, repaired = span_of(zone("Europe/Paris", standard), "Europe/Paris")
    assert (span.start, span.timezone) == (at(17), "Europe/Paris")
    assert repaired == ("a time zone without its summer time taken by its name",)


def test_a_fixed_offset_under_a_known_name_is_that_offset() -> None:
    fixed = part("STANDARD", "19700101T000000", "+0500", "+0500")
    span, _ = span_of(zone("Europe/Paris", fixed), "Europe/Paris")
    assert span.start == at(14)


def test_a_definition_of_nonsense_leaves_its_name(recwarn: pytest.WarningsRecorder) -> None:
    nonsense = "BEGIN:STANDARD\r\nTZOFFSETTO:+9999\r\nEND:STANDARD\r\n"
    span, _ = span_of(zone("Europe/Paris", nonsense), "Europe/Paris")
    assert (span.start, span.timezone) == (at(17), "Europe/Paris")
    with pytest.raises(Refused) as refused:
        span_of(zone("Europe/Pariss", nonsense), "Europe/Pariss")
    assert refused.value.code is Code.UNKNOWN_TIMEZONE
    assert "Europe/Paris" in refused.value.hint


def hostile_rules() -> str:
    """Many definitions of many parts whose rules look at every day and never agree."""
    days = ",".join(f"{n}{d}" for n in range(1, 50) for d in ("MO", "TU"))
    rule = f"RRULE:FREQ=YEARLY;BYDAY={days}"
    parts = "".join(part("STANDARD", "16010101T000000", "+0100", f"+0{n % 10}00", rule) for n in range(200))
    return "".join(zone(f"Zone {n}", parts) for n in range(8))


def hostile_dates() -> str:
    days = ",".join(
        f"2027{m:02d}{d:02d}T{h:02d}0000" for m in range(1, 13) for d in range(1, 28) for h in range(24)
    )
    part_ = (
        f"BEGIN:STANDARD\r\nDTSTART:20270101T000000\r\nTZOFFSETTO:+0100\r\nRDATE:{days}\r\nEND:STANDARD\r\n"
    )
    return "".join(zone(f"Zone {n}", part_ * 20) for n in range(1))


def hostile_uses() -> str:
    """Every event in a year of its own: each wants the definition worked out anew."""
    return zone(
        "Zone 0", *CENTRAL_EUROPE, *(part("DAYLIGHT", "16010101T020000", "+0100", "+0200", SUMMER),) * 18
    )


@pytest.mark.parametrize("make", [hostile_rules, hostile_dates, hostile_uses])
def test_a_hostile_time_zone_costs_little(make: object) -> None:
    zones = make()  # type: ignore[operator]
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:u{n}\r\nDTSTART;TZID=Zone {n % 8}:{1700 + n % 700}0705T190000\r\n"
        f"RRULE:FREQ=WEEKLY;COUNT=2\r\nEND:VEVENT\r\n"
        for n in range(4_000)
    )
    text = f"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\n{zones}{events}END:VCALENDAR\r\n".encode()
    with pytest.raises(Refused) as refused, counting() as steps:
        read(text)
    assert steps.taken < MOST
    assert refused.value.code in {Code.TOO_LARGE, Code.UNKNOWN_TIMEZONE}


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=MINUTELY;COUNT=100000000",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;INTERVAL=1000;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYDAY=" + ",".join(f"{n}{d}" for n in range(1, 54) for d in ("MO", "TU", "WE")),
    ],
)
def test_a_hostile_rule_costs_next_to_nothing(rule: str) -> None:
    from engine.itip import recurrence

    span = Span(start=at(17), end=at(18), timezone="Europe/Paris")
    with pytest.raises(Refused) as refused, counting() as steps:
        recurrence.validated(rule, span)
    assert steps.taken < MOST / 10
    assert refused.value.code is Code.INVALID_RECURRENCE
