"""Reports on our mail: what they say of whom, in the forms in which mail servers and SES write them."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.incoming import sesnotice
from engine.mail.incoming.content import DeliveryReport, Fate
from engine.mail.incoming.read import read
from tests.support import reports
from tests.support.soak import examples

ANN, BOB = "ann@example.com", "bob@example.com"


def about(raw_mail: bytes) -> DeliveryReport:
    """What a mail reports; it carries nothing else."""
    found = read(raw_mail)
    assert (found.calendars, found.lists) == ((), ())
    assert found.report is not None
    return found.report


def delivery(*fields: str, original: tuple[str, ...] = ()) -> DeliveryReport:
    return about(reports.multipart_report("rsvp@cis.test", "delivery-status", fields, original))


def plain(text: str, *headers: str) -> bytes:
    lines = ["From: Mailer-Daemon@mx.example.com", "To: rsvp@cis.test", *headers, "", text]
    return "\r\n".join(lines).encode()


# delivery reports (RFC 3464)


@pytest.mark.parametrize(
    ("status", "diagnostic", "code", "permanent"),
    [
        ("5.1.1", "", "5.1.1", True),
        ("5.0.0", "smtp; 550 5.7.1 blocked", "5.7.1", False),
        ("5.0.0", "", "5.0.0", True),
        ("", "smtp; 550 no such user", "5.0.0", True),
        ("", "smtp; 550-5.1.1 The account does not exist", "5.1.1", True),
        ("", "", "", False),
        ("5.2.2 (mailbox full)", "", "5.2.2", False),
        ("5.3.4", "", "5.3.4", False),
        ("5.6.7", "", "5.6.7", False),
        ("5.7.26", "", "5.7.26", False),
        ("4.4.7", "", "4.4.7", False),
        ("4.0.0", "smtp; 550 5.1.1 unknown", "5.1.1", True),
    ],
)
def test_only_an_address_that_is_at_fault_has_failed_for_good(
    status: str, diagnostic: str, code: str, permanent: bool
) -> None:
    fields = ["Reporting-MTA: dns; mx", "", f"Final-Recipient: rfc822; {ANN}", "Action: failed"]
    (told,) = delivery(*fields, f"Status: {status}", f"Diagnostic-Code: {diagnostic}").recipients
    assert (told.fate, told.recipient, told.status, told.permanent) == (Fate.FAILED, ANN, code, permanent)


def test_each_recipient_of_a_report_is_told_of() -> None:
    blocks = [
        f"Final-Recipient: rfc822; {a}\r\nAction: {b}\r\n" for a, b in ((ANN, "delayed"), (BOB, "failed"))
    ]
    told = delivery("Reporting-MTA: dns; mx", "", *blocks).recipients
    assert [(t.recipient, t.fate) for t in told] == [(ANN, Fate.DELAYED), (BOB, Fate.FAILED)]


def test_what_a_report_quotes_of_our_mail_is_kept() -> None:
    original = (
        "Return-Path: <rsvp+t1@cis.test>",
        "Message-ID: <m1@cis.test>",
        "List-Unsubscribe: <https://cis.example.com/unsubscribe/t1>, <mailto:unsubscribe+t1@cis.test>",
    )
    found = delivery(*reports.failed(ANN), original=original)
    assert found.message_id == "m1@cis.test"
    assert found.senders == ("rsvp+t1@cis.test", "unsubscribe+t1@cis.test")


def test_parts_of_a_report_in_base64_are_read() -> None:
    status = base64.encodebytes("\r\n".join(reports.failed(ANN)).encode()).decode()
    headers = base64.encodebytes(b"Message-ID: <m1@cis.test>\r\n").decode()
    encoding = "Content-Transfer-Encoding: base64"
    raw_mail = plain(
        f"--b\r\nContent-Type: message/global-delivery-status\r\n{encoding}\r\n\r\n{status}\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n{encoding}\r\n\r\n{headers}\r\n--b--",
        "MIME-Version: 1.0",
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    )
    found = about(raw_mail)
    assert (found.message_id, [t.recipient for t in found.recipients]) == ("m1@cis.test", [ANN])


# in plain words


def test_a_bounce_of_exim_names_the_failed_recipients_in_a_header() -> None:
    words = f"A message could not be delivered.\r\n\r\n  {ANN}\r\n    550 5.1.1 User unknown\r\n"
    text = f"{words}\r\nMessage-ID: <m1@cis.test>"
    found = about(plain(text, f"X-Failed-Recipients: {ANN}, {BOB}"))
    assert [(t.recipient, t.status, t.permanent) for t in found.recipients] == [
        (ANN, "5.1.1", True),
        (BOB, "5.1.1", True),
    ]
    assert found.message_id == "m1@cis.test"


def test_a_bounce_of_qmail_is_told_by_its_words() -> None:
    text = (
        "Hi. This is the qmail-send program at mx.example.com.\r\n\r\n"
        f"<{ANN}>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below is a copy.\r\n\r\n"
        "List-Unsubscribe: <mailto:unsubscribe+t1@cis.test>\r\n"
    )
    found = about(plain(text))
    assert [(t.recipient, t.status, t.permanent) for t in found.recipients] == [(ANN, "5.1.1", True)]
    assert found.senders == ("unsubscribe+t1@cis.test",)


# complaints and read receipts


def test_a_complaint_is_known_by_the_mail_that_it_quotes() -> None:
    fields = ["Feedback-Type: abuse", "Version: 1", "Original-Mail-From: <rsvp+t1@cis.test>"]
    original = [f"To: {ANN}", "Message-ID: <m1@cis.test>", "Content-Type: text/calendar"]
    found = about(reports.multipart_report("abuse@cis.test", "feedback-report", fields, original))
    (told,) = found.recipients
    assert (told.fate, told.recipient, told.diagnostic) == (Fate.COMPLAINED, ANN, "abuse")
    assert (found.message_id, found.senders) == ("m1@cis.test", ("rsvp+t1@cis.test",))


@pytest.mark.parametrize("part", ["message/disposition-notification", "text/calendar"])
def test_a_read_receipt_is_one_whatever_it_quotes(part: str) -> None:
    raw_mail = plain(
        f"--b\r\nContent-Type: {part}\r\n\r\nFinal-Recipient: rfc822; {ANN}\r\n\r\n"
        "--b\r\nContent-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
    )
    assert [told.fate for told in about(raw_mail).recipients] == [Fate.READ]


# Amazon SES


@pytest.mark.parametrize(
    ("kind", "permanent"), [("Permanent", True), ("Transient", False), ("Undetermined", False)]
)
def test_ses_says_itself_what_is_permanent(kind: str, permanent: bool) -> None:
    found = sesnotice.notice(json.dumps(reports.ses_bounce({}, ANN, BOB, kind=kind)))
    assert found is not None
    assert found.transport_id == reports.SES_ID
    assert [(t.recipient, t.permanent) for t in found.recipients] == [(ANN, permanent), (BOB, permanent)]


def test_an_event_of_ses_is_read_like_a_notification() -> None:
    notice = reports.ses_bounce({"headers": [{"name": "Message-ID", "value": "<m1@cis.test>"}]}, ANN)
    event = {**notice, "eventType": notice.pop("notificationType")}
    found = sesnotice.notice(json.dumps({"Type": "Notification", "Message": json.dumps(event)}))
    assert found is not None
    assert (found.message_id, [t.fate for t in found.recipients]) == ("m1@cis.test", [Fate.FAILED])


@pytest.mark.parametrize(
    ("kind", "fate"), [("Delivery", Fate.DELIVERED), ("DeliveryDelay", Fate.DELAYED), ("Open", Fate.OTHER)]
)
def test_other_events_of_ses_fail_nothing(kind: str, fate: Fate) -> None:
    found = sesnotice.notice(json.dumps(reports.ses(kind, {}, {"destination": [ANN]})))
    assert found is not None
    assert [t.fate for t in found.recipients] == [fate]


def test_the_name_that_ses_gives_a_message_stands_in_its_answer() -> None:
    assert sesnotice.named(f"250 Ok {reports.SES_ID}") == reports.SES_ID
    assert sesnotice.named("250 2.0.0 Ok: queued as 4C1B2D3E4F") == ""


_KEYS = st.sampled_from(
    [
        "mail",
        "bounce",
        "complaint",
        "notificationType",
        "Message",
        "headers",
        "commonHeaders",
        "destination",
        "bouncedRecipients",
        "complainedRecipients",
        "emailAddress",
        "messageId",
        "source",
        "name",
        "value",
        "bounceType",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_KEYS | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@examples(200)
@given(_JSON, _JSON)
def test_any_json_is_a_notification_or_none(mail: object, rest: object) -> None:
    for notice in (rest, {"mail": mail, "bounce": rest, "notificationType": "Bounce"}, {"Message": mail}):
        found = sesnotice.notice(json.dumps(notice))
        assert found is None or isinstance(found, DeliveryReport)
