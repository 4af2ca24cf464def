"""Text arrives as meant: quoted-printable, charsets, vCalendar 1.0, and periods with a length of their own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import ImportOptions
from engine.itip import recurrence, vcalendar
from engine.itip.content_lines import parse_line, unfolded
from engine.itip.rule import parse
from engine.model.queries import EventQuery
from tests.itip.samples import understood
from tests.support.calendars import calendar

QP = "ENCODING=QUOTED-PRINTABLE"


def _text(line: str) -> str:
    (whole,) = unfolded(line)
    prop = parse_line(whole)
    assert prop is not None
    return prop.text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (f"SUMMARY;{QP};CHARSET=UTF-8:Altpapier f=C3=BCr K=C3=B6ln", "Altpapier für Köln"),
        (f"SUMMARY;CHARSET=utf-8;{QP.lower()}:Stra=c3=9fe", "Straße"),
        ("SUMMARY;QUOTED-PRINTABLE:Caf=C3=A9", "Café"),
        (f"SUMMARY;{QP};CHARSET=ISO-8859-1:Caf=E9", "Café"),
        (f"SUMMARY;{QP};CHARSET=windows-1251:=CF=F0=E8", "При"),
        (f"SUMMARY;{QP}:Caf=E9", "Café"),
        (f"SUMMARY;{QP};CHARSET=punycode:Caf=E9", "Café"),
        (f"DESCRIPTION;{QP}:Line=20one=0D=0ALine=20two", "Line one\nLine two"),
        (f"LOCATION;{QP}:Stra=C3=9Fe =\r\n5", "Straße 5"),
        (f"LOCATION;{QP}:Stra=\r\n=C3=9F=\r\ne 5", "Straße 5"),
        (f"LOCATION;{QP}:Stra=C3=9Fe =\r\n 5", "Straße 5"),
        (f"SUMMARY;{QP}:1=3D1; a\\, b", "1=1; a, b"),
        ("SUMMARY:f=C3=BCr", "f=C3=BCr"),
        ("SUMMARY;LANGUAGE=de:x=", "x="),
    ],
)
def test_text_in_quoted_printable_is_decoded(line: str, text: str) -> None:
    assert _text(line) == text


def test_a_line_that_ends_with_an_equals_sign_takes_no_other_with_it() -> None:
    assert list(unfolded("DESCRIPTION:x=\r\nSUMMARY:y")) == ["DESCRIPTION:x=", "SUMMARY:y"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("W1 WE #4", "FREQ=WEEKLY;INTERVAL=1;BYDAY=WE;COUNT=4"),
        ("W2 MO FR 20271231T000000Z", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;UNTIL=20271231T000000Z"),
        ("D1 #10", "FREQ=DAILY;INTERVAL=1;COUNT=10"),
        ("D1", "FREQ=DAILY;INTERVAL=1;COUNT=2"),
        ("D1 #0", "FREQ=DAILY;INTERVAL=1"),
        ("MP1 1+ TU 2- FR #12", "FREQ=MONTHLY;INTERVAL=1;BYDAY=1TU,-2FR;COUNT=12"),
        ("MD1 15 LD #6", "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=15,-1;COUNT=6"),
        ("YM1 6 7 #3", "FREQ=YEARLY;INTERVAL=1;BYMONTH=6,7;COUNT=3"),
        ("YD1 100 #3", "FREQ=YEARLY;INTERVAL=1;BYYEARDAY=100;COUNT=3"),
        ("FREQ=DAILY", "FREQ=DAILY"),
        ("M1 nonsense", "M1 nonsense"),
    ],
)
def test_a_rule_of_vcalendar_is_that_of_icalendar(old: str, new: str) -> None:
    assert vcalendar.rule(old) == new
    if "=" in new:
        parse(new)


def test_exceptions_of_vcalendar_are_parted_by_semicolons() -> None:
    found = understood("DTSTART:20270310T140000Z", "RRULE:D1 #5", "EXDATE:20270311T140000Z;20270312T140000Z")
    assert [d.day for d in found.exdates] == [11, 12]


async def test_an_added_date_keeps_the_length_of_its_period(engine: Engine) -> None:
    lines = (
        *("BEGIN:VEVENT", "UID:p", "SUMMARY:Daily", "DTSTART:20270324T080000Z", "DURATION:PT1H"),
        "RRULE:FREQ=DAILY;COUNT=3",
        "RDATE;VALUE=PERIOD:20270325T120000Z/PT3H,20270327T100000Z/20270327T123000Z,20270328T100000Z/PT1H",
        "RDATE;VALUE=PERIOD:20270329T100000Z/nonsense,20270330T100000Z/20270330T090000Z",
        "END:VEVENT",
    )
    await feeds.import_file(engine, engine.local, calendar(lines), "s.ics", ImportOptions())
    (event,) = (await engine.store.search(EventQuery(limit=9))).events
    spans = recurrence.instances(
        event, datetime(2027, 1, 1, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC), 99
    )
    lengths = {span.start.day: span.length / timedelta(hours=1) for span in spans if span.start.hour != 8}  # type: ignore[union-attr]
    assert lengths == {25: 3, 27: 2.5, 28: 1, 29: 1, 30: 1}
    assert len(event.overrides) == 2
