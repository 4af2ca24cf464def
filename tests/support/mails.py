"""Mails as organizers, attendees and mail servers send them, built without any code of ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from email import policy
from email.headerregistry import HeaderRegistry
from email.message import EmailMessage
from email.utils import make_msgid
from functools import cache, lru_cache

import icalendar

STAMP = datetime(2027, 2, 1, 12, 0, tzinfo=UTC)
START = datetime(2027, 5, 2, 23, 0, tzinfo=UTC)
END = datetime(2027, 5, 3, 1, 0, tzinfo=UTC)
OPERATOR_SERVER = "mx.cis.test"


class _Headers(HeaderRegistry):
    """Takes a header apart once, however many mails have it; that was half of what a mail cost."""

    __getitem__ = cache(HeaderRegistry.__getitem__)
    __call__ = lru_cache(1_000)(HeaderRegistry.__call__)


_POLICY = policy.default.clone(header_factory=_Headers())


def vevent(
    uid: str = "client-uid-1",
    *,
    summary: str | None = "Season opener",
    start: date | datetime | None = START,
    end: date | datetime | None = END,
    sequence: int = 0,
    dtstamp: datetime = STAMP,
    organizer: str = "olga@cis.test",
    attendees: Sequence[tuple[str, str]] = (),
    recurrence_id: date | datetime | None = None,
    **properties: object,
) -> icalendar.Event:
    """One VEVENT; `attendees` are pairs of address and PARTSTAT; other properties by their names."""
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("dtstamp", dtstamp)
    event.add("sequence", sequence)
    times = {"summary": summary, "dtstart": start, "dtend": end, "recurrence-id": recurrence_id}
    for name, value in {**times, **properties}.items():
        if value is not None:
            event.add(name.replace("_", "-"), value)
    if organizer:
        event.add("organizer", f"mailto:{organizer}")
    for address, partstat in attendees:
        person = icalendar.vCalAddress(f"mailto:{address}")
        person.params["PARTSTAT"] = partstat
        event.add("attendee", person)
    return event


def calendar(
    method: str, *components: icalendar.Component, prodid: str = "-//Example//Client 1.0//EN"
) -> bytes:
    """A VCALENDAR; times with a zone get their VTIMEZONE."""
    made = icalendar.Calendar()
    made.add("prodid", prodid)
    made.add("version", "2.0")
    made.add("method", method)
    for component in components:
        made.add_component(component)
    for name in sorted(made.get_missing_tzids()):
        if zone := _zone(name):
            made.subcomponents.insert(0, zone)
    return made.to_ical()


@cache
def _zone(name: str) -> icalendar.Timezone | None:
    """The VTIMEZONE of a zone, which takes 10 ms to write; None for one that is not known."""
    try:
        return icalendar.Timezone.from_tzid(name)
    except ValueError:
        return None


def mail(
    sender: str,
    to: str,
    *,
    subject: str = "Invitation",
    text: str = "See the calendar.",
    content: bytes | None = None,
    method: str = "REQUEST",
    proven: bool = True,
    headers: dict[str, str] | None = None,
) -> EmailMessage:
    """A mail; with `content`, its calendar. `proven`: our own mail server vouches for the sender."""
    made = EmailMessage(_POLICY)
    domain = sender.rpartition("@")[2].strip(">")
    if proven:
        made["Authentication-Results"] = (
            f"{OPERATOR_SERVER}; spf=pass smtp.mailfrom={domain}; dmarc=pass header.from={domain}"
        )
    made["From"] = sender
    made["To"] = to
    made["Subject"] = subject
    made["Message-ID"] = make_msgid(domain="client.example")
    for name, value in (headers or {}).items():
        made[name] = value
    made.set_content(text)
    if content is not None:
        made.add_alternative(content, "text", "calendar", params={"method": method, "charset": "utf-8"})
    return made


def request(
    *events: icalendar.Event, sender: str = "Olga Organizer <olga@cis.test>", **values: object
) -> EmailMessage:
    """An organizer's invitation to create@."""
    content = calendar("REQUEST", *(events or (vevent(),)))
    return mail(sender, "create@cis.test", content=content, **values)  # type: ignore[arg-type]


def cancel(*events: icalendar.Event, sender: str = "olga@cis.test", **values: object) -> EmailMessage:
    """An organizer's cancellation to create@."""
    content = calendar("CANCEL", *(events or (vevent(sequence=1),)))
    return mail(sender, "create@cis.test", content=content, method="CANCEL", **values)  # type: ignore[arg-type]


def reply(
    uid: str,
    sender: str,
    partstat: str = "ACCEPTED",
    *,
    to: str = "rsvp@cis.test",
    sequence: int = 0,
    dtstamp: datetime = STAMP,
    attendee: str | None = None,
    prodid: str = "-//Example//Client 1.0//EN",
    method: str = "REPLY",
    recurrence_id: date | datetime | None = None,
    proven: bool = True,
    **properties: object,
) -> EmailMessage:
    """An attendee's answer."""
    address = sender.rpartition("<")[2].strip("> ")
    event = vevent(
        uid,
        sequence=sequence,
        dtstamp=dtstamp,
        organizer=to,
        attendees=[(attendee or address, partstat)],
        recurrence_id=recurrence_id,
        **properties,  # type: ignore[arg-type]
    )
    content = calendar(method, event, prodid=prodid)
    subject = f"{partstat.capitalize()}: Season opener"
    return mail(sender, to, subject=subject, content=content, method=method, proven=proven)


def listed(csv: str | bytes, *, sender: str = "olga@cis.test", filename: str = "list.csv") -> EmailMessage:
    """An organizer's list to bulk@."""
    made = mail(sender, "bulk@cis.test", subject="My list", text="The list is attached.")
    data = csv.encode() if isinstance(csv, str) else csv
    made.add_attachment(data, maintype="text", subtype="csv", filename=filename)
    return made


def bounced(recipient: str, to: str, status: str = "5.1.1", action: str = "failed") -> bytes:
    """A delivery report (RFC 3464), written out by hand."""
    lines = [
        "From: MAILER-DAEMON@mx.example.com",
        f"To: {to}",
        "Subject: Undelivered Mail Returned to Sender",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"',
        "",
        "--b1",
        "Content-Type: text/plain",
        "",
        "The mail could not be delivered.",
        "--b1",
        "Content-Type: message/delivery-status",
        "",
        "Reporting-MTA: dns; mx.example.com",
        "",
        f"Final-Recipient: rfc822; {recipient}",
        f"Action: {action}",
        f"Status: {status}",
        "Diagnostic-Code: smtp; 550 5.1.1 No such user here",
        "",
        "--b1--",
        "",
    ]
    return "\r\n".join(lines).encode()
