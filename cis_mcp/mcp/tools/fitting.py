"""Keeps every answer within what a client takes in: long lists come in smaller pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from cis_mcp.mcp.tools.base import Reply
from cis_mcp.views.base import Data
from engine.refusals import Code, Refused

BYTES_MAX = 75_000
"""Of text and data together. Clients take 25,000 tokens; a token is never less than three bytes of such an answer."""

_ROOM_FOR_NOTE = 500


async def fitted(limit: int, page: Callable[[int], Awaitable[Reply]]) -> Reply:
    """The answer with up to `limit` items, or with as many as fit; `page` gives one, with its cursor.

    `page` is asked again with fewer where its answer is too long, so it must only read.
    """
    shown = limit
    reply = await page(shown)
    while (size := size_of(reply)) > BYTES_MAX - _ROOM_FOR_NOTE and shown > 1:
        shown = max(1, min(shown - 1, shown * BYTES_MAX * 9 // (size * 10)))
        reply = await page(shown)
    if shown == limit:
        return reply
    note = f"An answer with {limit} would be too long: this one shows up to {shown}; the cursor leads to the rest."
    return replace(reply, text=f"{reply.text}\n{note}")


def place_after(names: Sequence[str], cursor: str | None) -> int:
    """Where a list goes on, of which the last item shown was called `cursor`. Raises Refused: INVALID_CURSOR."""
    if cursor is None:
        return 0
    if cursor not in names:
        raise Refused(Code.INVALID_CURSOR, "That cursor does not belong to this list.", "Begin without one.")
    return names.index(cursor) + 1


def listed(lines: Sequence[str], cursor: str | None, nothing: str, data: Data) -> Reply:
    """A list in lines, with the cursor that leads on; `nothing`: what is said of an empty one."""
    more = [f"There are more; go on with cursor {cursor}"] if cursor else []
    return Reply("\n".join([*lines, *more]) or nothing, data)


def size_of(reply: Reply) -> int:
    """Bytes of an answer, in words and in data; its links are short."""
    return len(reply.text.encode()) + len(reply.data.model_dump_json().encode())
