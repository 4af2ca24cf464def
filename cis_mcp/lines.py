"""Stdin and stdout as a wire: nothing else gets on it, and a message that is too long is answered with an error."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import BinaryIO

import anyio.to_thread
from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError

LINE_MAX = 16 * 1024 * 1024
"""Bytes of a message, as over HTTP."""
_HEAD = 4_096
_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,18})\s*[,}]')

Refuse = Callable[[JSONRPCError], Awaitable[None]]


class Lines:
    """The lines of `file`; `refuse` is told of each that is longer than `limit`."""

    def __init__(self, file: BinaryIO, limit: int = LINE_MAX) -> None:
        self._file, self._limit = file, limit
        self.refuse: Refuse | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        while line := await self._read():
            if len(line) <= self._limit or line.endswith(b"\n"):
                yield line.decode("utf-8", "replace")
                continue
            head = line[:_HEAD].decode("utf-8", "replace")
            while line and not line.endswith(b"\n"):
                line = await self._read()
            if self.refuse is not None:
                await self.refuse(too_long(head, self._limit))

    async def _read(self) -> bytes:
        return await anyio.to_thread.run_sync(self._file.readline, self._limit + 1)


def too_long(head: str, limit: int) -> JSONRPCError:
    """The answer to a message of which only the `head` is known; without id where the head does not show it."""
    found = _ID.search(head.partition('"params"')[0])
    message = f"A message may have {limit} bytes; this one has more. Send a long list in parts, or as a file."
    data = {"jsonrpc": "2.0", "error": ErrorData(code=INVALID_REQUEST, message=message)}
    number = found[1] if found else ""
    # A number stays one: whoever asked looks for the very id that it sent.
    return JSONRPCError.model_validate({**data, "id": _plain(number)})


def _plain(number: str) -> str | int | None:
    if not number:
        return None
    return number[1:-1] if number.startswith('"') else int(number)


@dataclass(frozen=True)
class Wire:
    """Stdin and stdout as they were given to this process, for the transport alone."""

    incoming: BinaryIO
    outgoing: BinaryIO


def claimed() -> Wire:
    """Take stdin and stdout for the transport, for as long as the process lives.

    Whoever else in this process, or a child of it, reads stdin finds it at its end; whatever is printed goes where
    the log goes, also what was printed before and is flushed only now, or at exit.
    """
    # A thread may still be reading when the server ends, so the descriptors are never closed.
    wire = Wire(os.fdopen(os.dup(0), "rb", closefd=False), os.fdopen(os.dup(1), "wb", closefd=False))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.flush()
    return wire
