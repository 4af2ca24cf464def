"""Compose the mails that go out: invitations in the shape that all clients read, and notices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from markupsafe import Markup

from engine.mail.locale.language import ENGLISH, Language, noop
from engine.mail.outgoing import branding, mime, words
from engine.mail.text import lines, one_line
from engine.model.branding import PLAIN, Branding
from engine.model.events import Event, Override
from engine.model.messages import Kind, Method
from engine.model.people import Mailbox, Party

if TYPE_CHECKING:
    from jinja2 import Template

TEXTS = ("summary", "location", "description")
"""What in a part of an event may be in each attendee's own words."""
_SUBJECTS = {
    # Exchange titles its entry by the Subject of a REQUEST, so that it is the summary alone.
    Kind.INVITE: "",
    Kind.UPDATE: "",
    Kind.CANCELLATION: noop("Event Cancelled: {title}"),
    Kind.REMINDER: "",
    Kind.WITHDRAWAL: noop("Invitation Withdrawn: {title}"),
    Kind.DECLINED_PROPOSAL: noop("Proposal Declined: {title}"),
}
_SAME: dict[str, object] = {
    "cancelled": False,
    "when": "",
    "summary": "",
    "location": None,
    "recurrence": None,
}
"""What an update replaces, if nothing."""
_RESERVED = {code: quote(chr(code), safe="") for code in range(128)}
_UNQUOTED = re.compile(r"[A-Za-z0-9_.~@+-]+")
_SPACES_ALONE = re.compile(r"[A-Za-z0-9_.~ -]*")
_UNTITLED = noop("Invitation")
_ANSWERS = (noop("Yes"), noop("No"), noop("Maybe"))


@dataclass(frozen=True, slots=True)
class RevisionMail:
    """The parts of an invitation, update or cancellation that are the same for all attendees.

    `part` is what it speaks of: the event, or one instance of it. `reader_zone`: the zone of those who read it, where
    it is known. `language`: theirs.
    """

    event: Event
    part: Event | Override
    kind: Kind
    sender: Party
    reply_to: Party
    public_url: str
    note: str = ""
    reader_zone: str = ""
    language: Language = ENGLISH
    brand: Branding = PLAIN


