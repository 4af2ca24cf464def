"""Caches answers until the next commit, since every page asks who is signed in and how pages look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar, cast

T = TypeVar("T")

_KEPT = 256


class Unchanged:
    """Answers since the last commit of any process, by question.

    `mark`: SQLite's counter of commits; None while it cannot be read.
    """

    def __init__(self, mark: Callable[[], int | None]) -> None:
        self._mark = mark
        self._at: int | None = None
        self._answers: dict[Hashable, object] = {}

    async def answer(self, asked: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """The answer of `ask`, which must not be changed in place; `asked`: all it depends on besides the store."""
        # The mark is read before the answer, so that a commit in between is noticed at the next question.
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
