"""One revision's calendar, composed once and filled in for each attendee: the same bytes as `write`, faster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from icalendar import Calendar

from engine.itip import personal, write
from engine.itip.content_lines import escape
from engine.itip.personal import FilledTexts, PersonalText
from engine.model.events import Event
from engine.model.messages import Method
from engine.model.people import Mailbox, Partstat, Party

_NOBODY = Party(address="")
_QUOTABLE = re.compile("[ ',:;’]")
_PLAIN = re.compile(r"[A-Za-z0-9._@+-]+(?: [A-Za-z0-9._@+-]+)*")
"""Most names and addresses: if one matches, nothing in it has to be cleaned."""
_FOLD = 74


@dataclass(frozen=True, slots=True)
class _Person:
    """The place of a person's line; `prefix` is the line up to the name."""

    prefix: str
    attendee: bool

    def line(self, attendee: Mailbox, organizer: Mailbox, _said: FilledTexts) -> bytes:
        """The line of the attendee, or of the organizer."""
        if self.attendee:
            return _person(self.prefix, attendee.address, attendee.name)
        return _person(self.prefix, organizer.address, organizer.name)


@dataclass(frozen=True, slots=True)
class _Text:
    """The place of a line with personal text."""

    name: str
    words: PersonalText

    def line(self, _attendee: Mailbox, _organizer: Mailbox, said: FilledTexts) -> bytes:
        """The line with one attendee's values; empty if no text is left, except of a SUMMARY."""
        text = said[self.words].lstrip(write.BOM)
        if text.strip():
            return folded(f"{self.name}:{escape(text)}")
        return folded(f"{self.name}:{write.UNTITLED}") if self.name == "SUMMARY" else b""


@dataclass(frozen=True, slots=True)
class PreparedCalendar:
    """A calendar message for many attendees: the bytes that all share, and the lines that differ.

    `places`: which line of `own` goes where in `pieces`; several instances may share one.
    """

    pieces: tuple[bytes, ...]
    places: tuple[tuple[int, int], ...]
    own: tuple[_Person | _Text, ...]

    def fill(self, attendee: Mailbox, organizer: Mailbox, values: Mapping[str, str] | FilledTexts) -> bytes:
        """The message for `attendee`; `organizer.address` is the receipt address, `values` has lower-case names.

        Equal to `write.request` or `write.cancel` of the event with the attendee's values filled in.
        Raises Refused: MISSING_FIELD, TOO_LARGE.
        """
        said = values if isinstance(values, FilledTexts) else FilledTexts(values)
        lines = [own.line(attendee, organizer, said) for own in self.own]
        filled = list(self.pieces)
        for place, line in self.places:
            filled[place] = lines[line]
        return b"".join(filled)


def prepare(
    event: Event,
    method: Method,
    *,
    recurrence_id: date | datetime | None = None,
    partstat: Partstat = Partstat.NEEDS_ACTION,
) -> PreparedCalendar:
    """The REQUEST or CANCEL of `event`, or of one instance of it, composed with the icalendar library.

    Raises Refused(INVALID_TEMPLATE) if a placeholder is not a plain name.
    """
    calendar = write.calendar(event, _NOBODY, _NOBODY, method, recurrence_id, partstat)
    pieces, places, own = [b""], list[tuple[int, int]](), dict[_Person | _Text, int]()
    for piece in _pieces(calendar, verbatim=event.verbatim):
        if isinstance(piece, bytes):
            pieces[-1] += piece
        else:
            places.append((len(pieces), own.setdefault(piece, len(own))))
            pieces += [b"", b""]
    return PreparedCalendar(tuple(pieces), tuple(places), tuple(own))


def _pieces(calendar: Calendar, *, verbatim: bool) -> Iterator[bytes | _Person | _Text]:
    """The lines of `calendar`; those that all attendees share are folded."""
    texts = {name.upper() for name in personal.TEXTS}
    for name, value in calendar.property_items(sorted=False):
        line = calendar.content_line(name, value, sorted=False)
        if name in {"ORGANIZER", "ATTENDEE"}:
            yield _Person(line.partition(";CN=")[0] + ";CN=", name == "ATTENDEE")
        elif name in texts and not verbatim and isinstance(value, str) and personal.personal(value):
            yield _Text(name, personal.words(str(value)))
        else:
            yield line.to_ical() + b"\r\n"


def _person(prefix: str, address: str, name: str) -> bytes:
    """The line of a person."""
    if _PLAIN.fullmatch(name) and _PLAIN.fullmatch(address) and " " not in address:
        return folded(
            f'{prefix}"{name}":mailto:{address}' if " " in name else f"{prefix}{name}:mailto:{address}"
        )
    address, name = write.shown(address), _shown(name)
    return folded(f"{prefix}{name or _shown(address)}:mailto:{address}")


def _shown(name: str) -> str:
    """A name quoted as the library quotes it (RFC 5545, 3.2; RFC 6868 for carets); empty if nothing is left to show."""
    name = write.shown(name).replace("^", "^^")
    return f'"{name}"' if _QUOTABLE.search(name) else name


def folded(line: str) -> bytes:
    """`line` with its CRLF, folded as the library folds it (RFC 5545, 3.1).

    Pieces have at most 74 octets and never end inside a character or after a backslash or caret.
    """
    data = line.encode("utf-8")
    if len(data) <= _FOLD:
        return data + b"\r\n"
    pieces, start, length = [], 0, len(data)
    while length - start > _FOLD:
        end = start + _FOLD
        while data[end] & 0xC0 == 0x80:
            end -= 1
        if data[end - 1] in b"\\^":
            end -= 1
        pieces.append(data[start:end])
        start = end
    pieces.append(data[start:])
    return b"\r\n ".join(pieces) + b"\r\n"
