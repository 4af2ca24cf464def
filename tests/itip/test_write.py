"""Outgoing calendars: what clients need is there, every judge agrees, and any text survives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.itip import content_lines as lines
from engine.itip import recurrence
from engine.itip.read import read
from engine.itip.write import BOM, UNTITLED, cancel, request, shown
from engine.model.events import Event, EventStatus, Override
from engine.model.people import Party
from tests.itip.samples import JOE, RECEIPTS, START, event, span
from tests.judges import icaljs, judge_calendar, shape
from tests.support.soak import examples

SECOND, THIRD = datetime(2026, 3, 10, 9, tzinfo=UTC), datetime(2026, 3, 17, 9, tzinfo=UTC)


def unfolded(calendar: bytes) -> list[str]:
    """The logical lines of a calendar."""
    return list(lines.unfolded(calendar.decode()))


def series(**changes: object) -> Event:
    """Six Tuesdays over the change to summer time, one of them left out, one moved."""
    moved = Override(
        recurrence_id=THIRD, span=span(THIRD + timedelta(hours=3)), summary="Plan, later", location="Room 2"
    )
    values = {"recurrence": "FREQ=WEEKLY;BYDAY=TU;COUNT=6", "exdates": (SECOND,), "overrides": (moved,)}
    return event(**{**values, **changes})


def test_a_request_says_what_clients_need_for_their_buttons() -> None:
    found = unfolded(request(event(location="Room 1", url="https://example.com/a?b=1"), JOE, RECEIPTS))
    assert found[:5] == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//CIS//Calendar Invite Server//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:REQUEST",
    ]
    for line in (
        f"UID:{event().uid}",
        "DTSTAMP:20260102T000000Z",
        "SEQUENCE:0",
        "DTSTART:20260303T090000Z",
        "DTEND:20260303T100000Z",
        "SUMMARY:Plan",
        "LOCATION:Room 1",
        "URL:https://example.com/a?b=1",
        'ORGANIZER;CN="Jane Roe":mailto:rsvp+q7zk2pvx9lmr4tns@cis.test',
        'ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN="Joe Bloggs"'
        ":mailto:joe@example.org",
        "STATUS:CONFIRMED",
        "TRANSP:OPAQUE",
        "TRIGGER:-PT15M",
    ):
        assert line in found


@pytest.mark.parametrize(
    "sample",
    [
        event(),
        event(span=span(date(2026, 3, 3))),
        event(description="a\nb, c; d\\e\\Nf", location="Grüße 日本語 " * 20, summary="🎉" * 60),
        series(),
        series(span=span(START, timezone="UTC")),
        series(span=span(START, timezone="Africa/Casablanca")),
        series(span=span(START, timezone="Asia/Kolkata")),
        event(span=span(date(2026, 3, 3)), recurrence="FREQ=YEARLY", exdates=(date(2027, 3, 3),)),
        event(rdates=(THIRD,)),
        event(summary=""),
    ],
)
def test_every_judge_accepts_requests_and_cancellations(sample: Event) -> None:
    assert judge_calendar(request(sample, JOE, RECEIPTS)) == []
    assert judge_calendar(cancel(sample, JOE, RECEIPTS)) == []


def test_a_cancellation_cancels_and_rings_no_alarm() -> None:
    gone = event(status=EventStatus.CANCELLED, sequence=3, cancel_reason="Rain; wind")
    found = unfolded(cancel(gone, JOE, RECEIPTS))
    for line in (
        "METHOD:CANCEL",
        "STATUS:CANCELLED",
        "SEQUENCE:3",
        r"COMMENT:Rain\; wind",
        "DTSTART:20260303T090000Z",
    ):
        assert line in found
    assert "BEGIN:VALARM" not in found
    assert len([line for line in found if line.startswith("ATTENDEE")]) == 1


def test_an_all_day_event_has_dates_and_blocks_no_time() -> None:
    found = unfolded(request(event(span=span(date(2026, 3, 3))), JOE, RECEIPTS))
    assert {"DTSTART;VALUE=DATE:20260303", "DTEND;VALUE=DATE:20260304", "TRANSP:TRANSPARENT"} <= set(found)
    assert "BEGIN:VALARM" not in found


def test_a_series_carries_its_zone_before_its_events() -> None:
    found = unfolded(request(series(), JOE, RECEIPTS))
    assert found.index("END:VTIMEZONE") < found.index("BEGIN:VEVENT")
    for line in (
        "DTSTART;TZID=Europe/Paris:20260303T100000",
        "EXDATE;TZID=Europe/Paris:20260310T100000",
        "RECURRENCE-ID;TZID=Europe/Paris:20260317T100000",
        "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=6",
    ):
        assert line in found
    assert found.count("BEGIN:VEVENT") == 2


@pytest.mark.skipif(not icaljs.available(), reason="ical.js is not installed")
@pytest.mark.parametrize(
    "zone", ["Europe/Paris", "America/New_York", "Africa/Casablanca", "Asia/Kolkata", "UTC"]
)
def test_ical_js_sees_the_same_instances_as_we_do(zone: str) -> None:
    plain = event(span=span(START, timezone=zone), recurrence="FREQ=WEEKLY;BYDAY=TU;COUNT=60")
    _, second, third = recurrence.instances(plain, START, START + timedelta(days=90), 3)
    later = recurrence.at(third, third.start_utc + timedelta(hours=3))
    moved = Override(recurrence_id=third.start, span=later, summary="Later")
    sample = plain.model_copy(update={"exdates": (second.start,), "overrides": (moved,)})
    ours = recurrence.instances(sample, START - timedelta(days=1), START + timedelta(days=900), 100)
    theirs = icaljs.starts(request(sample, JOE, RECEIPTS), 100)
    assert sorted(theirs) == [f"{s.start_utc:%Y-%m-%dT%H:%M:%SZ}" for s in ours]


def test_a_series_survives_writing_and_reading() -> None:
    master, override = read(request(series(), JOE, RECEIPTS)).events
    assert (master.span, master.recurrence, master.exdates) == (span(), series().recurrence, (SECOND,))
    assert override.recurrence_id == THIRD
    assert override.span == span(THIRD + timedelta(hours=3))
    assert (override.summary, override.location) == ("Plan, later", "Room 2")


def test_cancelling_one_instance_keeps_the_series() -> None:
    (one,) = read(cancel(series(), JOE, RECEIPTS, recurrence_id=SECOND)).events
    assert one.recurrence_id == SECOND
    assert one.span == span(SECOND)
    assert b"RRULE:FREQ=WEEKLY" not in cancel(series(), JOE, RECEIPTS, recurrence_id=SECOND)
    assert judge_calendar(cancel(series(), JOE, RECEIPTS, recurrence_id=SECOND)) == []


def test_an_update_of_one_instance_carries_that_instance_alone() -> None:
    text = request(series(), JOE, RECEIPTS, recurrence_id=THIRD)
    (one,) = read(text).events
    assert (one.recurrence_id, one.summary) == (THIRD, "Plan, later")
    assert judge_calendar(text) == []


def test_an_all_day_instance_is_named_by_its_day() -> None:
    sample = event(span=span(date(2026, 3, 3)), recurrence="FREQ=WEEKLY")
    text = cancel(sample, JOE, RECEIPTS, recurrence_id=date(2026, 3, 10))
    assert "RECURRENCE-ID;VALUE=DATE:20260310" in unfolded(text)
    assert judge_calendar(text) == []


def test_empty_texts_are_left_out() -> None:
    text = request(event(), JOE, RECEIPTS)
    assert b"None" not in text
    assert not any(line.startswith(("LOCATION", "URL")) for line in unfolded(text))


def test_stamps_are_the_events_own_and_in_utc() -> None:
    east = datetime(2026, 5, 1, 2, tzinfo=UTC).astimezone(span(timezone="Asia/Tokyo").zone)
    found = unfolded(request(event(dtstamp=east), JOE, RECEIPTS))
    assert {"DTSTAMP:20260501T020000Z", "LAST-MODIFIED:20260501T020000Z", "CREATED:20260101T000000Z"} <= set(
        found
    )


def test_names_and_texts_are_quoted_and_escaped() -> None:
    party = Party(address="joe@example.org", name='Bloggs; Joe: "x"\r\nATTENDEE:mailto:evil@example.net\x00')
    text = request(
        event(summary="a;b,c\\d\r\nMETHOD:CANCEL\x07"), party, Party(address="r@cis.test", name="R:S;T")
    )
    found = unfolded(text)
    assert r"SUMMARY:a\;b\,c\\d\nMETHOD:CANCEL" in found
    assert 'ORGANIZER;CN="R:S;T":mailto:r@cis.test' in found
    assert len([line for line in found if line.startswith("ATTENDEE")]) == 1
    assert found.count("STATUS:CONFIRMED") == 1
    (said,) = read(text).events
    assert said.attendees[0].name == "Bloggs; Joe: 'x' ATTENDEE:mailto:evil@example.net"
    assert judge_calendar(text) == []


def test_a_backslash_before_an_n_is_no_line_break() -> None:
    """The library's own escaping makes one of it, so ours is used."""
    text = request(event(description="C:\\New \\Nile \\n"), JOE, RECEIPTS)
    assert r"DESCRIPTION:C:\\New \\Nile \\n" in unfolded(text)
    (said,) = read(text).events
    assert said.description == "C:\\New \\Nile \\n"


