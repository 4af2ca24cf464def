"""Reads replies to one event quickly: the lines that all of them share are parsed once (RFC 5546, 3.2.3).

The replies that one program sends to one event differ only in who answers, when, and with which comment. The value of
their shared lines is cached, and each reply adds its own lines, which the general reader's functions parse.
`tests/itip/test_answers.py` compares the two readers.
"""

from __future__ import annotations

from functools import lru_cache

from engine.itip import read as general
from engine.itip.content_lines import Component, Property, decode, parse_line, unfolded
from engine.itip.message import ItipMessage
from engine.itip.repairs import Repairs
from engine.model.base import varied

SIZE_MAX = 8_192
"""The largest calendar, in bytes, that is read this way, so that strangers can fill little memory."""
_KEPT = 256
"""The most pairs of event and answering program that are cached; a stranger who fills them costs time, not memory."""
_LINES_KEPT = 1_024
_LINE_MAX = 100
_UNREAD = frozenset({"CREATED", "LAST-MODIFIED"})
"""Properties that are not read; programs write the time of the answer into them."""
_OWN = general.OWN | _UNREAD
_ENDS = frozenset({"BEGIN", "END"})
_PLAINLY = frozenset({"BEGIN:VEVENT", "END:VEVENT"})
_OTHERWISE = frozenset({"VEVENT", "VCALENDAR"})
"""If these begin or end in an unusual spelling or place, the general reader decides which lines belong together."""
_ONCE = ("DTSTAMP", "ORGANIZER")
"""Properties whose repetition the general reader reports."""


def read(text: bytes, *, method_hint: str = "") -> ItipMessage:
    """The iTIP message in `text`, as the general reader gives it with `answers`; raises what that raises."""
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
    """The properties of this reply only, and the lines that it shares with others.

    None unless it is one calendar with one event that holds no component and at most one of each of `_ONCE`.
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
"""Cached lines; a property is never changed, so it can be shared."""


@lru_cache(_KEPT)
def _shared(lines: tuple[str, ...], method_hint: str) -> ItipMessage:
    whole = ("BEGIN:VCALENDAR", *lines, "END:VCALENDAR")
    return general.of_lines(whole, Repairs(), method_hint=method_hint, answers=True)
