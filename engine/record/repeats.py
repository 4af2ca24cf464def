"""Repeated refusals: the first is recorded at once, and all others of its minute as one more row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model.actors import Actor

_MINUTE = timedelta(minutes=1)
_KINDS_MAX = 1_000
"""The most kinds of refusals counted at a time; the oldest are recorded to make room."""

Facts = Mapping[str, object]


@dataclass(slots=True)
class _Counted:
    facts: Facts
    until: datetime
    times: int = 0


class Repeats:
    """Counts refusals whose facts are equal except for their time."""

    def __init__(self) -> None:
        self._counted: dict[tuple[object, ...], _Counted] = {}
        self._full: list[_Counted] = []

    def first(self, facts: Facts, now: datetime) -> bool:
        """True for the first refusal of its kind within a minute; a repeated one is counted."""
        kind = tuple((name, fact) for name, fact in facts.items() if name != "at")
        known = self._counted.get(kind)
        if known and now < known.until:
            known.times += 1
            return False
        if known:
            self._full.append(self._counted.pop(kind))
        elif len(self._counted) >= _KINDS_MAX:
            self._full.append(self._counted.pop(next(iter(self._counted))))
        self._counted[kind] = _Counted(facts, now + _MINUTE)
        return True

    def over(self, now: datetime | None) -> list[tuple[Facts, int]]:
        """The counted refusals whose minute is over, each returned once; all of them if `now` is None."""
        ended = [kind for kind, c in self._counted.items() if now is None or now >= c.until]
        found = [*self._full, *(self._counted.pop(kind) for kind in ended)]
        self._full = []
        return [(c.facts, c.times) for c in found if c.times]


def known(actor: Actor) -> bool:
    """True for an identified caller, whose refusals are recorded; those of strangers are only counted."""
    return actor.kind in {"local", "agent", "organizer", "owner"} and not actor.unauthenticated
