"""One revision's calendar, composed once and filled in for each attendee: the bytes of `write`, only sooner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from icalendar import Calendar

from engine.itip import personal, write
from engine.itip.content_lines import escape
from engine.itip.personal import Words
from engine.model.events import Event
from engine.model.messages import Method
from engine.model.people import Partstat, Party

_NOBODY = Party(address="")
_QUOTABLE = re.compile("[ ',:;’]")
_FOLD = 74


@dataclass(frozen=True, slots=True)
class _Person:
    """Where a line for a person goes: `prefix` is all of it up to the name."""

    prefix: str
    attendee: bool


@dataclass(frozen=True, slots=True)
class _Text:
    """Where a line with personal words goes."""

    name: str
    words: Words

    def line(self, values: Mapping[str, str]) -> bytes:
        """The line in one attendee's words; none where nothing is left to say."""
        text = self.words.fill(values).lstrip(write.BOM)
        if text.strip():
            return folded(f"{self.name}:{escape(text)}")
        return folded(f"{self.name}:{write.UNTITLED}") if self.name == "SUMMARY" else b""


@dataclass(frozen=True, slots=True)
class PreparedCalendar:
    """A calendar message for many attendees: bytes that are the same for all, and the lines that are not."""

    pieces: tuple[bytes | _Person | _Text, ...]

    def fill(self, attendee: Party, organizer: Party, values: Mapping[str, str]) -> bytes:
        """The message for `attendee`; `organizer.address` is the receipt address, `values` by lower-case name.

        Equal to `write.request` or `write.cancel` of the event in the attendee's own words.
        Raises Refused: MISSING_FIELD, TOO_LARGE.
        """
        people: dict[bool, bytes] = {}
        filled = []
        for piece in self.pieces:
            if isinstance(piece, bytes):
                filled.append(piece)
            elif isinstance(piece, _Text):
                filled.append(piece.line(values))
            else:
                if piece.attendee not in people:
                    party = attendee if piece.attendee else organizer
                    people[piece.attendee] = _person(piece.prefix, party)
                filled.append(people[piece.attendee])
        return b"".join(filled)


def prepare(
    event: Event,
    method: Method,
    *,
    recurrence_id: date | datetime | None = None,
    partstat: Partstat = Partstat.NEEDS_ACTION,
) -> PreparedCalendar:
    """The REQUEST or CANCEL of `event`, or of one instance of it, composed with the library.

    Raises Refused(INVALID_TEMPLATE) where a placeholder is not a plain name.
    """
    calendar = write.calendar(event, _NOBODY, _NOBODY, method, recurrence_id, partstat)
    pieces: list[bytes | _Person | _Text] = []
    for piece in _pieces(calendar, verbatim=event.verbatim):
        if isinstance(piece, bytes) and pieces and isinstance(pieces[-1], bytes):
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return PreparedCalendar(tuple(pieces))


def _pieces(calendar: Calendar, *, verbatim: bool) -> Iterator[bytes | _Person | _Text]:
    """The lines of `calendar`, folded where they are the same for all."""
    texts = {name.upper() for name in personal.TEXTS}
    for name, value in calendar.property_items(sorted=False):
        line = calendar.content_line(name, value, sorted=False)
        if name in {"ORGANIZER", "ATTENDEE"}:
            yield _Person(line.partition(";CN=")[0] + ";CN=", name == "ATTENDEE")
        elif name in texts and not verbatim and isinstance(value, str) and personal.personal(value):
            yield _Text(name, personal.words(str(value)))
        else:
            yield line.to_ical() + b"\r\n"


def _person(prefix: str, party: Party) -> bytes:
    """The line of a person, quoted as the library does it (RFC 5545, 3.2; RFC 6868 for carets)."""
    address = write.shown(party.address)
    name = (write.shown(party.name) or address).replace("^", "^^")
    shown = f'"{name}"' if _QUOTABLE.search(name) else name
    return folded(f"{prefix}{shown}:mailto:{address}")


def folded(line: str) -> bytes:
    """`line` with its CRLF, folded as the library does it (RFC 5545, 3.1).

    Pieces have at most 74 octets, and end inside no character and after no backslash or caret.
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
