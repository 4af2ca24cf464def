"""winmail.dat: meetings in it become calendars, files in it are read, and the rest is answered clearly."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from engine.itip.message import ItipEvent, ItipMessage
from engine.itip.read import read as read_calendar
from engine.mail.incoming import tnef as reading
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.read import read
from engine.refusals import Code
from tests.support import tnef
from tests.support.soak import examples
from tests.support.steps import MOST, steps_of

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
MONDAY = datetime(2027, 5, 3, 17, tzinfo=UTC)
"""17:00 in Berlin is 15:00 UTC in May."""
BERLIN_RULES = tnef.zone_rules(-60, standard=(10, 0, 5, 3), daylight=(3, 0, 5, 2))
BY_RULES: dict[str, Any] = {"zone": b"", "zone_rules": BERLIN_RULES}


def mailed(data: bytes, kind: str = "ms-tnef", filename: str = "winmail.dat") -> IncomingMail:
    """A mail of Joe's with a winmail.dat, read."""
    mail = EmailMessage()
    mail["From"] = "Joe <joe@example.org>"
    mail["To"] = "create@cis.test"
    mail.set_content("See the meeting.")
    mail.add_attachment(data, maintype="application", subtype=kind, filename=filename)
    return read(mail.as_bytes())


def message(message_class: str = tnef.REQUEST, **properties: tnef.Value) -> ItipMessage:
    """What the one calendar of a mail with such a meeting says."""
    (part,) = mailed(tnef.tnef(message_class, tnef.meeting(**properties))).calendars
    return read_calendar(part.content)


def event(message_class: str = tnef.REQUEST, **properties: tnef.Value) -> ItipEvent:
    (found,) = message(message_class, **properties).events
    return found


# meetings


def test_an_outlook_invitation_becomes_a_request_with_all_that_it_says() -> None:
    found = message(body="Agenda:\r\n1. Budget; plan\r\n")
    (said,) = found.events
    assert found.method == "REQUEST"
    assert said.uid == tnef.global_id().hex().upper()
    assert (said.summary, said.location) == ("Season opener", "Hall 1; upstairs")
    assert said.description == "Agenda:\n1. Budget; plan"
    assert (said.sequence, said.dtstamp) == (2, tnef.STAMP)
    assert said.span is not None
    assert (said.span.start, said.span.end, said.span.timezone) == (tnef.START, tnef.END, "Europe/Berlin")
    assert said.organizer is not None
    assert (said.organizer.address, said.organizer.name) == ("joe@example.org", "Olga O Organizer")


def test_the_uid_of_another_client_is_kept() -> None:
    kept = tnef.foreign_id("k3v9@example.net")
    assert event(clean_id=kept, global_id=kept).uid == "k3v9@example.net"


@pytest.mark.parametrize(
    ("message_class", "method", "partstat"),
    [
        ("IPM.Schedule.Meeting.Request", "REQUEST", None),
        ("IPM.Microsoft Schedule.MtgCncl", "CANCEL", None),
        ("IPM.Schedule.Meeting.Canceled", "CANCEL", None),
        ("IPM.Microsoft Schedule.MtgRespP", "REPLY", "accepted"),
        ("IPM.Schedule.Meeting.Resp.Neg", "REPLY", "declined"),
        ("IPM.Microsoft Schedule.MtgRespA", "REPLY", "tentative"),
        ("IPM.Appointment", "PUBLISH", None),
    ],
)
def test_each_class_of_meeting_message_has_its_method(
    message_class: str, method: str, partstat: str | None
) -> None:
    found = message(message_class)
    answers = [(a.address, a.partstat) for a in found.events[0].attendees]
    assert found.method == method
    assert answers == ([("joe@example.org", partstat)] if partstat else [])
    assert (found.events[0].status == "CANCELLED") is (method == "CANCEL")


def test_the_class_may_stand_in_the_properties_alone() -> None:
    inside = tnef.meeting() | {0x001A: "IPM.Schedule.Meeting.Canceled"}
    (part,) = mailed(tnef.tnef("IPM.Note", inside)).calendars
    assert read_calendar(part.content).method == "CANCEL"


def test_a_proposal_of_another_time_is_a_counter() -> None:
    later, end = datetime(2027, 5, 4, 8, tzinfo=UTC), datetime(2027, 5, 4, 9, tzinfo=UTC)
    found = message(
        "IPM.Schedule.Meeting.Resp.Tent",
        counter=True,
        proposed_start=later,
        proposed_end=end,
        body="Later, please",
    )
    assert found.method == "COUNTER"
    assert found.events[0].span is not None
    assert (found.events[0].span.start, found.events[0].comment) == (later, "Later, please")


def test_without_a_known_zone_a_single_meeting_is_in_utc() -> None:
    found = event(zone=tnef.zone_definition("Nowhere Standard Time"))
    assert found.span is not None
    assert found.span.start == tnef.START


