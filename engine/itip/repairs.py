"""Defects of calendar text and how they were repaired: a few words each, which never quote the text."""

from __future__ import annotations

_MAX = 20


class Repairs:
    """Collects repairs; repeated ones are counted."""

    def __init__(self) -> None:
        self._found: dict[str, int] = {}

    def note(self, what: str) -> None:
        """Record a repair; kinds beyond the first 20 are ignored."""
        if what in self._found or len(self._found) < _MAX:
            self._found[what] = self._found.get(what, 0) + 1

    def notes(self) -> tuple[str, ...]:
        """The repairs in the order in which they were first made, with how often each was."""
        return tuple(f"{what} ({n} times)" if n > 1 else what for what, n in self._found.items())
