"""What one calendar may hold of anything: counted before it is read, and refused where it is too much."""

from __future__ import annotations

from engine.refusals import Code, Refused


class Allowance:
    """How many of one kind a calendar may have, over all that it holds."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._left = most

    def take(self, count: int = 1) -> None:
        """Raises Refused(TOO_LARGE) for more than there may be."""
        self._left -= count
        if self._left < 0:
            raise too_many(self._most, self._what)


def too_many(most: int, what: str) -> Refused:
    """The refusal of a calendar that holds more than `most` of something."""
    return Refused(
        Code.TOO_LARGE, f"The calendar has more than {most:,} {what}.", "Split it into smaller ones."
    )
