"""What those who watch the store ask: whether anything changed, how things stand, whether everything adds up."""

from __future__ import annotations

from typing import Protocol

from engine.model.counters import Figures


class Watching(Protocol):
    """Whether anything was kept since, by whichever process."""

    async def revision(self) -> int:
        """A number that differs once anything was kept since; it is only ever compared."""
        ...

    async def answered(self, after: str | None) -> tuple[str, frozenset[str]]:
        """A cursor to the newest receipt, and the events of those that came after the cursor `after`; None: of none."""
        ...


class Checking(Protocol):
    """How things stand."""

    async def figures(self) -> Figures:
        """Counters for those who watch the server; as quick with a large store as with a small one."""
        ...

    async def recount(self) -> list[str]:
        """A sentence for each difference between counters and rows, seen at one instant (promise 10)."""
        ...
