"""Answers that hold until anybody commits: who is signed in and how pages look is asked for each page anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")

_KEPT = 256


class Unchanged:
    """What was answered since the last commit of any process, by what was asked.

    `mark`: what SQLite counts of commits; None while it cannot be said.
    """

    def __init__(self, mark: Callable[[], int | None]) -> None:
        self._mark = mark
        self._at: int | None = None
        self._answers: dict[Hashable, object] = {}

    async def answer(self, asked: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to `ask`, which nobody may change in place; `asked`: all that it depends on besides the store."""
        # The mark is read before the answer: what is committed between the two shows with the next question.
        at = self._mark()
        if at is None:
            return await ask()
        if at != self._at:
            self._at, self._answers = at, {}
        answers = self._answers
        if asked in answers:
            return cast("T", answers[asked])
        found = await ask()
        if len(answers) < _KEPT:
            answers[asked] = found
        return found
