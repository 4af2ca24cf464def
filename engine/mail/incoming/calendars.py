"""Finds the calendars in a mail, wherever they are, the likeliest first (promise 1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from engine.mail.charsets import known
from engine.mail.incoming.content import CalendarPart
from engine.mail.incoming.leaves import Leaf, decoded, is_utf16

MAX_CALENDARS = 25
_NAMES = (".ics", ".ical", ".ifb", ".vcs", ".icalendar")
_TYPES = {"application/ics", "text/x-vcalendar", "application/calendar", "text/ics"}
_BEGIN, _END = (re.compile(rb"%b:VCALENDAR" % word, re.IGNORECASE) for word in (b"BEGIN", b"END"))
_EVENT = re.compile(rb"BEGIN:VEVENT", re.IGNORECASE)
_UTF8 = {"utf-8", "ascii"}
_SEARCHED = {"application/octet-stream", "application/x-unknown", "unknown/unknown"}


def found(leaves: list[Leaf]) -> tuple[CalendarPart, ...]:
    """The calendars, each once.

    First come those that hold an event, those of the mail itself before those of mails attached to it, what
    is meant for calendar programs (text/calendar, within the alternatives above all) before what is an
    attachment by its type or name.
    """
    ranked = [(rank, leaf) for leaf in leaves if (rank := _rank(leaf)) is not None]
    calendars = [(leaf.attached, rank, _calendar(leaf)) for rank, leaf in ranked]
    calendars.sort(key=lambda each: (_EVENT.search(each[2].content) is None, *each[:2]))
    return distinct(calendar for *_, calendar in calendars)


def _rank(leaf: Leaf) -> int | None:
    """How likely the part is the calendar, 0 first; None if it is none."""
    if leaf.kind == "text/calendar":
        return 0 if leaf.alternative else 1
    return 2 if leaf.kind in _TYPES or leaf.name.endswith(_NAMES) else None


def _calendar(leaf: Leaf) -> CalendarPart:
    content, charset = leaf.content, leaf.parameter("charset")
    # What is or should be UTF-8 is left to the reader of calendars, who says what was wrong with it.
    if charset and known(charset) not in _UTF8 and not is_utf16(content):
        content = decoded(content, charset).encode("utf-8", "replace")
    method = leaf.parameter("method").strip().upper()
    return CalendarPart(content=content, method_hint=method, quoted=leaf.attached)


def distinct(calendars: Iterable[CalendarPart]) -> tuple[CalendarPart, ...]:
    """The non-empty calendars without repetitions, ignoring line breaks; at most 25."""
    filled = [each for each in calendars if each.content and not each.content.isspace()]
    if len(filled) < 2:
        return tuple(filled)
    kept: dict[bytes, CalendarPart] = {}
    for calendar in filled:
        kept.setdefault(_digest(calendar.content), calendar)
    return tuple(kept.values())[:MAX_CALENDARS]


def _digest(content: bytes) -> bytes:
    """The same for the same lines, however they end."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").strip()).digest()


def searched(leaves: list[Leaf], whole: bytes) -> tuple[CalendarPart, ...]:
    """A calendar that stands in the words of a mail, in a part of no known type, or in the headers of one."""
    wanted = [leaf for leaf in leaves if leaf.main == "text" or leaf.kind in _SEARCHED]
    wanted.sort(key=lambda leaf: leaf.attached)
    for content in (*(leaf.content for leaf in wanted), whole):
        begin = _BEGIN.search(content)
        end = _last_end(content, begin.end()) if begin else 0
        if begin and end:
            return (CalendarPart(content=content[begin.start() : end], quoted=True),)
    return ()


def _last_end(content: bytes, start: int) -> int:
    """Where the last calendar that ends after `start` does; 0 if none."""
    end = 0
    for match in _END.finditer(content, start):
        end = match.end()
    return end
