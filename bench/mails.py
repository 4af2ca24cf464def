"""Mails made the usual way, with icalendar and email: what peers send, and the answers of attendees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.utils import make_msgid

from icalendar import Calendar, Event, vCalAddress

_START = datetime(2031, 5, 6, 17, 30, tzinfo=UTC)
_WORDS = "Bring your questions; the room opens a quarter of an hour earlier, and there is coffee. " * 6


def calendar(
    method: str, uid: str, organizer: str, attendee: str, partstat: str, title: str = "Season call"
) -> bytes:
    """A calendar with one event and one attendee."""
    event = Event()
    event.add("UID", uid)
    event.add("DTSTAMP", datetime.now(UTC))
    event.add("DTSTART", _START)
    event.add("DTEND", _START + timedelta(hours=1))
    event.add("SUMMARY", title)
    event.add("SEQUENCE", 0)
    event.add("ORGANIZER", vCalAddress(f"mailto:{organizer}"))
    person = vCalAddress(f"mailto:{attendee}")
    person.params["PARTSTAT"] = partstat
    event.add("ATTENDEE", person)
    if method == "REQUEST":
        event.add("DESCRIPTION", _WORDS)
    made = Calendar()
    made.add("PRODID", "-//Example Inc//Example Calendar 1.0//EN")
    made.add("VERSION", "2.0")
    made.add("METHOD", method)
    made.add_component(event)
    return bytes(made.to_ical())


def invite(email: str) -> bytes:
    """An invite of the shape that ours has: plain, HTML and calendar, and the calendar attached."""
    content = calendar("REQUEST", f"invite-for-{email}", "rsvp@example.org", email, "NEEDS-ACTION")
    mail = _mail("rsvp@example.org", email, "Invitation: Season call")
    mail.set_content(f"Season call\n\n{_WORDS}\n")
    mail.add_alternative(f"<html><body><h1>Season call</h1><p>{_WORDS}</p></body></html>", subtype="html")
    mail.add_alternative(content.decode(), subtype="calendar", params={"method": "REQUEST"})
    mail.add_attachment(content, maintype="application", subtype="ics", filename="invite.ics")
    return mail.as_bytes(policy=policy.SMTP)


def request(uid: str, organizer: str, to: str, title: str) -> bytes:
    """The mail by which a calendar client invites `to` to an event."""
    mail = _mail(organizer, to, title)
    mail.set_content("An invitation.\n")
    content = calendar("REQUEST", uid, organizer, to, "NEEDS-ACTION", title).decode()
    mail.add_alternative(content, subtype="calendar", params={"method": "REQUEST"})
    return mail.as_bytes(policy=policy.SMTP)


def answer(uid: str, email: str, receipt_address: str, partstat: str) -> bytes:
    """The REPLY of a calendar client."""
    mail = _mail(email, receipt_address, f"{partstat.title()}: Season call")
    mail.set_content("An answer to your invitation.\n")
    content = calendar("REPLY", uid, receipt_address, email, partstat).decode()
    mail.add_alternative(content, subtype="calendar", params={"method": "REPLY"})
    return mail.as_bytes(policy=policy.SMTP)


def _mail(sender: str, to: str, subject: str) -> EmailMessage:
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = make_msgid(domain="example.org")
    mail["Date"] = datetime.now(UTC)
    return mail
