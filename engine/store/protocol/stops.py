"""Stops: from the next claim on, mail of what is stopped waits until it is resumed."""

from __future__ import annotations

from typing import Protocol

from engine.model.keys import Key
from engine.model.stops import Stop


class Stops(Protocol):
    """The part of a unit of work that concerns stops."""

    async def stop(self, stop: Stop) -> None:
        """Have mail wait from the next claim on; a stop takes the place of the one before."""
        ...

    async def resume(self, organizer: str) -> bool:
        """End a stop, so that the claim judges by it no more; False if nothing was stopped."""
        ...

    async def stops(self) -> list[Stop]:
        """All that is stopped."""
        ...

    async def keys_owned(self, owner: str) -> list[Key]:
        """The keys whose bounds name this owner."""
        ...


class StopQuestions(Protocol):
    """What callers ask about stops."""

    async def stops(self) -> list[Stop]:
        """All that is stopped."""
        ...
