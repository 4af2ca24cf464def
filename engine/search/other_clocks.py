"""Time zones that a query names: “in Denver time”, “on a Tokyo clock”, “before 10 pm in London”."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.itip import zones
from engine.search.tokens import Token

_NAME_MAX = 3
"""The most words in the name of a place or zone."""
_CLOCKS = frozenset({"time", "clock", "timezone"})
_ABBREVIATED = 4
_SPOKEN = frozenset({"eastern", "central time", "mountain", "pacific"})
_LEADS = frozenset({"in", "on", "by", "a", "an", "the", "my", "our", "local"})


@dataclass(frozen=True, slots=True)
class SpokenClock:
    """A zone, and how many tokens named it."""

    zone: str
    length: int


def spoken_clock(
    tokens: Sequence[Token], i: int, names: Collection[str], *, after_hours: bool
) -> SpokenClock | None:
    """The zone named from token `i` on, or None; a place without “time” counts only after a time of day.

    `names`: phrases that events contain, so that “in Denver” is read as the place of an event.
    """
    words = [token.text if token.kind == "word" else "" for token in tokens[i : i + _NAME_MAX + 4]]
    lead = 0
    while lead < min(2, len(words)) and words[lead] in _LEADS:
        lead += 1
    for count in range(_NAME_MAX, 0, -1):
        name = " ".join(words[lead : lead + count])
        after = words[lead + count] if lead + count < len(words) else ""
        zone = _zone(name) if name and "" not in words[lead : lead + count] else None
        if zone is None:
            continue
        local = after == "local" and words[lead + count + 1 : lead + count + 2] == ["time"]
        if after in _CLOCKS or local:
            return SpokenClock(zone, lead + count + 1 + local)
        if after_hours and not lead and not after and _spoken(name):
            return SpokenClock(zone, count)
        if after_hours and lead and words[0] == "in" and f"in {name}" not in names and name not in names:
            return SpokenClock(zone, lead + count)
    return None


def names_clock(tokens: Sequence[Token], i: int) -> bool:
    """True if the next words but one or two are “time” or “clock”: “Chicago time”, “New York time”."""
    ahead = [token.text for token in tokens[i + 1 : i + 1 + _NAME_MAX]]
    return any(word in _CLOCKS for word in ahead)


def places_after_hours(tokens: Sequence[Token]) -> list[str]:
    """Places with a time zone that follow “in”; they are not read as zones if events mention them."""
    found = []
    for i, token in enumerate(tokens):
        for count in range(1, _NAME_MAX + 1) if token.text == "in" else ():
            name = " ".join(one.text for one in tokens[i + 1 : i + 1 + count])
            if _zone(name):
                found.append(name)
    return found


def _zone(name: str) -> str | None:
    zone = zones.resolve(name)
    if zone is None:
        near = zones.nearest(name) if _spoken(name) else []
        return near[0] if len(near) == 1 else None
    return zone if "/" in zone or zone == "UTC" else None


def _spoken(name: str) -> bool:
    """True for what people call a time zone: “ET”, “Pacific”."""
    return len(name) <= _ABBREVIATED or name in _SPOKEN
