"""Compose the mails that go out: invitations in the shape that all clients read, and notices (interop 1.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from engine.mail import mime, words
from engine.mail.headers import lines, one_line
from engine.model import Attendee, Event, Kind, Override, Party, Span
from engine.refusals import Code, Refused

if TYPE_CHECKING:
    from jinja2 import Template

_METHOD = re.compile(rb"^METHOD:([A-Z]{1,20})\r?$", re.MULTILINE)
_SUBJECTS = {Kind.INVITE: "", Kind.UPDATE: "Event Updated: ", Kind.CANCELLATION: "Event Cancelled: "}
_UNTITLED = "Invitation"
_ANSWERS = ("Yes", "No", "Maybe")


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader("engine.mail"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(name)


def invitation(
    *,
    event: Event,
    kind: Kind,
    attendee: Attendee,
    calendar: bytes,
    sender: Party,
    reply_to: Party,
    receipt_address: str,
    message_id: str,
    date: datetime,
    unsubscribe: str,
    public_url: str,
    recurrence_id: date | datetime | None = None,
) -> bytes:
    """The mail that carries `calendar` to `attendee`: an invite, an update or a cancellation.

    `date` is aware; `message_id` may come without its brackets; `unsubscribe` is an address or a URI.
    The same input gives the same bytes. Raises Refused(INVALID_ADDRESS) for an address no mail can go to.
    """
    found = _METHOD.search(calendar)
    if found is None:
        raise Refused(
            Code.INVALID_CALENDAR, "The calendar has no METHOD.", "Compose it as REQUEST or CANCEL."
        )
    part = event if recurrence_id is None else _instance(event, recurrence_id)
    subject = mime.words(_SUBJECTS[kind] + (mime.shortened(part.summary, 200) or _UNTITLED), "Subject")
    to = Party(address=attendee.email, name=attendee.name)
    fields = _envelope(sender, to, reply_to, subject, message_id, date)
    fields += _unsubscribe(unsubscribe)
    context = _context(event, part, kind, receipt_address, reply_to, public_url)
    body = _body(context, calendar, found.group(1).decode("ascii"), kind, message_id)
    return mime.head(fields) + body


def _instance(event: Event, recurrence_id: date | datetime) -> Override:
    """The one instance that the mail speaks of, as its override has it or as the series does."""
    end = recurrence_id + (event.span.end - event.span.start)
    span = Span(start=recurrence_id, end=end, timezone=event.span.timezone)
    return event.override(recurrence_id) or Override(
        recurrence_id=recurrence_id,
        span=span,
        summary=event.summary,
        location=event.location,
        description=event.description,
        url=event.url,
    )


def _envelope(
    sender: Party, to: Party, reply_to: Party, subject: str, message_id: str, moment: datetime
) -> list[tuple[str, str]]:
    return [
        ("From", mime.mailbox(sender, "From")),
        ("To", mime.mailbox(to, "To")),
        ("Reply-To", mime.mailbox(reply_to, "Reply-To")),
        ("Subject", subject),
        ("Date", mime.date(moment)),
        ("Message-ID", mime.identifier(message_id)),
        ("MIME-Version", "1.0"),
    ]


def _unsubscribe(text: str) -> list[tuple[str, str]]:
    """List-Unsubscribe on one line, since folded ones broke signers; one-click where it is HTTPS (RFC 8058)."""
    if not text:
        return []
    value = mime.uri(text)
    fields = [("List-Unsubscribe", value)]
    if value.startswith("<https:"):
        fields.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    return fields


def _body(context: Mapping[str, object], calendar: bytes, method: str, kind: Kind, message_id: str) -> bytes:
    filename = "cancel.ics" if kind is Kind.CANCELLATION else "invite.ics"
    alternative = mime.multipart(
        "alternative",
        mime.boundary(message_id, "a"),
        [
            mime.text_part(_template("invitation.txt.j2").render(context), "plain"),
            mime.text_part(_template("invitation.html.j2").render(context), "html"),
            mime.binary_part(calendar, f"text/calendar; charset=utf-8; method={method}"),
        ],
    )
    attachment = mime.binary_part(calendar, f'application/ics; name="{filename}"', filename)
    return mime.multipart("mixed", mime.boundary(message_id, "m"), [alternative, attachment])


def _link(url: str) -> str:
    """`url` where it leads to the web, else nothing."""
    plain = "".join(url.split())
    return plain if re.match(r"https?://[^/]", plain, re.IGNORECASE) and len(plain) <= 2_000 else ""


def _answers(receipt_address: str, summary: str) -> list[dict[str, str]]:
    """Links that answer by mail, for clients that show no buttons."""
    to = quote(mime.address(receipt_address), safe="@+")
    title = mime.shortened(summary, 80)
    return [
        {"label": answer, "href": f"mailto:{to}?subject={quote(f'{answer}: {title}', safe='')}"}
        for answer in _ANSWERS
    ]


def _context(
    event: Event,
    part: Event | Override,
    kind: Kind,
    receipt_address: str,
    reply_to: Party,
    public_url: str,
) -> dict[str, object]:
    single = isinstance(part, Override)
    return {
        "kind": kind.value,
        "summary": one_line(part.summary) or _UNTITLED,
        "when": words.when(part.span),
        "zone": words.zone(part.span),
        "recurrence": "" if single else words.recurrence(event.recurrence, event.span),
        "location": lines(part.location),
        "description": lines(part.description),
        "url": _link(part.url),
        "organizer_name": one_line(event.organizer_name),
        "organizer": reply_to.address,
        "reason": lines(event.cancel_reason),
        "answers": [] if kind is Kind.CANCELLATION else _answers(receipt_address, part.summary),
        "public_url": _link(public_url) if public_url.startswith("https://") else "",
    }


def notice(
    *,
    sender: Party,
    to: str,
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
    in_reply_to: str = "",
    attachment: tuple[str, bytes] | None = None,
) -> bytes:
    """A plain-text mail to `to`, marked as automatic (RFC 3834); `attachment` is a CSV's name and bytes."""
    fields = [
        ("From", mime.mailbox(sender, "From")),
        ("To", mime.address(to)),
        ("Subject", mime.words(subject, "Subject")),
        ("Date", mime.date(date)),
        ("Message-ID", mime.identifier(message_id)),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
    ]
    if in_reply_to:
        quoted = mime.identifier(in_reply_to)
        fields += [("In-Reply-To", quoted), ("References", quoted)]
    body = mime.text_part(text if text.endswith("\n") else f"{text}\n", "plain")
    if attachment is None:
        return mime.head(fields) + body
    filename = re.sub(r"[^A-Za-z0-9._-]", "_", attachment[0])[:100] or "report.csv"
    csv = mime.binary_part(attachment[1], f'text/csv; charset=utf-8; name="{filename}"', filename)
    return mime.head(fields) + mime.multipart("mixed", mime.boundary(message_id, "m"), [body, csv])