class Personalisation(NamedTuple):
    """The parts of a mail that are one attendee's own.

    `date` is aware; `message_id` may come without its brackets; `unsubscribe` is an address or a URI,
    `unsubscribe_url` a second way by HTTPS, where there is one.
    """

    attendee: Mailbox
    calendar: bytes
    receipt_address: str
    message_id: str
    date: datetime
    unsubscribe: str
    unsubscribe_url: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The parts of a mail, encoded for transfer."""

    plain: bytes
    html: bytes
    calendar: bytes


@cache
def _template(name: str) -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    from engine.mail.outgoing.template_cache import template_cache

    environment = Environment(
        loader=PackageLoader("engine.mail.outgoing"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=template_cache(Path(__file__).parent),
    )
    return environment.get_template(name)


def invitation(revision: RevisionMail, person: Personalisation) -> bytes:
    """The mail that carries a calendar to an attendee, with the words of `revision.part` as they are.

    The same input gives the same bytes. Raises Refused(INVALID_ADDRESS) for an address no mail can go to.
    """
    texts = {name: getattr(revision.part, name) for name in TEXTS}
    plain, html = rendered(revision, shown(texts, person.receipt_address, revision.language))
    encoded = Encoded(
        mime.quoted_printable(plain), mime.quoted_printable(html), mime.base64_lines(person.calendar)
    )
    return assembled(revision, own_fields(person), subject(revision, texts["summary"]), encoded)


def shown(texts: Mapping[str, str], receipt_address: str, language: Language = ENGLISH) -> dict[str, str]:
    """What the words of a mail are made of, ready to stand in plain text: those of `texts`, and the parts of links."""
    found = {name: lines(text) for name, text in texts.items() if name != "summary"}
    found["to"] = answer_to(receipt_address)
    if "summary" in texts:
        summary = one_line(texts["summary"])
        found["summary"] = summary or language.say(_UNTITLED)
        found["title"] = _percent_encoded(mime.cut(summary, 80))
    return found


def _percent_encoded(text: str) -> str:
    """`text` as one component of a URI (RFC 3986, 2.1)."""
    if _SPACES_ALONE.fullmatch(text):
        return text.replace(" ", "%20")
    return text.translate(_RESERVED) if text.isascii() else quote(text, safe="")


def answer_to(receipt_address: str) -> str:
    """The receipt address as it stands in a mailto: link (RFC 6068)."""
    bare = mime.address(receipt_address)
    return bare if _UNQUOTED.fullmatch(bare) else quote(bare, safe="@+")


def rendered(revision: RevisionMail, values: Mapping[str, str]) -> tuple[str, str]:
    """The words of the mail as plain text and as HTML, `values` being what `shown` makes."""
    context = {**_context(revision), **values, "answers": _answers(revision, values["to"], values["title"])}
    plain = _template("invitation.txt.j2").render(context)
    html = _template("invitation.html.j2").render(context)
    who = one_line(revision.event.organizer_name) or one_line(revision.reply_to.address)
    tag = revision.language.tag
    return branding.branded(revision.brand, revision.kind, who, revision.public_url, plain, html, tag)


def subject(revision: RevisionMail, summary: str) -> str:
    """The Subject, encoded."""
    say, pattern = revision.language.say, _SUBJECTS[revision.kind]
    title = mime.shortened(summary, 200) or say(_UNTITLED)
    return mime.words(say(pattern, title=title), "Subject") if pattern else mime.encoded(title, "Subject")


def own_fields(person: Personalisation) -> dict[str, str]:
    """The header fields that are the attendee's own, encoded.

    List-Unsubscribe stays on one line, since folded ones broke signers; one-click where it is HTTPS (RFC 8058).
    """
    ways = [mime.uri(way) for way in (person.unsubscribe_url, person.unsubscribe) if way]
    one_click = "List-Unsubscribe=One-Click" if ways[0].startswith("<https:") else ""
    return {
        "To": mime.mailbox(person.attendee, "To"),
        "Date": mime.date(person.date),
        "Message-ID": mime.identifier(person.message_id),
        "List-Unsubscribe": ", ".join(ways),
        "List-Unsubscribe-Post": one_click,
    }


def assembled(revision: RevisionMail, own: Mapping[str, str], subject: str, encoded: Encoded) -> bytes:
    """The whole mail in its MIME shape; a field without a value is left out."""
    fields = {
        "From": mime.mailbox(revision.sender, "From"),
        "To": own["To"],
        "Reply-To": mime.mailbox(revision.reply_to, "Reply-To"),
        "Subject": subject,
        "Date": own["Date"],
        "Message-ID": own["Message-ID"],
        "MIME-Version": "1.0",
        "List-Unsubscribe": own["List-Unsubscribe"],
        "List-Unsubscribe-Post": own["List-Unsubscribe-Post"],
    }
    method = revision.kind.method
    filename = "cancel.ics" if method is Method.CANCEL else "invite.ics"
    seed = f"{revision.event.uid} {revision.event.sequence} {revision.event.dtstamp.timestamp()}"
    alternative = mime.multipart(
        "alternative",
        mime.boundary(seed, "a"),
        [
            mime.text_part(encoded.plain, "plain"),
            mime.text_part(encoded.html, "html"),
            mime.binary_part(encoded.calendar, f"text/calendar; charset=utf-8; method={method}"),
        ],
    )
    attachment = mime.binary_part(encoded.calendar, f'application/ics; name="{filename}"', filename)
    content = mime.multipart("mixed", mime.boundary(seed, "m"), [alternative, attachment])
    return mime.mail([(name, value) for name, value in fields.items() if value], content)


def _link(url: str) -> str:
    """`url` where it leads to the web, else nothing."""
    plain = "".join(url.split())
    web = re.match(r"https?://[^/]", plain, re.IGNORECASE) and len(plain) <= 2_000
    return plain if web and plain.isprintable() else ""


def _answers(revision: RevisionMail, to: str, title: str) -> list[dict[str, str]]:
    """Links that answer by mail, for clients that show no buttons; `to` and `title` are quoted already."""
    if revision.kind.method is Method.CANCEL or not revision.event.rsvp:
        return []
    answers = [revision.language.say(answer) for answer in _ANSWERS]
    return [
        {"label": answer, "href": f"mailto:{to}?subject={quote(f'{answer}: ', safe='')}{title}"}
        for answer in answers
    ]


def _context(revision: RevisionMail) -> dict[str, object]:
    event, part, language = revision.event, revision.part, revision.language
    single = isinstance(part, Override)
    return {
        "_": language.say,
        "lang": language.tag,
        "rtl": language.rtl,
        "direction": Markup(' dir="rtl"') if language.rtl else "",
        "kind": revision.kind.value,
        "was": _SAME | (_before(revision) if revision.kind is Kind.UPDATE else {}),
        "when": words.when(part.span, language),
        "zone": words.zone(part.span),
        "for_reader": words.elsewhere(part.span, revision.reader_zone, language),
        "recurrence": "" if single else words.recurrence(event.recurrence, event.span, language),
        "url": _link(part.url),
        "organizer_name": one_line(event.organizer_name),
        "organizer": one_line(revision.reply_to.address),
        "note": _note(revision),
        "asks": revision.event.rsvp,
        "public_url": _link(branding.link(revision.brand, revision.public_url))
        if revision.public_url.startswith("https://")
        else "",
    }


def _before(revision: RevisionMail) -> dict[str, object]:
    """What an update replaces, by the rows of the mail; a text that is in each attendee's own words is left out."""
    event, part = revision.event, revision.part
    recurrence_id = part.recurrence_id if isinstance(part, Override) else None
    earlier = next((e for e in event.earlier if e.recurrence_id == recurrence_id), None)
    if earlier is None:
        return {}
    was: dict[str, object] = {"cancelled": earlier.cancelled}
    if earlier.span != part.span:
        zone = words.zone(earlier.span)
        was["when"] = words.when(earlier.span, revision.language) + (f" ({zone})" if zone else "")
    for name in ("summary", "location"):
        old = one_line(getattr(earlier, name))
        if old != one_line(getattr(part, name)) and (event.verbatim or "{{" not in old):
            was[name] = old
    if recurrence_id is None and earlier.recurrence != event.recurrence:
        was["recurrence"] = words.recurrence(earlier.recurrence, earlier.span, revision.language)
    return was


