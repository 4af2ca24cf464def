"""The judges judge: what is wrong is found, and each of them is there."""

from __future__ import annotations

import os

import pytest

from tests.judges import icaljs, judge_calendar, libical, missing

GOOD = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Test//EN\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\n"
    "UID:1@example.com\r\nDTSTAMP:20260101T000000Z\r\nSEQUENCE:0\r\nDTSTART:20260303T090000Z\r\n"
    "DTEND:20260303T100000Z\r\nSUMMARY:Plan\r\nORGANIZER;CN=Jane:mailto:jane@example.com\r\n"
    "ATTENDEE;RSVP=TRUE:mailto:joe@example.org\r\nSTATUS:CONFIRMED\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def test_every_judge_is_installed() -> None:
    absent = missing()
    if absent and os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("; ".join(absent))
    assert absent == []


def test_a_good_calendar_passes_every_judge() -> None:
    assert judge_calendar(GOOD.encode()) == []


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace("\r\n", "\n"),
        GOOD.removesuffix("\r\n"),
        GOOD.replace("UID:1@example.com\r\n", ""),
        GOOD.replace("ORGANIZER;CN=Jane:mailto:jane@example.com\r\n", ""),
        GOOD.replace("STATUS:CONFIRMED", "STATUS:CONFIRMED\r\nSTATUS:CONFIRMED"),
        GOOD.replace("SUMMARY:Plan", "SUMMARY:" + "x" * 80),
        GOOD.replace("DTSTART:20260303T090000Z", "DTSTART;TZID=Nowhere:20260303T090000"),
    ],
)
def test_a_broken_calendar_is_found_out(broken: str) -> None:
    assert judge_calendar(broken.encode()) != []


@pytest.mark.skipif(not libical.available(), reason="libical is not installed")
def test_libical_misses_an_organizer() -> None:
    broken = GOOD.replace("ORGANIZER;CN=Jane:mailto:jane@example.com\r\n", "")
    assert libical.faults(broken.encode()) != []


@pytest.mark.skipif(not icaljs.available(), reason="ical.js is not installed")
def test_ical_js_refuses_an_unfinished_calendar() -> None:
    assert icaljs.faults(GOOD.replace("END:VCALENDAR\r\n", "").encode()) != []
