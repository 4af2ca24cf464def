"""Limits on what one calendar may hold: counted before it is read, and refused above the limit."""

from __future__ import annotations

from engine.refusals import Code, Refused


class Allowance:
    """How many of one kind a calendar may still have in total."""

    def __init__(self, most: int, what: str) -> None:
        self._most, self._what = most, what
        self._left = most

    def take(self, count: int = 1) -> None:
        """Count `count` more. Raises Refused(TOO_LARGE) above the limit."""
        self._left -= count
        if self._left < 0:
            raise too_many(self._most, self._what)


def too_many(most: int, what: str) -> Refused:
    """The refusal of a calendar that holds more than `most` of something."""
    return Refused(
        Code.TOO_LARGE, f"The calendar has more than {most:,} {what}.", "Split it into smaller ones."
    )
