"""Keeps every result within a client's limit by giving long lists smaller pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from cis_mcp.mcp.tools.base import Reply
from cis_mcp.views.base import Data
from engine.refusals import Code, Refused

BYTES_MAX = 75_000
"""The most bytes of text and data together: clients accept 25,000 tokens, each of at least three bytes here."""

_ROOM_FOR_NOTE = 500


async def fitted(limit: int, page: Callable[[int], Awaitable[Reply]]) -> Reply:
    """The result with up to `limit` items, or with as many as fit; `page` makes one, with its cursor.

    `page` is called again with fewer if its result is too long, so it must only read.
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
    """The index from which a list continues after the item named `cursor`. Raises Refused: INVALID_CURSOR."""
    if cursor is None:
        return 0
    if cursor not in names:
        raise Refused(Code.INVALID_CURSOR, "That cursor does not belong to this list.", "Begin without one.")
    return names.index(cursor) + 1


def listed(lines: Sequence[str], cursor: str | None, nothing: str, data: Data) -> Reply:
    """A list as lines of text, with the next cursor; `nothing`: the text for an empty list."""
    more = [f"There are more; go on with cursor {cursor}"] if cursor else []
    return Reply("\n".join([*lines, *more]) or nothing, data)


def size_of(reply: Reply) -> int:
    """The bytes of a result, in text and data; its links are short and not counted."""
    return len(reply.text.encode()) + len(reply.data.model_dump_json().encode())
