"""What monitoring asks of the store: whether anything changed, its figures, and a recount."""

from __future__ import annotations

from typing import Protocol

from engine.model.counters import Figures


class Watching(Protocol):
    """Tells whether anything was written, by any process."""

    async def revision(self) -> int:
        """A number that changes with every write; it is only compared for equality."""
        ...

    async def announce(self) -> None:
        """Let other processes notice at once what this one has written; for a process that may be frozen next."""
        ...

    async def answered(self, after: str | None) -> tuple[str, frozenset[str]]:
        """A cursor to the newest receipt, and the events of those that came after the cursor `after`; None: of none."""
        ...


class Checking(Protocol):
    """Figures and recounts."""

    async def figures(self) -> Figures:
        """Counters for those who watch the server; as quick with a large store as with a small one."""
        ...

    async def recount(self) -> list[str]:
        """A sentence for each difference between counters and rows, seen at one instant (promise 10)."""
        ...
