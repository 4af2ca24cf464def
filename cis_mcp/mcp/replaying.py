"""Replays the part of a request that was read before the application that answers it."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Message, Receive


def again(messages: Iterable[Message], receive: Receive) -> Receive:
    """A `receive` that first returns the messages already read, and then further ones."""
    came = iter(messages)

    async def next_one() -> Message:
        found = next(came, None)
        return found if found is not None else await receive()

    return next_one