def _note(revision: RevisionMail) -> str:
    """The personal line above the text; a cancellation's is kept with its event."""
    if revision.kind is Kind.CANCELLATION and not revision.note:
        return lines(revision.event.cancel_reason)
    return one_line(revision.note)


def notice(
    *,
    sender: Party,
    to: str,
    subject: str,
    text: str,
    message_id: str,
    date: datetime,
    in_reply_to: str = "",
    reply_to: str = "",
    attachment: tuple[str, bytes] | None = None,
    html: str = "",
) -> bytes:
    """A mail of text to `to`, marked as automatic (RFC 3834); `attachment` is a CSV's name and bytes."""
    fields = [
        ("From", mime.mailbox(sender, "From")),
        ("To", mime.address(to)),
        ("Subject", mime.words(subject, "Subject")),
        ("Date", mime.date(date)),
        ("Message-ID", mime.identifier(message_id)),
        ("Auto-Submitted", "auto-replied"),
        ("MIME-Version", "1.0"),
    ]
    if reply_to:
        fields.append(("Reply-To", mime.address(reply_to)))
    if in_reply_to:
        quoted = mime.identifier(in_reply_to)
        fields += [("In-Reply-To", quoted), ("References", quoted)]
    body = mime.text_part(mime.quoted_printable(text if text.endswith("\n") else f"{text}\n"), "plain")
    if html:
        looks = mime.text_part(mime.quoted_printable(html), "html")
        body = mime.multipart("alternative", mime.boundary(message_id, "a"), [body, looks])
    if attachment is None:
        return mime.mail(fields, body)
    filename = re.sub(r"[^A-Za-z0-9._-]", "_", attachment[0])[:100] or "report.csv"
    content_type = f'text/csv; charset=utf-8; name="{filename}"'
    csv = mime.binary_part(mime.base64_lines(attachment[1]), content_type, filename)
    return mime.mail(fields, mime.multipart("mixed", mime.boundary(message_id, "m"), [body, csv]))
