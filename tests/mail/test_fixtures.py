"""Mails in the manner of today's clients, read from MIME to meaning."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from engine.itip.message import ItipMessage
from engine.itip.read import read as read_calendar
from engine.mail.incoming.authenticity import authenticated
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.read import read
from engine.model.people import Partstat

MAILS = Path(__file__).parents[1] / "fixtures" / "mail"
UID = "k3v9q2m7x1c8b4n6z0l5p2r7t9w3y1d8f6h4j0sa"
RECEIPTS = "rsvp+q7zk2pvx9lmr4tns@cis.test"
TRUSTED = frozenset({"mx.cis.test"})


def mail(name: str) -> IncomingMail:
    """The fixture `name`, read."""
    return read((MAILS / f"{name}.eml").read_bytes())


def message(name: str) -> ItipMessage:
    """The one calendar of the fixture `name`."""
    (part,) = mail(name).calendars
    return read_calendar(part.content, method_hint=part.method_hint)


@pytest.mark.parametrize(
    ("name", "partstat", "client"),
    [
        ("google-reply", Partstat.ACCEPTED, "Google"),
        ("exchange-reply", Partstat.TENTATIVE, "Microsoft Exchange"),
        ("outlook-mac-reply", Partstat.DECLINED, "Outlook"),
        ("ios-reply", Partstat.ACCEPTED, "iPhone"),
        ("thunderbird-reply-delegated", Partstat.DELEGATED, "Mozilla"),
        ("yahoo-reply", Partstat.ACCEPTED, "Yahoo"),
        ("android-reply", Partstat.ACCEPTED, "Android"),
    ],
)
def test_the_replies_of_all_clients_are_understood(name: str, partstat: Partstat, client: str) -> None:
    reply = message(name)
    (event,) = reply.events
    assert (reply.method, event.uid, event.sequence) == ("REPLY", UID, 1)
    assert client in reply.prodid
    assert event.attendees[0].partstat is partstat
    assert event.attendees[0].address in {"joe@example.org", "joe.bloggs@example.org"}
    assert event.span is not None
    assert event.span.start_utc == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert RECEIPTS in mail(name).recipients


def test_a_spark_reply_says_who_it_is_from_by_its_from_header_alone() -> None:
    (event,) = message("spark-reply-without-attendee").events
    assert event.attendees == ()
    assert mail("spark-reply-without-attendee").from_address == "joe@example.org"


def test_a_google_reply_names_the_replier_first_though_it_is_automatic() -> None:
    (event,) = message("google-reply").events
    assert [a.address for a in event.attendees] == ["joe@example.org", RECEIPTS]
    assert mail("google-reply").automatic


def test_a_google_counter_is_a_counter_though_its_part_says_reply() -> None:
    assert mail("google-counter").calendars[0].method_hint == "REPLY"
    assert message("google-counter").method == "COUNTER"


def test_an_exchange_reply_keeps_its_comment_and_its_words() -> None:
    (event,) = message("exchange-reply").events
    assert event.organizer is None
    assert event.comment.startswith("I may be late, sorry.")
    assert mail("exchange-reply").text == "I may be late, sorry. Grüße"


def test_a_google_invitation_has_its_own_description_and_link() -> None:
    request = message("google-request")
    (event,) = request.events
    assert request.method == "REQUEST"
    assert event.description == "Agenda:\n1. Budget, plan\n2. Team"
    assert event.conference == "https://meet.google.com/abc-defg-hij"
    assert event.organizer is not None
    assert (event.organizer.address, event.organizer.name) == ("jane@example.com", "Jane Roe")
    assert authenticated(mail("google-request"), TRUSTED).passed


def test_an_exchange_series_keeps_its_rule_exdate_and_override() -> None:
    master, override = message("exchange-request-recurring").events
    assert master.recurrence.startswith("FREQ=WEEKLY;UNTIL=20260331T140000Z")
    assert master.span is not None
    assert master.span.timezone == "America/New_York"
    assert master.exdates == (datetime(2026, 3, 17, 14, tzinfo=UTC),)
    assert override.recurrence_id == datetime(2026, 3, 10, 14, tzinfo=UTC)
    assert mail("exchange-request-recurring").text == "Weekly call"


def test_a_google_cancellation_names_its_instance() -> None:
    cancellation = message("google-cancel-instance")
    assert cancellation.method == "CANCEL"
    assert cancellation.events[0].recurrence_id == datetime(2026, 3, 10, 14, tzinfo=UTC)


def test_an_outlook_event_in_sydney_has_summer_time() -> None:
    publish = message("outlook-publish")
    (event,) = publish.events
    assert publish.method == "PUBLISH"
    assert event.span is not None
    assert event.span.start_utc == datetime(2026, 1, 14, 22, tzinfo=UTC)
    assert mail("outlook-publish").subject == "Harbour walk - café"


def test_an_apple_event_of_two_days_is_all_day() -> None:
    (event,) = message("apple-request-all-day").events
    assert event.span is not None
    assert (event.span.start, event.span.end) == (date(2026, 7, 2), date(2026, 7, 4))
    assert (event.summary, event.recurrence) == ("Summer fête", "FREQ=YEARLY;COUNT=5")
    assert mail("apple-request-all-day").from_name == "Zoë Doe"


def test_the_sender_is_the_from_header_whatever_the_subject_says() -> None:
    forged = mail("forged-subject")
    assert forged.from_address == "mallory@example.net"
    assert forged.subject.startswith("envelope-from=ceo@example.com")
    assert authenticated(forged, TRUSTED).passed
    assert "example.com" not in forged.authentication_results


def test_a_delivery_report_is_no_invitation() -> None:
    bounce = mail("delivery-report-quoting-our-invite")
    assert bounce.calendars == ()
    assert bounce.automatic
    assert bounce.report is not None
    (told,) = bounce.report.recipients
    assert (told.fate, told.permanent) == ("failed", True)
    assert (told.status, told.recipient) == ("5.1.1", "nobody@example.org")
    assert bounce.report.message_id == "m1.k3v9@cis.test"
    assert "550 5.1.1" in told.diagnostic


def test_an_out_of_office_mail_is_automatic_and_has_no_calendar() -> None:
    assert mail("out-of-office").automatic
    assert mail("out-of-office").calendars == ()


def test_a_list_is_decoded_and_keeps_its_name() -> None:
    (attached,) = mail("bulk-list").lists
    assert attached.filename == "gäste.csv"
    assert attached.text.startswith("uid,email,name")
    assert "bo@example.org,Bø" in attached.text


def test_a_winmail_attachment_is_noticed() -> None:
    assert mail("tnef-only").has_tnef
    assert mail("tnef-only").calendars == ()
