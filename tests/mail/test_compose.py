"""Outgoing mails: the shape that all clients read, the words that people need, and no way in for others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.itip import recurrence, write
from engine.mail.outgoing import words
from engine.mail.outgoing.compose import Personalisation, RevisionMail, invitation, notice
from engine.model.events import Event, EventStatus, Override
from engine.model.messages import Kind
from engine.model.people import Party
from engine.model.times import Span
from engine.refusals import Code, Refused
from tests.itip.samples import JOE, RECEIPTS, START, event, span
from tests.judges import judge
from tests.support.soak import examples

SENDER = Party(address="invites@cis.test", name="Jane Roe")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


_OF_ALL = {"sender", "reply_to", "public_url"}


def revision_and_letter(
    sample: Event | None = None, kind: Kind = Kind.INVITE, **changes: Any
) -> tuple[RevisionMail, Personalisation]:
    """What the mail for `sample` is composed of, with whatever else is to differ."""
    sample = sample or event()
    to, instance = changes.pop("attendee", JOE), changes.pop("recurrence_id", None)
    write_calendar = write.cancel if kind is Kind.CANCELLATION else write.request
    of_all: dict[str, Any] = {
        "event": sample,
        "part": sample if instance is None else recurrence.instance(sample, instance),
        "kind": kind,
        "sender": SENDER,
        "reply_to": Party(address="jane@example.com", name="Jane Roe"),
        "public_url": "http://127.0.0.1:8000",
    }
    own: dict[str, Any] = {
        "attendee": to,
        "calendar": write_calendar(sample, to, RECEIPTS, recurrence_id=instance),
        "receipt_address": RECEIPTS.address,
        "message_id": "m1.k3v9@cis.test",
        "date": WHEN,
        "unsubscribe": "unsubscribe+t@cis.test",
    }
    of_all |= {name: changes.pop(name) for name in _OF_ALL & changes.keys()}
    return RevisionMail(**of_all), Personalisation(**{**own, **changes})


def composed(sample: Event | None = None, kind: Kind = Kind.INVITE, **changes: Any) -> bytes:
    """The mail for `sample`, with whatever else is to differ."""
    return invitation(*revision_and_letter(sample, kind, **changes))


def parsed(raw_mail: bytes) -> EmailMessage:
    mail = BytesParser(policy=policy.default).parsebytes(raw_mail)
    assert isinstance(mail, EmailMessage)
    return mail


def body(raw_mail: bytes, subtype: str = "plain") -> str:
    """The words of the mail."""
    part = parsed(raw_mail).get_body((subtype,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


@pytest.mark.parametrize("kind", [Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION])
def test_every_judge_accepts_every_kind_of_mail(kind: Kind) -> None:
    for sample in (event(), event(recurrence="FREQ=WEEKLY;COUNT=3"), event(span=span(date(2026, 3, 3)))):
        assert judge(composed(sample, kind)) == []


def test_the_headers_say_who_and_what() -> None:
    mail = parsed(composed())
    assert mail["From"] == "Jane Roe <invites@cis.test>"
    assert mail["To"] == "Joe Bloggs <joe@example.org>"
    assert mail["Reply-To"] == "Jane Roe <jane@example.com>"
    assert mail["Message-ID"] == "<m1.k3v9@cis.test>"
    assert mail["List-Unsubscribe"] == "<mailto:unsubscribe+t@cis.test>"
    assert mail["Date"].datetime == WHEN


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        (Kind.INVITE, "Plan"),
        (Kind.UPDATE, "Plan"),
        (Kind.CANCELLATION, "Event Cancelled: Plan"),
    ],
)
def test_the_subject_says_what_kind_of_mail_it_is(kind: Kind, subject: str) -> None:
    assert parsed(composed(kind=kind))["Subject"] == subject


def test_one_click_is_offered_where_the_unsubscribe_address_is_https() -> None:
    mail = parsed(composed(unsubscribe_url="https://invites.example.com/u/t"))
    ways = "<https://invites.example.com/u/t>, <mailto:unsubscribe+t@cis.test>"
    assert mail["List-Unsubscribe"] == ways
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_the_same_input_gives_the_same_bytes() -> None:
    assert composed() == composed()
    assert composed() != composed(message_id="other@cis.test")


def test_the_words_say_what_when_where_and_who() -> None:
    sample = event(
        location="Room 1",
        description="Bring <cake>\nand tea",
        url="https://example.com/?a=1&b=2",
        recurrence="FREQ=WEEKLY;BYDAY=TU,TH;UNTIL=20260331T080000Z",
    )
    text = body(composed(sample))
    for said in (
        "Jane Roe (jane@example.com) invites you.",
        "Tuesday, 3 March 2026, 10:00 – 11:00 (Europe/Paris, UTC+01:00)",
        "Repeats every week on Tuesday and Thursday, until Tuesday, 31 March 2026",
        "Room 1",
        "Bring <cake>\nand tea",
        "https://example.com/?a=1&b=2",
        "Yes: mailto:rsvp+q7zk2pvx9lmr4tns@cis.test?subject=Yes%3A%20Plan",
        "No: mailto:",
        "Maybe: mailto:",
    ):
        assert said in text
    markup = body(composed(sample), "html")
    assert "Bring &lt;cake&gt;<br>" in markup
    assert "127.0.0.1" not in markup


def test_a_cancellation_says_why_and_asks_nothing() -> None:
    gone = event(status=EventStatus.CANCELLED, cancel_reason="Too much rain")
    text = body(composed(gone, Kind.CANCELLATION))
    assert "This event has been cancelled.\n\nToo much rain" in text
    assert "mailto:rsvp" not in text


def test_one_instance_is_shown_at_its_own_time() -> None:
    moved = Override(recurrence_id=START + timedelta(7), span=span(START + timedelta(8)), summary="Later")
    sample = event(recurrence="FREQ=WEEKLY", overrides=(moved,))
    assert "Wednesday, 11 March 2026" in body(composed(sample, recurrence_id=START + timedelta(7)))
    text = body(composed(sample, Kind.CANCELLATION, recurrence_id=START + timedelta(14)))
    assert "Tuesday, 17 March 2026" in text
    assert "Repeats" not in text


def test_only_links_to_the_web_are_shown() -> None:
    assert "javascript" not in composed(event(url="javascript:alert(1)")).decode()
    assert "Link" not in body(composed(event(url="file:///etc/passwd")))


@pytest.mark.parametrize(
    "address",
    [
        "joe@example.org\r\nBcc: eve@example.net",
        "joe",
        "joe@",
        "joe bloggs@example.org",
        "<joe@example.org>",
        "a@b.c, d@e.f",
        "jö@example.org",
    ],
)
def test_an_address_that_no_mail_can_go_to_is_refused(address: str) -> None:
    with pytest.raises(Refused) as refusal:
        composed(attendee=Party(address=address))
    assert refusal.value.code is Code.INVALID_ADDRESS


def test_a_domain_in_another_script_is_written_in_ascii() -> None:
    assert "xn--mnchen-3ya" in composed(attendee=Party(address="joe@münchen.example")).decode()


_TEXT = st.text(max_size=300)


@examples(150)
@given(summary=_TEXT, name=_TEXT, description=_TEXT, reason=_TEXT, kind=st.sampled_from(list(Kind)[:3]))
def test_no_text_gets_out_of_its_place(
    summary: str, name: str, description: str, reason: str, kind: Kind
) -> None:
    sample = event(summary=summary, description=description, cancel_reason=reason, organizer_name=name)
    party = Party(address="invites@cis.test", name=name)
    raw_mail = composed(sample, kind, attendee=Party(address=JOE.address, name=name), sender=party)
    assert judge(raw_mail) == []
    mail = BytesParser().parsebytes(raw_mail)
    assert len(mail.keys()) == 9


def test_a_hostile_summary_adds_no_header() -> None:
    raw_mail = composed(event(summary="Plan\r\nBcc: eve@example.net\r\n\r\nHello"))
    mail = parsed(raw_mail)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "Plan Bcc: eve@example.net Hello"


# notices


def test_a_notice_is_plain_and_marked_as_automatic() -> None:
    raw_mail = notice(
        sender=SENDER,
        to="jane@example.com",
        subject="Grüße: event created",
        text="Created.\nThanks",
        message_id="n1@cis.test",
        date=WHEN,
        in_reply_to="<orig@example.com>",
    )
    mail = parsed(raw_mail)
    assert judge(raw_mail) == []
    assert (mail["Auto-Submitted"], mail["In-Reply-To"]) == ("auto-replied", "<orig@example.com>")
    assert mail["Precedence"] is None
    assert mail["Subject"] == "Grüße: event created"
    assert mail.get_content().splitlines() == ["Created.", "Thanks"]


def test_a_report_carries_its_csv_unchanged() -> None:
    csv = "email,name\r\njoe@example.org,Jö\r\n".encode()
    raw_mail = notice(
        sender=SENDER,
        to="jane@example.com",
        subject="Report",
        text="Attached.",
        message_id="n2@cis.test",
        date=WHEN,
        attachment=('re"port\r\n.csv', csv),
    )
    assert judge(raw_mail) == []
    (part,) = parsed(raw_mail).iter_attachments()
    assert isinstance(part, EmailMessage)
    assert (part.get_content_type(), part.get_filename()) == ("text/csv", "re_port__.csv")
    assert part.get_payload(decode=True) == csv


def test_a_date_without_a_zone_is_a_fault_of_ours() -> None:
    with pytest.raises(ValueError, match="aware"):
        composed(date=WHEN.replace(tzinfo=None))
    east = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert b"Date: Fri, 02 Jan 2026 08:34:05 +0530\r\n" in composed(date=east)


# words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (span(), "Tuesday, 3 March 2026, 10:00 – 11:00"),
        (span(hours=20), "Tuesday, 3 March 2026, 10:00 – Wednesday, 4 March 2026, 06:00"),
        (span(hours=0), "Tuesday, 3 March 2026, 10:00"),
        (span(date(2026, 3, 3)), "Tuesday, 3 March 2026"),
        (
            Span(start=date(2026, 3, 3), end=date(2026, 3, 5), timezone="UTC"),
            "Tuesday, 3 March 2026 – Wednesday, 4 March 2026",
        ),
    ],
)
def test_a_time_is_told_with_its_weekday(value: Span, text: str) -> None:
    assert words.when(value) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("", ""),
        ("FREQ=DAILY", "every day"),
        ("FREQ=DAILY;COUNT=10;INTERVAL=2", "every 2 days, 10 times"),
        ("FREQ=WEEKLY;BYDAY=MO,WE,FR", "every week on Monday, Wednesday and Friday"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "every month on the last Friday"),
        ("FREQ=MONTHLY;BYMONTHDAY=15", "every month on day 15"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "every month on the last day"),
        ("FREQ=YEARLY;BYMONTH=3,6", "every year (see the calendar for the exact days)"),
    ],
)
def test_a_rule_is_told_in_words(rule: str, text: str) -> None:
    assert words.recurrence(rule, span()) == text
