"""Calendar text that is broken in the ways of real clients is read, and what was repaired is said."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from engine.itip.read import read
from engine.refusals import Code, Refused

EVENT = (
    "BEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20270301T090000Z\r\nDTSTART:20270502T230000Z\r\n"
    "DTEND:20270503T010000Z\r\nSUMMARY:Zoë\r\nEND:VEVENT\r\n"
)
WHOLE = f"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nPRODID:-//X//EN\r\n{EVENT}END:VCALENDAR\r\n"
START = datetime(2027, 5, 2, 23, tzinfo=UTC)

BROKEN = {
    "nothing": (WHOLE.encode(), ()),
    "a byte order mark": (WHOLE.encode("utf-8-sig"), ()),
    "bare line feeds and blank lines": (WHOLE.replace("\r\n", "\n\n").encode(), ()),
    "latin-1": (WHOLE.encode("latin-1"), ("bytes that are no UTF-8 read as Windows-1252",)),
    "zero bytes": (WHOLE.replace("UID", "\0UID\0").encode(), ("zero bytes left out",)),
    "utf-16 with a mark": (WHOLE.encode("utf-16"), ("UTF-16 in place of UTF-8",)),
    "utf-16 without a mark": (WHOLE.encode("utf-16-le"), ("UTF-16 in place of UTF-8",)),
    "utf-16, big end first": (WHOLE.encode("utf-16-be"), ("UTF-16 in place of UTF-8",)),
    "no end of the event": (WHOLE.replace("END:VEVENT\r\n", "").encode(), ("VEVENT without its END",)),
    "no ends at all": (
        WHOLE.partition("END:VEVENT")[0].encode(),
        ("VEVENT without its END",),
    ),
    "an event after an open one": (
        WHOLE.replace(EVENT, EVENT.replace("END:VEVENT\r\n", "") + EVENT.replace("u1", "u2")).encode(),
        ("VEVENT without its END",),
    ),
    "an alarm without its end": (
        WHOLE.replace("END:VEVENT", "BEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VEVENT").encode(),
        ("VALARM without its END",),
    ),
    "an end too many": (
        WHOLE.replace("END:VCALENDAR", "END:VTODO\r\nEND:VCALENDAR").encode(),
        ("an END without its BEGIN passed over",),
    ),
    "no beginning of the event": (
        WHOLE.replace("BEGIN:VEVENT\r\n", "BEGIN:VTIMEZONE\r\nTZID:X\r\n").encode(),
        ("VEVENT without its BEGIN",),
    ),
    "lines of nonsense": (
        WHOLE.replace("UID", "???\r\n!!\r\nUID").encode(),
        ("a line that is no property passed over (2 times)",),
    ),
    "two calendars": (
        (WHOLE + WHOLE.replace("u1", "u2")).encode(),
        ("several calendars read as one",),
    ),
    "properties twice": (
        WHOLE.replace("SUMMARY:", "STATUS:CONFIRMED\r\nSTATUS:TENTATIVE\r\nSUMMARY:").encode(),
        ("more than one STATUS",),
    ),
    "an end and a duration": (
        WHOLE.replace("SUMMARY:", "DURATION:PT5H\r\nSUMMARY:").encode(),
        ("DURATION beside DTEND left out",),
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_calendar_is_read_and_its_repairs_are_said(what: str) -> None:
    content, repaired = BROKEN[what]
    message = read(content)
    event = message.events[0]
    assert (event.uid, event.summary) == ("u1", "Zoë")
    assert event.span is not None
    assert (event.span.start, message.method) == (START, "REQUEST")
    assert event.span.end == datetime(2027, 5, 3, 1, tzinfo=UTC)
    assert message.repaired == repaired


def test_repairs_say_nothing_of_what_the_calendar_says() -> None:
    secret = "BEGIN:X-SECRET\r\nsecret words without a colon\r\nEND:VEVENT"
    repaired = read(WHOLE.replace("END:VEVENT", secret).encode()).repaired
    assert len(repaired) == 2
    assert "secret" not in " ".join(repaired).lower()


def test_what_is_said_of_many_faults_is_bounded() -> None:
    faults = "".join(f"BEGIN:VALARM\r\nX{n}\r\nEND:VTODO\r\n" for n in range(3_000))
    with pytest.raises(Refused) as refused:
        read(WHOLE.replace("UID", f"{faults}UID").encode())
    assert refused.value.code is Code.INVALID_CALENDAR
    lines = "".join(f"no line {n}\r\n" for n in range(3_000))
    assert read(WHOLE.replace("UID", f"{lines}UID").encode()).repaired == (
        "a line that is no property passed over (3000 times)",
    )


@pytest.mark.parametrize(
    ("line", "address", "name"),
    [
        ("ATTENDEE;CN=Doe, Jane;PARTSTAT=ACCEPTED:mailto:jane@example.com", "jane@example.com", "Doe, Jane"),
        (
            'ATTENDEE;CN="Jane/Acme":MAILTO:jane_doe/acme@example.com',
            "jane_doe/acme@example.com",
            "Jane/Acme",
        ),
        ("ATTENDEE;CN=Jane;SENT-BY=mailto:x@example.com:mailto:jane@example.com", "jane@example.com", "Jane"),
        ("ATTENDEE;CN=Jane;EMAIL=jane@example.com:urn:uuid:1234", "jane@example.com", "Jane"),
    ],
)
def test_people_are_read_as_clients_write_them(line: str, address: str, name: str) -> None:
    (event,) = read(WHOLE.replace("UID:u1", f"UID:u1\r\n{line}").encode()).events
    assert [(a.address, a.name) for a in event.attendees] == [(address, name)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("DTSTAMP:20270301T090000Z", datetime(2027, 3, 1, 9, tzinfo=UTC)),
        ("X-MICROSOFT-CDO-REPLYTIME:20270301T100000Z", datetime(2027, 3, 1, 10, tzinfo=UTC)),
        (
            "X-MICROSOFT-CDO-REPLYTIME:20270301T100000Z\r\nDTSTAMP:20270301T090000Z",
            datetime(2027, 3, 1, 9, tzinfo=UTC),
        ),
        ("X-MICROSOFT-CDO-REPLYTIME:16010101T000000", None),
        ("DTSTAMP:soon", None),
    ],
)
def test_the_stamp_of_an_answer_is_where_the_client_puts_it(lines: str, expected: datetime | None) -> None:
    text = WHOLE.replace("DTSTAMP:20270301T090000Z", lines).replace("REQUEST", "REPLY")
    assert read(text.encode()).events[0].dtstamp == expected


@pytest.mark.parametrize("method", ["REPLY", "COUNTER", "REFRESH"])
def test_an_answer_needs_no_uid_and_an_invitation_a_title_and_a_start_in_its_place(method: str) -> None:
    nameless = WHOLE.replace("UID:u1\r\n", "")
    assert read(nameless.replace("REQUEST", method).encode()).events[0].uid == ""
    (event,) = read(nameless.encode()).events
    assert event.uid == read(nameless.replace("DTSTAMP:2027", "DTSTAMP:2028").encode()).events[0].uid
    assert any("no UID" in what for what in event.left_out)
    with pytest.raises(Refused) as refused:
        read(re.sub("SUMMARY:.*\r\n", "", nameless).encode())
    assert refused.value.code is Code.MISSING_UID_IN_CALENDAR
