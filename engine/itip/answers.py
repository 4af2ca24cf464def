"""Reads an answer to an event that others have answered before: what all of them say is read once (RFC 5546, 3.2.3).

The calendars that one program sends back for one event differ in who answers, when and in which words, and in nothing
else that is read. So the lines that they share come to a value once, which is kept, and each answer adds its own
lines; the functions are those of the general reader. `tests/itip/test_answers.py` holds the two against each other.
"""

from __future__ import annotations

from functools import lru_cache

from engine.itip import read as general
from engine.itip.content_lines import Component, Property, decode, parse_line, unfolded
from engine.itip.message import ItipMessage
from engine.itip.repairs import Repairs
from engine.model.base import varied

SIZE_MAX = 8_192
"""Bytes of a calendar that is looked at so: what is kept of whoever writes to us is small."""
_KEPT = 256
"""Events with the programs that answer them; a stranger who fills these takes away time, not memory."""
_LINES_KEPT = 1_024
_LINE_MAX = 100
_UNREAD = frozenset({"CREATED", "LAST-MODIFIED"})
"""Properties that nothing reads; programs write into them when the answer was given."""
_OWN = general.OWN | _UNREAD
_ENDS = frozenset({"BEGIN", "END"})
_PLAINLY = frozenset({"BEGIN:VEVENT", "END:VEVENT"})
_OTHERWISE = frozenset({"VEVENT", "VCALENDAR"})
"""Where these begin or end in another spelling or place, the general reader decides what belongs to what."""
_ONCE = ("DTSTAMP", "ORGANIZER")
"""What the general reader notes where it stands there twice."""


def read(text: bytes, *, method_hint: str = "") -> ItipMessage:
    """As the general reader with `answers`, whose refusals are raised."""
    repairs = Repairs()
    lines = list(unfolded(decode(text, repairs=repairs)))
    apart = _apart(lines) if len(text) <= SIZE_MAX and not repairs.notes() else None
    if apart is None:
        return general.of_lines(lines, repairs, method_hint=method_hint, answers=True)
    own, shared = apart
    message = _shared(shared, method_hint)
    of_its_own = general.own_of(Component("VEVENT", own), general.allowed_people())
    return varied(message, events=(varied(message.events[0], **of_its_own),))


def _apart(lines: list[str]) -> tuple[list[Property], tuple[str, ...]] | None:
    """An answer's own properties, and the lines that it shares with others.

    None unless it is one calendar with one event, which holds no component and names each of `_ONCE` once at most.
    """
    if len(lines) < 2 or lines[0] != "BEGIN:VCALENDAR" or lines[-1] != "END:VCALENDAR":
        return None
    own: list[Property] = []
    shared: list[str] = []
    inside, events = False, 0
    for line in lines[1:-1]:
        prop = _known(line) if len(line) <= _LINE_MAX else parse_line(line)
        if prop is None:
            return None
        name = prop.name
        if name in _OWN:
            if not inside:
                return None
            own.append(prop)
            continue
        shared.append(line)
        if name in _ENDS:
            kind = line if line in _PLAINLY else prop.value.strip().upper()
            if inside != (kind == "END:VEVENT") or kind in _OTHERWISE:
                return None
            inside = kind == "BEGIN:VEVENT"
            events += inside
    names = [prop.name for prop in own]
    plain = events == 1 and not inside and all(names.count(name) <= 1 for name in _ONCE)
    return (own, tuple(shared)) if plain else None


_known = lru_cache(_LINES_KEPT)(parse_line)
"""Lines that came before; nobody changes a property."""


@lru_cache(_KEPT)
def _shared(lines: tuple[str, ...], method_hint: str) -> ItipMessage:
    whole = ("BEGIN:VCALENDAR", *lines, "END:VCALENDAR")
    return general.of_lines(whole, Repairs(), method_hint=method_hint, answers=True)
