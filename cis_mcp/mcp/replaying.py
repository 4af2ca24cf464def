"""Requests of which a part was read ahead of the application that answers them."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import Message, Receive


def again(messages: Iterable[Message], receive: Receive) -> Receive:
    """What has come already, and then what comes."""
    came = iter(messages)

    async def next_one() -> Message:
        found = next(came, None)
        return found if found is not None else await receive()

    return next_one
