"""Simulated calendar clients, which know only the mails that reach them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, cast

from icalendar import Alarm, Calendar, Event, vCalAddress, vText

GOOGLE, OUTLOOK, APPLE, THUNDERBIRD = "Google Calendar", "Outlook", "Apple Calendar", "Thunderbird"
PRODIDS = {
    GOOGLE: "-//Google Inc//Google Calendar 70.9054//EN",
    OUTLOOK: "Microsoft Exchange Server 2010",
    APPLE: "-//Apple Inc.//macOS 15.0//EN",
    THUNDERBIRD: "-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN",
}


@dataclass
class CalendarEntry:
    """One event as it stands in someone's calendar."""

    uid: str
    sequence: int
    summary: str
    start: datetime
    organizer: str
    cancelled: bool = False


@dataclass
class Person:
    """Someone with a mailbox and a calendar program, which follows what arrives (RFC 5546, 2.1.5)."""

    address: str
    name: str
    program: str
    calendar: dict[str, CalendarEntry] = field(default_factory=dict)

    def receive(self, mail: EmailMessage) -> CalendarEntry:
        """Put the mail's event into the calendar, unless a newer revision is there. Raises ValueError."""
        method, event = calendar_part(mail)
        attendees = event.get("ATTENDEE")
        if str(attendees).lower() != f"mailto:{self.address}":
            raise ValueError(f"the invite for {self.address} names {attendees}")
        entry = CalendarEntry(
            uid=str(event["UID"]),
            sequence=int(event.get("SEQUENCE", 0)),
            summary=str(event["SUMMARY"]),
            start=event.decoded("DTSTART"),
            organizer=str(event["ORGANIZER"]).partition(":")[2],
            cancelled=method == "CANCEL",
        )
        known = self.calendar.get(entry.uid)
        if known is None or entry.sequence > known.sequence:
            self.calendar[entry.uid] = entry
        return self.calendar[entry.uid]

    def answer(self, entry: CalendarEntry, partstat: str) -> EmailMessage:
        """The REPLY that this calendar program mails to the organizer's address."""
        event = Event()
        event.add("UID", entry.uid)
        event.add("DTSTAMP", datetime.now(UTC))
        event.add("DTSTART", entry.start)
        event.add("SUMMARY", vText(entry.summary))
        event.add("SEQUENCE", entry.sequence)
        attendee = vCalAddress(f"mailto:{self.address}")
        attendee.params["PARTSTAT"] = partstat
        attendee.params["CN"] = self.name
        event.add("ATTENDEE", attendee)
        if self.program != OUTLOOK:
            event.add("ORGANIZER", vCalAddress(f"mailto:{entry.organizer}"))  # Exchange leaves it out
        return _calendar_mail(self, entry.organizer, "REPLY", event, f"{partstat.title()}: {entry.summary}")

    def answer_by_link(self, mail: EmailMessage, word: str) -> EmailMessage:
        """A plain mail, as the link Yes, No or Maybe in the invite's text writes it."""
        text = cast("Any", mail.get_body(("plain",))).get_content()
        links = [
            line.partition("mailto:")[2] for line in text.splitlines() if line.startswith(f"{word}: mailto:")
        ]
        address = links[0].partition("?")[0]
        reply = _mail(self, address, f"{word}: {mail['Subject']}")
        reply.set_content("")
        return reply


@dataclass
class Organizer(Person):
    """Someone who makes events in a calendar program and invites create@ to them."""

    def invitation(
        self,
        to: str,
        uid: str,
        summary: str,
        start: datetime,
        end: datetime,
        location: str,
        sequence: int = 0,
    ) -> EmailMessage:
        """The REQUEST that the program mails when create@ is among the guests."""
        event = Event()
        event.add("UID", uid)
        event.add("DTSTAMP", datetime.now(UTC))
        event.add("SUMMARY", summary)
        event.add("LOCATION", location)
        event.add("DTSTART", start)
        event.add("DTEND", end)
        event.add("SEQUENCE", sequence)
        organizer = vCalAddress(f"mailto:{self.address}")
        organizer.params["CN"] = self.name
        event.add("ORGANIZER", organizer)
        guest = vCalAddress(f"mailto:{to}")
        guest.params["RSVP"] = "TRUE"
        event.add("ATTENDEE", guest)
        reminder = Alarm()
        reminder.add("ACTION", "DISPLAY")
        reminder.add("DESCRIPTION", "This is an event reminder")
        event.add_component(reminder)
        return _calendar_mail(self, to, "REQUEST", event, summary)


def calendar_part(mail: EmailMessage) -> tuple[str, Event]:
    """METHOD and VEVENT of a mail, as a calendar program finds them. Raises ValueError if the mail has none."""
    for part in mail.walk():
        if part.get_content_type() == "text/calendar":
            calendar = Calendar.from_ical(cast("bytes", part.get_payload(decode=True)))
            return str(calendar["METHOD"]), calendar.events[0]
    raise ValueError(f"the mail “{mail['Subject']}” has no calendar part")


def is_calendar(method: str, uid: str = "", sequence: int = 0) -> Any:
    """A test for mails that carry `method` (for event `uid`, at least at revision `sequence`)."""

    def wanted(mail: EmailMessage) -> bool:
        try:
            found, event = calendar_part(mail)
        except ValueError:
            return False
        newer = int(event.get("SEQUENCE", 0)) >= sequence
        return found == method and newer and uid in {"", str(event["UID"])}

    return wanted


def _calendar_mail(person: Person, to: str, method: str, event: Event, subject: str) -> EmailMessage:
    calendar = Calendar()
    calendar.add("PRODID", PRODIDS[person.program])
    calendar.add("VERSION", "2.0")
    calendar.add("METHOD", method)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    mail = _mail(person, to, subject)
    mail.set_content(subject)
    mail.add_alternative(
        calendar.to_ical().decode(), subtype="calendar", params={"method": method}, cte="base64"
    )
    return mail


def _mail(person: Person, to: str, subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = f"{person.name} <{person.address}>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = formatdate(localtime=False, usegmt=True)
    mail["Message-ID"] = make_msgid(domain=person.address.rpartition("@")[2])
    return mail
