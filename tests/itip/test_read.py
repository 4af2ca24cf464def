"""Reading calendars: every habit of real clients is understood, everything else is refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.itip.read import read
from engine.model.people import Partstat, Party
from engine.refusals import Code, Refused
from tests.itip.samples import UID, calendar, understood
from tests.support.soak import examples

TIMES = ("DTSTART:20260303T090000Z", "DTEND:20260303T100000Z")
NINE = datetime(2026, 3, 3, 9, tzinfo=UTC)


def refused(text: bytes, **how: str) -> Code:
    """The code with which reading `text` is refused."""
    with pytest.raises(Refused) as refusal:
        read(text, **how)
    assert refusal.value.hint
    return refusal.value.code


# the message


def test_the_method_in_the_body_wins_over_the_hint() -> None:
    assert read(calendar(*TIMES, method="COUNTER"), method_hint="REPLY").method == "COUNTER"


def test_without_a_method_the_hint_counts_and_then_publish() -> None:
    assert read(calendar(*TIMES, method=""), method_hint="reply").method == "REPLY"
    assert read(calendar(*TIMES, method="")).method == "PUBLISH"


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\r\n", b"\r\n\r\n"])
def test_any_line_ends_are_understood(ending: bytes) -> None:
    message = read(calendar(*TIMES, "SUMMARY:Plan").replace(b"\r\n", ending))
    assert message.events[0].summary == "Plan"


def test_lines_folded_with_a_tab_are_joined() -> None:
    assert understood(*TIMES, "SUMMARY:Pl\r\n\tan").summary == "Plan"


def test_latin_1_without_a_charset_is_read() -> None:
    assert (
        read(calendar(*TIMES, "SUMMARY:X").replace(b"SUMMARY:X", b"SUMMARY:Caf\xe9")).events[0].summary
        == "Café"
    )


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read(b"\xef\xbb\xbf" + calendar(*TIMES)).events[0].uid == UID
    assert read(calendar(*TIMES).decode().encode("utf-16")).events[0].uid == UID


def test_lines_that_are_none_are_passed_over() -> None:
    event = understood("no line at all", "X-;;;", *TIMES, ":", "SUMMARY:Plan", "=:;")
    assert event.summary == "Plan"


def test_components_that_never_end_are_understood() -> None:
    text = calendar(*TIMES, "SUMMARY:Plan", "BEGIN:VALARM", "DESCRIPTION:Reminder")
    text = text.replace(
        b"END:VEVENT\r\nEND:VCALENDAR\r\n", b"BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20260303T090000Z\r\n"
    )
    assert [event.uid for event in read(text).events] == [UID, "2"]


def test_several_calendars_in_one_text_are_read() -> None:
    assert len(read(calendar(*TIMES) * 3).events) == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", Code.INVALID_CALENDAR),
        (b"BEGIN:VCARD\r\nEND:VCARD\r\n", Code.INVALID_CALENDAR),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", Code.NOT_AN_EVENT),
        (b"BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nEND:VTODO\nEND:VCALENDAR\n", Code.NOT_AN_EVENT),
        (b"BEGIN:VCALENDAR\nBEGIN:VFREEBUSY\nEND:VFREEBUSY\nEND:VCALENDAR\n", Code.NOT_AN_EVENT),
        (calendar(*TIMES).replace(f"UID:{UID}".encode(), b"UID: "), Code.MISSING_UID_IN_CALENDAR),
        (calendar("SUMMARY:Plan"), Code.INVALID_CALENDAR),
        (calendar("DTSTART:yesterday"), Code.INVALID_CALENDAR),
        (calendar("DTSTART:20260230T090000Z"), Code.INVALID_CALENDAR),
        (calendar("DTSTART:00010101T000000Z"), Code.INVALID_CALENDAR),
        (calendar("DTSTART:20260303T090000Z", "DTEND:20260303T080000Z"), Code.INVALID_CALENDAR),
        (calendar("DTSTART:20260303T090000Z", "DURATION:-PT1H"), Code.INVALID_CALENDAR),
        (calendar(*TIMES, "RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), Code.INVALID_RECURRENCE),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * 50, Code.INVALID_CALENDAR),
        (b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 5_001, Code.TOO_LARGE),
        (calendar(*TIMES, "DESCRIPTION:" + "x" * 2_000_001), Code.TOO_LARGE),
        (calendar(*TIMES, "EXDATE:" + "20260303T090000Z," * 10_001), Code.TOO_LARGE),
        (calendar(*TIMES, *(f"ATTENDEE:mailto:a{n}@example.org" for n in range(5_001))), Code.TOO_LARGE),
    ],
)
def test_what_cannot_be_understood_is_refused(text: bytes, code: Code) -> None:
    assert refused(text) is code


# people


def test_a_reply_without_an_organizer_is_understood() -> None:
    event = understood("ATTENDEE;PARTSTAT=ACCEPTED;CN=Joe:mailto:joe@example.org", method="REPLY")
    assert event.organizer is None
    assert event.attendees[0].partstat is Partstat.ACCEPTED


def test_a_reply_without_an_attendee_is_understood() -> None:
    assert understood("ORGANIZER:mailto:jane@example.com", method="REPLY").attendees == ()


def test_addresses_in_upper_case_are_one_address() -> None:
    event = understood("ATTENDEE:MAILTO:JOE@EXAMPLE.ORG", "ATTENDEE:mailto:joe@example.org", *TIMES)
    assert [a.address for a in event.attendees] == ["joe@example.org"]


@pytest.mark.parametrize(
    ("line", "party"),
    [
        (
            "ORGANIZER;CN=Roe, Jane:mailto:jane@example.com",
            Party(address="jane@example.com", name="Roe, Jane"),
        ),
        (
            'ORGANIZER;CN="Roe; Jane: x":mailto:jane@example.com',
            Party(address="jane@example.com", name="Roe; Jane: x"),
        ),
        ("ORGANIZER;CN=Ann: Lead:mailto:ann@example.com", Party(address="ann@example.com", name="Ann: Lead")),
        ("ORGANIZER;CN=O^'Neil^n:mailto:o@example.com", Party(address="o@example.com", name="O'Neil")),
        ("ORGANIZER;EMAIL=a@example.com:urn:uuid:12", Party(address="a@example.com")),
        ("ORGANIZER:invalid:nomail", None),
        ("ORGANIZER;CN=Jane:rsvp%2Babc@example.com", Party(address="rsvp+abc@example.com", name="Jane")),
    ],
)
def test_the_organizers_name_is_kept(line: str, party: Party | None) -> None:
    assert understood(line, *TIMES).organizer == party


def test_sent_by_is_read_with_and_without_quotes() -> None:
    for value in ('"mailto:pa@example.com"', "mailto:pa@example.com"):
        event = understood(f"ORGANIZER;SENT-BY={value};CN=Jane:mailto:jane@example.com", *TIMES)
        assert (event.sent_by, event.organizer) == (
            "pa@example.com",
            Party(address="jane@example.com", name="Jane"),
        )


@pytest.mark.parametrize(
    ("said", "partstat"),
    [
        ("NEEDS-ACTION", Partstat.NEEDS_ACTION),
        ("DELEGATED", Partstat.DELEGATED),
        ("TENTATIVE", Partstat.TENTATIVE),
        ("declined", Partstat.DECLINED),
        ("X-SOMETHING", Partstat.NEEDS_ACTION),
        ("", Partstat.NEEDS_ACTION),
    ],
)
def test_every_partstat_is_understood(said: str, partstat: Partstat) -> None:
    assert (
        understood(f"ATTENDEE;PARTSTAT={said}:mailto:a@example.org", *TIMES).attendees[0].partstat is partstat
    )


def test_a_counter_is_a_message_like_others() -> None:
    message = read(calendar(*TIMES, "ATTENDEE;PARTSTAT=TENTATIVE:mailto:a@example.org", method="COUNTER"))
    assert (message.method, message.events[0].attendees[0].partstat) == ("COUNTER", Partstat.TENTATIVE)


def test_delegation_names_both_sides() -> None:
    line = 'ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:b@example.org","mailto:c@example.org":mailto:a@example.org'
    assert understood(line, *TIMES).attendees[0].delegated_to == ("b@example.org", "c@example.org")


# words


def test_an_alarms_description_is_not_the_events() -> None:
    alarm = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:This is an event reminder", "END:VALARM")
    assert understood(*TIMES, *alarm).description == ""
    assert understood(*alarm, *TIMES, "DESCRIPTION:Bring cake").description == "Bring cake"


def test_missing_texts_are_empty() -> None:
    event = understood(*TIMES)
    assert (event.summary, event.location, event.description, event.url) == ("", "", "", "")


def test_texts_are_unescaped() -> None:
    event = understood(*TIMES, r"DESCRIPTION:a\, b\; c\\n d\ne\Nf\x")
    assert event.description == "a, b; c\\n d\ne\nfx"


def test_the_first_text_that_says_something_counts() -> None:
    assert understood(*TIMES, "SUMMARY:", "SUMMARY;LANGUAGE=en:Plan", "SUMMARY:Other").summary == "Plan"


@pytest.mark.parametrize(
    ("lines", "link"),
    [
        (("X-GOOGLE-CONFERENCE:https://meet.google.com/abc",), "https://meet.google.com/abc"),
        (
            ("X-MICROSOFT-SKYPETEAMSMEETINGURL:https://teams.microsoft.com/l/x",),
            "https://teams.microsoft.com/l/x",
        ),
        (("LOCATION:https://example.zoom.us/j/123?pwd=x",), "https://example.zoom.us/j/123?pwd=x"),
        (
            (r"DESCRIPTION:Join: https://meet.google.com/abc-defg-hij.\nBye",),
            "https://meet.google.com/abc-defg-hij",
        ),
        (("X-GOOGLE-CONFERENCE:javascript:alert(1)",), ""),
        (("DESCRIPTION:https://example.com/",), ""),
    ],
)
def test_conference_links_are_found(lines: tuple[str, ...], link: str) -> None:
    assert understood(*TIMES, *lines).conference == link


@pytest.mark.parametrize(
    ("said", "sequence"),
    [("3", 3), ("99999999999", 2**31 - 1), ("-1", 0), ("x", None), ("1" * 5_000, None), ("", None)],
)
def test_sequence_stays_within_its_range_and_is_none_where_it_cannot_be_read(
    said: str, sequence: int | None
) -> None:
    assert understood(*TIMES, f"SEQUENCE:{said}").sequence == sequence


def test_outlooks_own_sequence_is_the_fallback() -> None:
    assert understood(*TIMES, "X-MICROSOFT-CDO-APPT-SEQUENCE:4").sequence == 4


def test_a_status_that_comes_twice_is_read_once() -> None:
    assert understood(*TIMES, "STATUS:confirmed", "STATUS:CONFIRMED").status == "CONFIRMED"


# times


def test_each_property_has_its_own_zone() -> None:
    event = understood(
        "DTSTART;TZID=Europe/Paris:20260303T100000", "DTEND;TZID=America/New_York:20260303T050000"
    )
    assert event.span is not None
    assert (event.span.start_utc, event.span.end_utc) == (NINE, NINE + timedelta(hours=1))
    assert event.span.timezone == "Europe/Paris"


def test_the_first_tzid_of_the_file_decides_nothing() -> None:
    head = ("BEGIN:VTIMEZONE", "TZID:Asia/Tokyo", "END:VTIMEZONE")
    event = understood("DTSTART;TZID=Europe/Paris:20260303T100000", head=head)
    assert event.span is not None
    assert event.span.start_utc == NINE


@pytest.mark.parametrize(
    ("duration", "length"),
    [("PT1H30M", timedelta(minutes=90)), ("P1W", timedelta(7)), ("P1DT2H", timedelta(days=1, hours=2))],
)
def test_a_duration_is_the_length(duration: str, length: timedelta) -> None:
    span = understood("DTSTART:20260303T090000Z", f"DURATION:{duration}").span
    assert span is not None
    assert span.length == length


def test_a_day_is_a_day_over_summer_time() -> None:
    span = understood("DTSTART;TZID=Europe/Paris:20260328T100000", "DURATION:P1D").span
    assert span is not None
    assert span.length == timedelta(hours=23)


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        (("DTSTART;VALUE=DATE:20260303", "DTEND;VALUE=DATE:20260305"), 2),
        (("DTSTART;VALUE=DATE:20260303",), 1),
        (("DTSTART:20260303", "DTEND:20260303"), 1),
        (("DTSTART;VALUE=DATE:20260303", "DURATION:P3D"), 3),
    ],
)
def test_an_all_day_event_has_days(lines: tuple[str, ...], days: int) -> None:
    span = understood(*lines, default_zone="Asia/Tokyo").span
    assert span is not None
    assert (span.start, span.end) == (date(2026, 3, 3), date(2026, 3, 3 + days))
    assert span.timezone == "Asia/Tokyo"


def test_outlooks_midnights_are_an_all_day_event() -> None:
    span = understood(
        "DTSTART;TZID=Romance Standard Time:20260303T000000",
        "DTEND;TZID=Romance Standard Time:20260304T000000",
        "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
    ).span
    assert span is not None
    assert (span.start, span.end) == (date(2026, 3, 3), date(2026, 3, 4))


def test_an_end_wins_over_a_duration() -> None:
    span = understood(*TIMES, "DURATION:PT5H").span
    assert span is not None
    assert span.length == timedelta(hours=1)


def test_a_timed_event_without_an_end_ends_as_it_starts() -> None:
    span = understood("DTSTART:20260303T090000Z").span
    assert span is not None
    assert span.end == span.start


@pytest.mark.parametrize(
    "tzid",
    [
        "tzone://Microsoft/Utc",
        "(UTC+00:00) Dublin, Edinburgh, Lisbon, London",
        '"Greenwich Mean Time : Dublin, Edinburgh, Lisbon, London"',
        "GMT Standard Time",
        "/mozilla.org/20050126_1/Europe/London",
    ],
)
def test_the_names_that_clients_give_to_zones_are_understood(tzid: str) -> None:
    span = understood(f"DTSTART;TZID={tzid}:20260303T090000", f"DTEND;TZID={tzid}:20260303T100000").span
    assert span is not None
    assert span.start_utc == NINE


def test_floating_times_take_the_calendars_zone_then_the_default() -> None:
    head = ("X-WR-TIMEZONE:Europe/Paris",)
    span = understood("DTSTART:20260303T100000", head=head, default_zone="Asia/Tokyo").span
    assert span is not None
    assert span.start_utc == NINE
    span = understood("DTSTART:20260303T180000", default_zone="Asia/Tokyo").span
    assert span is not None
    assert span.start_utc == NINE


def test_floating_times_without_any_zone_are_refused() -> None:
    assert refused(calendar("DTSTART:20260303T100000")) is Code.UNKNOWN_TIMEZONE


def test_an_unknown_zone_without_a_definition_is_refused() -> None:
    assert refused(calendar("DTSTART;TZID=Europe/Atlantis:20260303T100000")) is Code.UNKNOWN_TIMEZONE


def test_a_reply_with_a_broken_zone_is_still_read() -> None:
    event = understood(
        "DTSTART;TZID=Nowhere:20260303T100000", "ATTENDEE:mailto:a@example.org", method="REPLY"
    )
    assert event.span is None
    assert event.attendees[0].address == "a@example.org"


def test_a_recurrence_id_is_a_moment_in_utc() -> None:
    for line in ("RECURRENCE-ID:20260303T090000Z", "RECURRENCE-ID;TZID=Europe/Paris:20260303T100000"):
        assert understood(*TIMES, line, method="REPLY").recurrence_id == NINE
    assert understood("RECURRENCE-ID;VALUE=DATE:20260303", method="REPLY").recurrence_id == date(2026, 3, 3)


def test_a_reply_for_an_instance_that_cannot_be_told_is_refused() -> None:
    assert (
        refused(calendar("RECURRENCE-ID;TZID=Nowhere:20260303T100000", method="REPLY"))
        is Code.UNKNOWN_TIMEZONE
    )


def test_a_series_keeps_its_rule_its_dates_and_its_overrides() -> None:
    master = (
        "DTSTART;TZID=Europe/Paris:20260303T100000",
        "DTEND;TZID=Europe/Paris:20260303T110000",
        "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=4",
        "EXDATE;TZID=Europe/Paris:20260310T100000,20260317T100000",
        "RDATE;VALUE=PERIOD:20260305T090000Z/PT1H",
        "END:VEVENT",
        "BEGIN:VEVENT",
        f"UID:{UID}",
        "RECURRENCE-ID:20260324T090000Z",
        "DTSTART:20260324T120000Z",
    )
    first, second = read(calendar(*master)).events
    assert first.span is not None
    assert first.span.start_utc == NINE
    assert first.recurrence == "FREQ=WEEKLY;BYDAY=TU;COUNT=4"
    assert [d.day for d in first.exdates] == [10, 17]
    assert first.rdates == (datetime(2026, 3, 5, 9, tzinfo=UTC),)
    assert second.recurrence_id == datetime(2026, 3, 24, 9, tzinfo=UTC)


def test_cancelling_one_instance_says_which_one() -> None:
    event = understood("RECURRENCE-ID:20260310T090000Z", *TIMES, method="CANCEL")
    assert event.recurrence_id == datetime(2026, 3, 10, 9, tzinfo=UTC)


def test_an_exdate_that_is_a_day_means_the_instance_of_that_day() -> None:
    event = understood(
        "DTSTART;TZID=Europe/Paris:20260303T100000",
        "RRULE:FREQ=DAILY",
        "EXDATE;VALUE=DATE:20260330",
        "EXDATE:",
    )
    assert event.exdates == (datetime(2026, 3, 30, 8, tzinfo=UTC),)


# anything


@examples(300)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(data)
    except Refused as refusal:
        assert refusal.message


_WORDS = st.sampled_from(
    [
        "DTSTART",
        "DTEND",
        "EXDATE",
        "RDATE",
        "RRULE",
        "RECURRENCE-ID",
        "DURATION",
        "ATTENDEE",
        "ORGANIZER",
        "SEQUENCE",
    ]
)
_VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        ["20260303T090000", "90001231T235959Z", "P99999D", "FREQ=DAILY", "mailto:a@b.c", "16000101"]
    ),
)
_PARAMS = st.sampled_from(
    ["", ";TZID=Europe/Paris", ";TZID=Odd", ";VALUE=DATE", ";RANGE=THISANDFUTURE", ';CN="x']
)


@examples(500)
@given(
    st.lists(st.tuples(_WORDS, _PARAMS, _VALUES), max_size=8), st.sampled_from(["REQUEST", "REPLY", "CANCEL"])
)
def test_any_lines_in_an_event_are_read_or_refused(lines: list[tuple[str, str, str]], method: str) -> None:
    text = calendar(*(f"{n}{p}:{v}".encode("utf-8", "replace").decode() for n, p, v in lines), method=method)
    try:
        message = read(text)
    except Refused as refusal:
        assert refusal.message
    else:
        assert message.method


def test_html_stands_in_for_a_missing_description() -> None:
    html = (
        "X-ALT-DESC;FMTTYPE=text/html:<!DOCTYPE html><html><body><p>Bring\\, please: water</p></body></html>"
    )
    start = "DTSTART:20260303T090000Z"
    assert "<p>Bring, please: water</p>" in understood(start, html).description
    assert understood(start, "DESCRIPTION:Bring water", html).description == "Bring water"
    assert understood(start, html.replace("X-ALT-DESC", "STYLED-DESCRIPTION"), "DESCRIPTION:").description
