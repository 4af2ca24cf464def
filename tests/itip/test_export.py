"""An event as its organizer keeps it: what it says, and what must not stand in it."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given

from engine.itip.export import view
from engine.itip.feed import read_calendar
from engine.model.events import Event, EventStatus
from tests.itip.samples import UID, event
from tests.itip.strategies import events
from tests.judges import icaljs, libical

SECOND = datetime(2026, 3, 10, 9, tzinfo=UTC)


def test_it_names_the_organizer_and_nobody_else() -> None:
    text = view(event(url="https://example.com/a")).decode()
    assert 'ORGANIZER;CN="Jane Roe":mailto:jane@example.com' in text
    for absent in ("ATTENDEE", "METHOD", "VALARM", "rsvp+"):
        assert absent not in text


def test_a_series_keeps_its_rule_its_exceptions_and_its_zone() -> None:
    text = view(event(recurrence="FREQ=WEEKLY;BYDAY=TU;COUNT=6", exdates=(SECOND,))).decode()
    assert text.count("BEGIN:VEVENT") == 1
    assert "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=6" in text
    assert "EXDATE;TZID=Europe/Paris:20260310T100000" in text
    assert "BEGIN:VTIMEZONE" in text


def test_a_cancelled_event_says_so() -> None:
    text = view(event(status=EventStatus.CANCELLED, cancel_reason="Rain")).decode()
    assert "STATUS:CANCELLED" in text
    assert "COMMENT:Rain" in text


def test_the_judges_agree() -> None:
    calendar = view(event(location="Room 1; left, back"))
    if libical.available():
        assert libical.faults(calendar) == []
    if icaljs.available():
        assert icaljs.faults(calendar) == ["0 attendees"], "and that is as it should be"


@given(events())
def test_whatever_the_event_it_reads_back_as_the_same(given_event: Event) -> None:
    found = read_calendar(view(given_event))
    assert not found.unreadable
    (entry,) = found.entries
    assert entry.uid == given_event.uid
    assert entry.event.span is not None
    assert entry.event.span.start == given_event.span.start
    assert entry.event.sequence == given_event.sequence


def test_its_uid_is_ours() -> None:
    assert f"UID:{UID}" in view(event()).decode()