@pytest.mark.parametrize("by", ["name", "rules"])
def test_an_all_day_meeting_has_days(by: str) -> None:
    zone = BY_RULES if by == "rules" else {}
    start, end = datetime(2027, 5, 2, 22, tzinfo=UTC), datetime(2027, 5, 4, 22, tzinfo=UTC)
    found = event(all_day=True, start=start, end=end, **zone)
    assert found.span is not None
    assert (found.span.start, found.span.end) == (date(2027, 5, 3), date(2027, 5, 5))


def test_the_instance_of_a_series_is_named_by_the_time_it_replaces() -> None:
    original = datetime(2027, 5, 10, 15, tzinfo=UTC)
    changed = tnef.global_id(date(2027, 5, 10))
    assert event(global_id=changed, replaced=original).recurrence_id == original
    assert event(tnef.CANCELLATION, global_id=changed).recurrence_id == original
    assert event(global_id=changed, replaced=original).uid == tnef.global_id().hex().upper()


# series

_RULES = [
    ("every other day", (0x200A, 0, 2 * 1440), ["05-03", "05-05", "05-07"]),
    ("every weekday", (0x200A, 1, 1, 0b0111110), ["05-03", "05-04", "05-05", "05-06", "05-07", "05-10"]),
    ("weekly on two days", (0x200B, 1, 1, tnef.MONDAY | tnef.WEDNESDAY), ["05-03", "05-05", "05-10"]),
    ("the 3rd of each month", (0x200C, 2, 1, 3), ["05-03", "06-03", "07-03"]),
    ("the 31st or what comes last", (0x200C, 2, 1, 30), ["05-30", "06-30", "07-30"]),
    ("the last day of each month", (0x200C, 4, 1, 31), ["05-31", "06-30", "07-31"]),
    ("the first Monday", (0x200C, 3, 1, tnef.MONDAY, 1), ["05-03", "06-07", "07-05"]),
    ("the last Monday", (0x200C, 3, 1, tnef.MONDAY, 5), ["05-31", "06-28", "07-26"]),
    ("the first weekday", (0x200C, 3, 1, 0b0111110, 1), ["05-03", "06-01", "07-01"]),
    ("each 3 May", (0x200D, 2, 12, 3), ["05-03", "05-03", "05-03"]),
]


@pytest.mark.parametrize("by", ["name", "rules"])
@pytest.mark.parametrize(("pattern", "days"), [r[1:] for r in _RULES], ids=[r[0] for r in _RULES])
def test_a_series_recurs_as_outlook_says(pattern: tuple[int, ...], days: list[str], by: str) -> None:
    first = datetime.strptime(f"2027-{days[0]} 17:00", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)
    recur = tnef.recurrence(*pattern, start=first, count=len(days))
    zone = BY_RULES if by == "rules" else {}
    found = event(recur=recur, **zone)
    assert found.span is not None
    assert found.span.start_utc == first.replace(hour=15)
    local = starts(found)
    assert [moment.strftime("%m-%d") for moment in local] == days
    assert {moment.hour for moment in local} == {17}


def starts(found: ItipEvent) -> list[datetime]:
    """When the instances of a series begin, as another library expands it."""
    assert found.span is not None
    local = found.span.start_utc.astimezone(found.span.zone)
    return list(rrulestr(found.recurrence, dtstart=local))[:50]


def test_a_series_ends_with_its_last_day_through_summer_time() -> None:
    recur = tnef.recurrence(0x200B, 1, 1, tnef.MONDAY, start=MONDAY, until=date(2027, 11, 8))
    for zone in ({}, BY_RULES):
        found = event(recur=recur, **zone)
        assert found.span is not None
        local = starts(found)
        assert (len(local), local[-1].date(), local[-1].hour) == (28, date(2027, 11, 8), 17)


def test_instances_that_are_gone_or_changed_are_told() -> None:
    moved = (MONDAY.replace(day=17), MONDAY.replace(day=18, hour=9), "Opener, moved")
    recur = tnef.recurrence(
        0x200B, 1, 1, tnef.MONDAY, start=MONDAY, count=5, deleted=[date(2027, 5, 10)], changed=[moved]
    )
    series, changed = message(recur=recur).events
    assert series.exdates == (datetime(2027, 5, 10, 15, tzinfo=UTC),)
    assert changed.recurrence_id == datetime(2027, 5, 17, 15, tzinfo=UTC)
    assert changed.span is not None
    assert (changed.span.start, changed.summary) == (datetime(2027, 5, 18, 7, tzinfo=UTC), "Opener, moved")


# files and other messages inside


def test_a_calendar_or_a_list_among_the_files_is_read() -> None:
    ics = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    files = [tnef.attachment("invite.ics", ics), tnef.attachment("list.csv", b"email\nbo@example.org\n")]
    found = mailed(tnef.tnef("IPM.Note", {0x0037: "Files"}, *files))
    assert [c.content for c in found.calendars] == [ics]
    assert [part.filename for part in found.lists] == ["list.csv"]


def test_a_meeting_that_was_attached_to_a_message_is_found() -> None:
    inner = tnef.tnef(tnef.REQUEST, tnef.meeting())
    found = mailed(tnef.tnef("IPM.Note", {0x0037: "FW"}, tnef.embedded(inner)))
    assert b"SUMMARY:Season opener" in found.calendars[0].content


