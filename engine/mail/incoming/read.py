"""Read a raw mail: who sent it, its calendars, lists, words, and whether it is a report (RFC 5322, 2045)."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.errors import MessageError
from email.message import Message
from typing import TypeVar

from engine.mail.incoming import (
    body,
    bounds,
    calendars,
    fields,
    framing,
    lists,
    plain_bounces,
    sesnotice,
    winmail,
)
from engine.mail.incoming.content import DeliveryReport, IncomingMail, ListPart, UnreadablePart
from engine.mail.incoming.headers import addresses, in_words, mailboxes, plainly, raw, sender, whole
from engine.mail.incoming.leaves import Leaf
from engine.mail.incoming.parsing import parse, parse_whole
from engine.mail.incoming.parts import parts
from engine.mail.incoming.reports import identifier, report
from engine.model.base import varied
from engine.refusals import Refused

T = TypeVar("T")
SMALL = 65_536
"""Bytes of a mail whose parts are told apart together with its head."""
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_OF_CALENDARS = (b"text/calendar", b"application/ics", b"begin:vcalendar", b".ics", b"ms-tnef")
_NOTICES = {"text/plain", "application/json"}
_ROBOTS = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply)(?:[+_.-].*)?", re.IGNORECASE)

_MACHINES = ("X-Auto-Response-Suppress", "List-Id", "X-Autoreply", "X-Autorespond")
_MARKS = frozenset({"auto-submitted", "precedence", "return-path", *(name.lower() for name in _MACHINES)})
_ABSENT = re.compile(
    r"(?:(?:re|aw|sv|antw):\s*)?(?:auto(?:mat(?:ic|ed))?[ -]?(?:reply|response)|out of (?:the )?office|away from "
    r"(?:the |my )?(?:office|desk)|on vacation\b|abwesenheit|abwesend|automatische antwort|réponse automatique"
    r"|absence du bureau|respuesta automática|risposta automatica|automatisch antwoord|autosvar|resposta automática)",
    re.IGNORECASE,
)
"""How the Subject of absence notes begins, which is the only mark that some of them bear."""


class Opened:
    """A mail whose head is read, and whose content can be."""

    def __init__(self, raw: bytes) -> None:
        """Raises Refused(NO_SENDER) if it is not from exactly one address, Refused(UNREADABLE_MAIL)."""
        self.raw = raw
        self._whole = len(raw) <= SMALL and _lines_with_dashes(raw) <= bounds.MAX_PARTS
        self._tree = _safely(lambda: parse_whole(raw if self._whole else _head_of(raw)))
        self.head: IncomingMail = _safely(lambda: _head(self._tree, raw))
        """What the head says: who sent it, to whom, about what; nothing of the content."""

    def read(self) -> IncomingMail:
        """What the mail holds.

        Raises Refused(UNREADABLE_MAIL) if it has more than 200 parts, nests deeper than 20, or cannot be taken
        apart.
        """
        return _safely(self._read)

    def _read(self) -> IncomingMail:
        tree = self._tree if self._whole else parse(self.raw)
        return varied(self.head, **_content(tree, self.raw, self.head.from_address))


def _lines_with_dashes(mail: bytes) -> int:
    """No fewer than it has boundaries; to the parser a carriage return alone ends a line as well."""
    return mail.count(b"\n--") + mail.count(b"\r--")


def _head_of(mail: bytes) -> bytes:
    end = _HEAD_END.search(mail, 0, bounds.MAX_HEAD)
    return mail[: end.end() if end else bounds.MAX_HEAD + 1]


def read(mail: bytes) -> IncomingMail:
    """What `mail` holds. Raises Refused as `Opened` and its `read` do."""
    return Opened(mail).read()


def _safely(reading: Callable[[], T]) -> T:
    try:
        return reading()
    except (
        MessageError,
        RecursionError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
    ) as error:  # fmt: skip -- whatever the parser trips over, the mail is to blame
        raise bounds.unreadable("The mail is malformed.") from error


def _head(mail: Message, content: bytes) -> IncomingMail:
    if len(mail) > bounds.MAX_HEADERS:
        raise bounds.unreadable("The mail has too many headers.")
    name, address = sender(mail)
    boxes = mailboxes(whole(mail, "Sender")) if len(mail.get_all("Sender", [])) == 1 else []
    to, cc = addresses(mail, "To"), addresses(mail, "Cc")
    delivered = addresses(mail, "Delivered-To", "X-Original-To", "Envelope-To")
    subject = in_words(raw(mail, "Subject"))
    return IncomingMail(
        from_address=address,
        from_name=name[:200],
        sender_address=boxes[0][1] if boxes else "",
        recipients=tuple(dict.fromkeys((*delivered, *to, *cc))),
        to=to,
        cc=cc,
        ambiguous=not (_read_alike(mail, content) and plainly(raw(mail, "From"), address)),
        deciding=framing.deciding(mail),
        subject=subject[:1_000],
        message_id=identifier(whole(mail, "Message-ID")),
        in_reply_to=identifier(whole(mail, "In-Reply-To")),
        automatic=_automatic(mail, address, subject),
        authentication_results=whole(mail, "Authentication-Results"),
        mentions_calendar=_mentions_calendar(content),
    )


def _content(mail: Message, content: bytes, address: str) -> dict[str, object]:
    """What the mail carries; of a report, nothing but what it reports."""
    found = parts(mail)
    text = body.text(found.leaves)
    framed = framing.framed(mail, content)
    about = report(mail) or plain_bounces.bounce(mail, text) or _notice(found.leaves)
    if about is not None or mail.get_content_type() == "multipart/report":
        return {"text": text, "report": about, "framed": framed}
    packed = winmail.unpacked(found.leaves, address)
    leaves = [*found.leaves, *packed.leaves]
    own = calendars.found(leaves)
    attached, too_large = _lists(leaves)
    obstacle = found.obstacle or packed.obstacle or too_large
    return {
        "text": text,
        "framed": framed,
        "calendars": (calendars.distinct([*own, *packed.calendars]) if packed.calendars else own)
        or calendars.searched(leaves, content),
        "lists": attached,
        "has_tnef": packed.seen,
        "obstacle": UnreadablePart(code=obstacle.code.value, detail=str(obstacle)) if obstacle else None,
    }


def _mentions_calendar(content: bytes) -> bool:
    first = content[: bounds.MAX_HEAD].lower()
    return any(word in first for word in _OF_CALENDARS)


def _lists(leaves: list[Leaf]) -> tuple[tuple[ListPart, ...], Refused | None]:
    """The attached lists, or why none of them is read."""
    try:
        return lists.found(leaves), None
    except Refused as refused:
        return (), refused


def _read_alike(mail: Message, content: bytes) -> bool:
    """True if the parser found the head's fields as everyone does."""
    found = fields.read(content)
    ours = [
        (name.encode().lower(), b"".join(str(value).encode("ascii", "surrogateescape").split()))
        for name, value in mail.raw_items()
    ]
    return found is not None and fields.same(found, ours)


def _notice(leaves: list[Leaf]) -> DeliveryReport | None:
    """A notification of a mail service, which is the first words of the mail."""
    first = next((leaf for leaf in leaves if leaf.kind in _NOTICES), None)
    return sesnotice.notice(first.text) if first else None


def _automatic(mail: Message, address: str, subject: str) -> bool:
    """True if a machine sent it: the marks of RFC 3834 and their common kin."""
    return (
        _marked(mail)
        or _ROBOTS.fullmatch(address.partition("@")[0]) is not None
        or _ABSENT.match(subject) is not None
    )


def _marked(mail: Message) -> bool:
    """True if a header field says that a machine sent it."""
    if _MARKS.isdisjoint({name.lower() for name in mail.keys()}):  # noqa: SIM118 -- a message is no dictionary
        return False
    submitted = raw(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in {"", "no"}
        or raw(mail, "Precedence").strip().lower() in {"bulk", "junk", "list", "auto_reply"}
        or any(mail.get(name) for name in _MACHINES)
        or raw(mail, "Return-Path").replace(" ", "") == "<>"
    )
