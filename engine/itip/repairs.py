"""What was wrong with calendar text and how it was read all the same: a few words each, without what it says."""

from __future__ import annotations

_MAX = 20


class Repairs:
    """Gathers what had to be repaired; the same thing counts up."""

    def __init__(self) -> None:
        self._found: dict[str, int] = {}

    def note(self, what: str) -> None:
        """Something was read otherwise than it stands there."""
        if what in self._found or len(self._found) < _MAX:
            self._found[what] = self._found.get(what, 0) + 1

    def notes(self) -> tuple[str, ...]:
        """What was repaired, in the order in which it was met, with how often."""
        return tuple(f"{what} ({n} times)" if n > 1 else what for what, n in self._found.items())