def test_summer_time_begins_at_the_hour_when_the_clocks_change() -> None:
    """The library's own VTIMEZONE says 03:00."""
    found = unfolded(request(series(), JOE, RECEIPTS))
    begun = found.index("BEGIN:DAYLIGHT")
    assert found[begun + 1] == "DTSTART:20250330T020000"


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;COUNT=10",
        "FREQ=WEEKLY;UNTIL=20260331T080000Z;INTERVAL=2;BYDAY=MO,WE,FR;WKST=SU",
        "FREQ=MONTHLY;BYMONTHDAY=-1,15",
        "FREQ=YEARLY;UNTIL=20300101;BYMONTH=3,6;BYWEEKNO=-1,20;BYYEARDAY=-366,1;BYDAY=-1FR,2MO;BYSETPOS=-1",
    ],
)
def test_a_rule_is_written_as_it_is(rule: str) -> None:
    assert f"RRULE:{rule}" in unfolded(request(event(recurrence=rule), JOE, RECEIPTS))


def test_a_name_does_not_turn_the_words_around_it() -> None:
    party = Party(address="joe@example.org", name="Joe \u202egro.elpmaxe@eoj\u2066")
    assert 'CN="Joe gro.elpmaxe@eoj":mailto:joe@example.org' in request(
        event(), party, RECEIPTS
    ).decode().replace("\r\n ", "")


