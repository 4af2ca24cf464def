"""Read a raw mail: who sent it, its calendars, lists, words, and whether it is a report (RFC 5322, 2045)."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser

from engine.mail.headers import addresses, in_words, mailboxes, raw, sender
from engine.mail.incoming import CalendarPart, IncomingMail, ListPart
from engine.mail.reports import identifier, report
from engine.refusals import Code, Refused

_MAX_BYTES = 30_000_000
_MAX_LINES = 500_000
_MAX_PARTS = 200
_MAX_DEPTH = 20
_MAX_CALENDARS = 20
_MAX_LISTS = 20
_MAX_TEXT = 20_000
_MAX_HEADER = 20_000
_CONTENT_HEADER = re.compile(
    rb"^content-[a-z-]{1,40}:.*(?:(?:\r\n|\r|\n)[ \t].*)*", re.IGNORECASE | re.MULTILINE
)
_CALENDAR = re.compile(rb"BEGIN:VCALENDAR.*END:VCALENDAR", re.IGNORECASE | re.DOTALL)
_TAGS = re.compile(r"<[^<>]*>")
_ROBOTS = re.compile(r"(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply)(?:[+_.-].*)?", re.IGNORECASE)


def read(mail: bytes) -> IncomingMail:
    """What `mail` holds.

    Raises Refused(NO_SENDER) where it is not from exactly one address, Refused(UNREADABLE_MAIL) where it has
    more than 200 parts, nests deeper than 20, or cannot be taken apart.
    """
    _check_raw(mail)
    try:
        return _read(BytesParser().parsebytes(mail), mail)
    except (
        MessageError,
        RecursionError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        AssertionError,
    ) as error:  # fmt: skip -- whatever the parser trips over, the mail is to blame
        raise _unreadable("The mail is malformed.") from error


def _unreadable(why: str) -> Refused:
    return Refused(Code.UNREADABLE_MAIL, why, "Send a plain mail with the calendar or the list attached.")


def _check_raw(mail: bytes) -> None:
    """Refuse what would keep the parser busy: its time grows with lines times open boundaries."""
    lines = max(mail.count(b"\n"), mail.count(b"\r"))
    boundaries = len(re.findall(rb"boundary[*\d]{0,8}\s{0,8}=", mail, re.IGNORECASE))
    if len(mail) > _MAX_BYTES or lines > _MAX_LINES or lines * min(boundaries, 100) > 20_000_000:
        raise _unreadable("The mail is too large or too deeply nested.")
    if any(match.end() - match.start() > _MAX_HEADER for match in _CONTENT_HEADER.finditer(mail)):
        raise _unreadable("The mail has a header that is too long.")


def _read(mail: Message, whole: bytes) -> IncomingMail:
    name, address = sender(mail)
    parts = list(_walk(mail))
    about = report(mail)
    is_report = about is not None or mail.get_content_type() == "multipart/report"
    boxes = mailboxes(raw(mail, "Sender"))
    return IncomingMail(
        from_address=address,
        from_name=name[:200],
        sender_address=boxes[0][1] if boxes else "",
        recipients=addresses(mail, "Delivered-To", "X-Original-To", "Envelope-To", "To", "Cc"),
        subject=in_words(raw(mail, "Subject"))[:1_000],
        message_id=identifier(raw(mail, "Message-ID")),
        in_reply_to=identifier(raw(mail, "In-Reply-To")),
        automatic=_automatic(mail, address),
        authentication_results=raw(mail, "Authentication-Results"),
        calendars=() if is_report else _calendars(parts, whole),
        lists=() if is_report else _lists(parts),
        text=_text(parts),
        has_tnef=any(_is_tnef(part) for part, _ in parts),
        report=about,
    )


def _walk(mail: Message) -> Iterator[tuple[Message, bool]]:
    """Each leaf part, and whether it lies inside an attached mail."""
    waiting: list[tuple[Message, int, bool]] = [(mail, 0, False)]
    count = 0
    while waiting:
        part, depth, attached = waiting.pop()
        count += 1
        if count > _MAX_PARTS or depth > _MAX_DEPTH:
            raise _unreadable("The mail has too many parts.")
        payload = part.get_payload()
        if isinstance(payload, list):
            attached = attached or part.get_content_type() == "message/rfc822"
            waiting += [
                (child, depth + 1, attached) for child in reversed(payload) if isinstance(child, Message)
            ]
        else:
            yield part, attached


def _automatic(mail: Message, address: str) -> bool:
    """True where a machine sent it: the marks of RFC 3834 and their common kin."""
    submitted = raw(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    return (
        submitted not in {"", "no"}
        or raw(mail, "Precedence").strip().lower() in {"bulk", "junk", "list", "auto_reply"}
        or any(
            mail.get(name) for name in ("X-Auto-Response-Suppress", "List-Id", "X-Autoreply", "X-Autorespond")
        )
        or raw(mail, "Return-Path").replace(" ", "") == "<>"
        or _ROBOTS.fullmatch(address.partition("@")[0]) is not None
    )


# parts


def _filename(part: Message) -> str:
    return in_words(part.get_filename() or "").lower()[:200]


def _content(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _decoded(data: bytes, charset: str | None) -> str:
    """`data` as text: by its mark, as UTF-8, by its charset, else as Windows-1252."""
    encodings = ["utf-8-sig", charset or "", "cp1252"]
    if charset and re.match(r"(?i)(utf-?(16|32|7)|iso-2022|hz)", charset):
        encodings.insert(0, charset)
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        encodings.insert(0, "utf-16")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def _charset(part: Message) -> str | None:
    value = part.get_content_charset()
    return value[:40] if value and value.isascii() else None


def _is_tnef(part: Message) -> bool:
    return part.get_content_type() in {"application/ms-tnef", "application/vnd.ms-tnef"} or (
        _filename(part) == "winmail.dat"
    )


def _rank(part: Message) -> int | None:
    """How likely the part is the calendar, 0 first; None where it is none."""
    kind = part.get_content_type()
    if kind == "text/calendar":
        return 0
    if kind in {"application/ics", "text/x-vcalendar"} or _filename(part).endswith((".ics", ".ical", ".ifb")):
        return 1
    return None


def _calendars(parts: list[tuple[Message, bool]], whole: bytes) -> tuple[CalendarPart, ...]:
    """The calendars, best first and each once; those of attached mails only where there are no others."""
    for attached in (False, True):
        ranked = [(rank, p) for p, a in parts if a is attached and (rank := _rank(p)) is not None]
        ranked.sort(key=lambda pair: pair[0])
        found = _distinct([_calendar(part) for _, part in ranked])
        if found:
            return found
    return _scanned(parts, whole)


def _calendar(part: Message) -> CalendarPart:
    content = _content(part)
    if content[:2] not in {b"\xff\xfe", b"\xfe\xff"}:
        content = _decoded(content, _charset(part)).encode("utf-8", "replace")
    method = part.get_param("method", "")
    hint = method.strip().upper()[:40] if isinstance(method, str) else ""
    return CalendarPart(content=content, method_hint=hint)


def _distinct(calendars: list[CalendarPart]) -> tuple[CalendarPart, ...]:
    found: dict[bytes, CalendarPart] = {}
    for calendar in calendars:
        key = b"\n".join(calendar.content.split())
        if key:
            found.setdefault(key, calendar)
    return tuple(found.values())[:_MAX_CALENDARS]


def _scanned(parts: list[tuple[Message, bool]], whole: bytes) -> tuple[CalendarPart, ...]:
    """A calendar that stands in the text of a mail, or in the headers of a part."""
    texts = [_content(part) for part, _ in parts if part.get_content_maintype() == "text"]
    for text in [*texts, whole]:
        match = _CALENDAR.search(text) if b"VCALENDAR" in text.upper() else None
        if match:
            return (CalendarPart(content=match.group(0)),)
    return ()


def _is_list(part: Message) -> bool:
    name = _filename(part)
    if part.get_content_type() in {"text/csv", "application/csv", "text/comma-separated-values"}:
        return True
    return name.endswith((".csv", ".txt")) and part.get_content_maintype() in {"text", "application"}


def _lists(parts: list[tuple[Message, bool]]) -> tuple[ListPart, ...]:
    wanted = [part for part, attached in parts if not attached and _is_list(part)][:_MAX_LISTS]
    return tuple(
        ListPart(filename=_filename(part) or "list.csv", text=_decoded(_content(part), _charset(part)))
        for part in wanted
    )


def _text(parts: list[tuple[Message, bool]]) -> str:
    """The plain body; without one, the words of the HTML body. At most 20,000 characters."""
    bodies = [p for p, attached in parts if not attached and p.get_content_disposition() != "attachment"]
    for part in bodies:
        if part.get_content_type() == "text/plain":
            text = _decoded(_content(part)[: 4 * _MAX_TEXT], _charset(part))
            if text.strip():
                return text.replace("\r\n", "\n")[:_MAX_TEXT]
    for part in bodies:
        if part.get_content_type() == "text/html":
            markup = _decoded(_content(part)[: 10 * _MAX_TEXT], _charset(part))
            words = html.unescape(_TAGS.sub(" ", _without(_without(markup, "style"), "script")))
            return "\n".join(line.strip() for line in words.splitlines() if line.strip())[:_MAX_TEXT]
    return ""


def _without(markup: str, element: str) -> str:
    """`markup` without the elements of one kind; one that is never closed swallows the rest."""
    lower, kept, index = markup.lower(), [], 0
    while (start := lower.find(f"<{element}", index)) >= 0:
        kept.append(markup[index:start])
        end = lower.find(f"</{element}", start)
        index = end if end >= 0 else len(markup)
    return "".join([*kept, markup[index:]])
