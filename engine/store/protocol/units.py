"""Units of work: how a caller begins one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

T = TypeVar("T")
U_co = TypeVar("U_co", covariant=True)


class Conflict(Exception):  # noqa: N818 -- reads as what it is
    """Another unit of work committed first: nothing of this one was kept, and its work may be run again."""


class Units(Protocol[U_co]):
    """Makes units of work: each is kept whole or not at all."""

    async def close(self) -> None:
        """Finish what is being written and close the store."""
        ...

    def unit(self) -> AbstractAsyncContextManager[U_co]:
        """A unit of work that is kept when the block ends and undone when it raises; it cannot be run twice."""
        ...

    async def transact(self, work: Callable[[U_co], Coroutine[object, object, T]]) -> T:
        """What `work` does to a unit of work. It waits for nothing but the unit, and may be run twice.

        After a Conflict it is run again, on what is kept by then; after several the Conflict is raised.
        """
        ...
