"""Answers of which a part was read before come to the very message that the general reader makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.mails import calendar
from engine.itip import answers, read
from engine.itip.message import ItipMessage
from engine.mail.incoming.read import Opened
from engine.refusals import Refused
from tests.support.steps import steps_of

FIXTURES = sorted(Path("tests/fixtures/mail").rglob("*.eml"))
LINES = [
    "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "begin:vevent", "end:vevent", "BEGIN;X=1:VEVENT",
    "BEGIN:VALARM", "END:VALARM", "BEGIN:VTIMEZONE", "TZID:Europe/Paris", "END:VTIMEZONE", "METHOD:REPLY",
    "METHOD:COUNTER", "PRODID:-//A//B//EN", "X-WR-TIMEZONE:Europe/Paris", "UID:one", "UID:two", "SUMMARY:Plan",
    "SUMMARY:Other",
    "DTSTART:20260303T090000Z", "DTSTART;TZID=Europe/Paris:20260303T090000", "DTSTART:never", "DTEND:20260303T100000Z",
    "DTSTAMP:20260102T000000Z", "DTSTAMP:20260103T000000", "X-MICROSOFT-CDO-REPLYTIME:20260104T000000Z", "SEQUENCE:3",
    "RECURRENCE-ID:20260303T090000Z", "LAST-MODIFIED:20260104T000000Z", "COMMENT:Late", "COMMENT:Sorry",
    "ORGANIZER;CN=Jane;SENT-BY=\"mailto:s@example.com\":mailto:jane@example.com", "ORGANIZER:mailto:other@example.com",
    "ATTENDEE;PARTSTAT=ACCEPTED;CN=Joe:mailto:joe@example.org", "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.org",
    "ATTENDEE;PARTSTAT=TENTATIVE:invalid:nomail",
    "ATTENDEE;DELEGATED-TO=\"mailto:d@example.org\":mailto:joe@example.org",
    " folded", "\tfolded", "no line at all", "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:a=", "é", "",
]  # fmt: skip
ANY = st.lists(st.sampled_from(LINES), max_size=14)


@st.composite
def plain_answers(draw: st.DrawFn) -> list[str]:
    """The lines of an answer as programs write it, with now and then something that does not belong there."""
    outside, inside = draw(st.lists(st.sampled_from(LINES), max_size=2)), draw(ANY)
    start = ["BEGIN:VEVENT", "UID:one", "DTSTART:20260303T090000Z"]
    return ["BEGIN:VCALENDAR", *outside, *start, *inside, "END:VEVENT", *outside[1:], "END:VCALENDAR"]


def outcome(text: bytes, hint: str = "", *, quickly: bool) -> ItipMessage | tuple[object, str]:
    """What a reader makes of `text`."""
    try:
        if quickly:
            return answers.read(text, method_hint=hint)
        return read.read(text, method_hint=hint, answers=True)
    except Refused as refused:
        return refused.code, str(refused)


def same(text: bytes, hint: str = "") -> None:
    """Both readers agree, also where the shared lines were read before."""
    expected = outcome(text, hint, quickly=False)
    assert outcome(text, hint, quickly=True) == expected
    assert outcome(text, hint, quickly=True) == expected


def reply(email: str, organizer: str = "rsvp+t@cis.test", partstat: str = "ACCEPTED") -> bytes:
    return calendar("REPLY", "one", organizer, email, partstat)


@settings(max_examples=500)
@given(st.one_of(ANY, plain_answers()), st.sampled_from(["\r\n", "\n"]), st.sampled_from(["", "reply"]))
def test_any_lines_come_to_what_the_general_reader_makes_of_them(
    lines: list[str], end: str, hint: str
) -> None:
    same(end.join(lines).encode(), hint)


@settings(max_examples=200)
@given(st.sampled_from(FIXTURES), st.data())
def test_real_calendars_that_were_damaged_do_so_too(path: Path, data: st.DataObject) -> None:
    for part in Opened(path.read_bytes()).read().calendars:
        lines = part.content.splitlines(keepends=True)
        start = data.draw(st.integers(0, len(lines)))
        end = data.draw(st.integers(start, min(len(lines), start + 3)))
        instead = data.draw(st.lists(st.sampled_from(LINES), max_size=2))
        damaged = [*lines[:start], *(f"{line}\r\n".encode() for line in instead), *lines[end:]]
        same(b"".join(damaged), part.method_hint)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_real_calendar_comes_to_what_the_general_reader_makes_of_it(path: Path) -> None:
    for part in Opened(path.read_bytes()).read().calendars:
        same(part.content, part.method_hint)


def test_each_answer_says_who_gave_it_though_the_rest_was_read_before() -> None:
    first = answers.read(reply("a@example.com", "rsvp+one@cis.test", "ACCEPTED"))
    second = answers.read(reply("b@example.com", "rsvp+two@cis.test", "DECLINED"))
    said = [
        (m.events[0].attendees[0].address, m.events[0].attendees[0].partstat.value) for m in (first, second)
    ]
    assert said == [("a@example.com", "accepted"), ("b@example.com", "declined")]
    assert [m.events[0].organizer and m.events[0].organizer.address for m in (first, second)] == [
        "rsvp+one@cis.test",
        "rsvp+two@cis.test",
    ]


def test_an_answer_to_an_event_that_was_answered_before_takes_fewer_steps() -> None:
    answers.read(reply("a@example.com"))
    text = reply("b@example.com")
    quick, whole = (steps_of(lambda read=read: read(text)) for read in (answers.read, read.read))  # type: ignore[misc]
    assert quick < whole / 2


def test_what_is_kept_of_calendars_is_bounded_whoever_writes_them() -> None:
    long = reply("a@example.com").replace(b"SUMMARY:", b"SUMMARY:" + b"x" * answers.SIZE_MAX)
    before = answers._shared.cache_info().currsize
    answers.read(long)
    assert answers._shared.cache_info().currsize == before
    for number in range(300):
        answers.read(calendar("REPLY", f"event-{number}", "rsvp+t@cis.test", "a@example.com", "ACCEPTED"))
    assert answers._shared.cache_info().currsize <= 256