def test_folds_count_octets_and_the_last_line_ends() -> None:
    text = request(event(summary="é" * 500), JOE, RECEIPTS)
    assert max(len(line) for line in text.split(b"\r\n")) <= 75
    assert text.endswith(b"END:VCALENDAR\r\n")


_TEXT = st.text(max_size=200)


@examples(300)
@given(summary=_TEXT, location=_TEXT, description=_TEXT, name=_TEXT, organizer=_TEXT)
@example("\ufeff", "\ufeffRoom", "", "", "")
def test_any_text_survives_and_passes_the_lint(
    summary: str, location: str, description: str, name: str, organizer: str
) -> None:
    sample = event(summary=summary, location=location, description=description)
    text = request(
        sample, Party(address=JOE.address, name=name), Party(address=RECEIPTS.address, name=organizer)
    )
    assert shape.calendar_faults(text) == []
    (said,) = read(text).events
    found = (
        (summary, said.summary, UNTITLED),
        (location, said.location, ""),
        (description, said.description, ""),
    )
    for ours, theirs, nothing in found:
        clean = lines.clean_text(ours).lstrip(BOM)
        assert theirs == (clean if clean.strip() else nothing)
    assert said.attendees[0].name == (shown(name)[:200].strip() or JOE.address)
    assert said.organizer is not None
    assert said.organizer.name == (shown(organizer)[:200].strip() or RECEIPTS.address)


@settings(max_examples=60)
@given(summary=_TEXT, name=_TEXT)
def test_any_text_is_accepted_by_every_judge(summary: str, name: str) -> None:
    text = request(event(summary=summary), Party(address=JOE.address, name=name), RECEIPTS)
    assert judge_calendar(text) == []
