"""Equal refusals: the first is a row of the record at once, all others of its minute are one more row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.model.actors import Actor

_MINUTE = timedelta(minutes=1)
_KINDS_MAX = 1_000
"""Kinds of refusals that are counted at a time; the oldest are written down to make room."""

Facts = Mapping[str, object]


@dataclass(slots=True)
class _Counted:
    facts: Facts
    until: datetime
    times: int = 0


class Repeats:
    """Counts refusals that are equal but for when and about what: same caller, command and code."""

    def __init__(self) -> None:
        self._counted: dict[tuple[object, ...], _Counted] = {}
        self._full: list[_Counted] = []

    def first(self, facts: Facts, now: datetime) -> bool:
        """True for a refusal that no equal one came before within a minute; another one is counted."""
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
        """What was counted and whose minute is over, each once; `now` None: whatever was counted."""
        ended = [kind for kind, c in self._counted.items() if now is None or now >= c.until]
        found = [*self._full, *(self._counted.pop(kind) for kind in ended)]
        self._full = []
        return [(c.facts, c.times) for c in found if c.times]


def known(actor: Actor) -> bool:
    """True for a caller whose refusals are rows; what strangers try before they are known is only counted."""
    return actor.kind in {"local", "agent", "organizer", "owner"} and not actor.unauthenticated