def test_a_text_calendar_beside_it_comes_first() -> None:
    mail = EmailMessage()
    mail["From"] = "joe@example.org"
    mail.set_content("Hello")
    mail.add_alternative(
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR", "text", "calendar"
    )
    mail.add_attachment(tnef.tnef(tnef.REQUEST, tnef.meeting()), maintype="application", subtype="ms-tnef")
    first, second = read(mail.as_bytes()).calendars
    assert (b"UID:1\r\n" in first.content, b"Outlook TNEF" in second.content) == (True, True)


# what cannot be read is said


@pytest.mark.parametrize(
    "data",
    [
        tnef.tnef("IPM.Note", {0x0037: "No meeting"}),
        b"",
        b"nonsense",
        tnef.tnef(tnef.REQUEST, {}),
        tnef.tnef(tnef.REQUEST, tnef.meeting(global_id=b"short", clean_id=b"")),
        tnef.tnef(tnef.REQUEST, tnef.meeting(recur=b"\x04\x30\x04\x30")),
        tnef.tnef(
            tnef.REQUEST,
            tnef.meeting(zone=b"", recur=tnef.recurrence(0x200A, 0, 1440, start=MONDAY, count=2)),
        ),
        tnef.tnef(tnef.REQUEST, tnef.meeting(recur=tnef.recurrence(0x200A, 0, 0, start=MONDAY, count=2))),
    ],
)
def test_a_winmail_that_holds_no_readable_meeting_is_answered(data: bytes) -> None:
    found = mailed(data)
    assert (found.calendars, found.has_tnef) == ((), True)
    assert found.obstacle is not None
    assert found.obstacle.code == Code.TNEF_UNREADABLE
    assert "winmail.dat" in found.obstacle.detail
    assert "HTML" in found.obstacle.detail


def _bombs() -> list[bytes]:
    head = struct.pack("<IH", 0x223E9F78, 1)
    endless = struct.pack("<I", 0xFFFFFFFF)
    nested = tnef.tnef(tnef.REQUEST, tnef.meeting())
    for _ in range(50):
        nested = tnef.tnef("IPM.Note", {0x0037: "FW"}, tnef.embedded(nested))
    return [
        head + tnef.attribute(1, 0x9003, b"") * 100_000,
        head + tnef.attribute(1, 0x9003, endless + bytes(100)),
        head + tnef.attribute(1, 0x9003, struct.pack("<IHHI", 1, 0x1002, 1, 0xFFFFFFFF)),
        head + tnef.attribute(1, 0x9003, struct.pack("<IHHI", 1, 0x101F, 1, 0xFFFFFFFF) + bytes(1_000_000)),
        head + struct.pack("<BII", 1, 0x9003, 0xFFFFFFFF) + bytes(1_000),
        tnef.tnef(tnef.REQUEST, tnef.meeting(recur=bytes(26) + endless * 1_000)),
        nested,
        tnef.tnef(tnef.REQUEST, tnef.meeting(body="x" * 500_000, subject="y" * 500_000)),
    ]


def test_a_tnef_bomb_costs_nothing() -> None:
    for bomb in _bombs():
        assert steps_of(lambda: mailed(bomb)) < MOST  # noqa: B023 -- called at once


@examples(300)
@given(st.binary(max_size=200), st.integers(0, 3_000), st.integers(0, 8))
def test_a_damaged_meeting_is_read_or_answered(noise: bytes, place: int, cut: int) -> None:
    recur = tnef.recurrence(0x200B, 1, 1, tnef.MONDAY, start=MONDAY, count=5)
    whole = tnef.tnef(tnef.REQUEST, tnef.meeting(recur=recur, zone_rules=BERLIN_RULES))
    damaged = whole[:place] + noise + whole[place + cut :]
    found = mailed(damaged)
    assert found.calendars or found.obstacle


# held against another reader


def test_our_writer_is_understood_by_another_reader() -> None:
    theirs = pytest.importorskip("tnefparse").TNEF(tnef.tnef(tnef.REQUEST, tnef.meeting()))
    by_number = {p.guid_prop: p for p in theirs.mapiprops if p.guid_prop}
    assert by_number[0x820D].data.replace(tzinfo=UTC) == tnef.START
    assert by_number[0x8208].data == "Hall 1; upstairs"
    assert by_number[0x8201].data == 2


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared corpus is not here")
def test_we_read_what_another_reader_reads_of_real_files() -> None:
    their_reader = pytest.importorskip("tnefparse").TNEF
    compared = 0
    for path in sorted(CORPUS.rglob("*.tnef")):
        data = path.read_bytes()
        try:
            ours = reading.read(data)
        except reading.Malformed:
            continue
        theirs = their_reader(data)
        plain = {p.name: p.data for p in theirs.mapiprops if p.name < 0x8000 and isinstance(p.data, int)}
        for number, value in plain.items():
            compared += ours.properties.get(number) == value
        assert len(ours.attachments) == len(theirs.attachments), path
    assert compared > 20
