"""Lines of stdin and stdout: a message that is too long is answered with an error."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import BinaryIO

import anyio.to_thread

LINE_MAX = 16 * 1024 * 1024
"""Bytes of a message, as over HTTP."""
_HEAD = 4_096
_CHUNK = 65_536
_PIPE_ROOM = select.PIPE_BUF
_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.){0,200}"|-?\d{1,18})\s*[,}]')

Refuse = Callable[[str | int | None, str], Awaitable[None]]


class StdioLines:
    """The lines of `file`; `begun` was already read from it.

    `refuse` is called for each line longer than `limit`, with the id of its request and the reason.
    """

    def __init__(self, file: BinaryIO, limit: int = LINE_MAX, *, begun: bytes = b"") -> None:
        self._source, self._limit, self._begun = _Source(file.fileno()), limit, begun
        self.refuse: Refuse | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        rest = bytearray()
        try:
            while chunk := self._begun or await self._source.read():
                self._begun = b""
                *ended, begun = chunk.split(b"\n")
                for part in ended:
                    line, rest = rest + part, bytearray()
                    if await self._fits(line):
                        yield line.decode("utf-8", "replace")
                # Of a line that is too long there is kept that it is, and its head.
                room = max(0, self._limit + 1 - len(rest))
                rest += begun[:room]
        finally:
            self._source.rest()
        if rest and await self._fits(rest):
            yield rest.decode("utf-8", "replace")

    async def _fits(self, line: bytearray) -> bool:
        fits = len(line) <= self._limit
        if not fits and self.refuse is not None:
            await self.refuse(id_in(line[:_HEAD].decode("utf-8", "replace")), _too_long(self._limit))
        return fits


class _Source:
    """Reads a descriptor as it fills: in the event loop, or in a thread if the loop cannot wait for it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waits = _kind(descriptor) in {"pipe", "socket"}
        self._watching: asyncio.AbstractEventLoop | None = None
        self._awaited: asyncio.Future[bytes] | None = None

    async def read(self) -> bytes:
        """The bytes that have come, at most 64 kB; empty at the end."""
        if not self._waits:
            return await anyio.to_thread.run_sync(os.read, self._descriptor, _CHUNK)
        loop = asyncio.get_running_loop()
        if self._watching is None:
            self._watching = loop
            loop.add_reader(self._descriptor, self._take)
        self._awaited = loop.create_future()
        try:
            return await self._awaited
        finally:
            self._awaited = None

    def _take(self) -> None:
        """Read what is there for the waiting `read`; if none waits, stop watching."""
        if self._awaited is None or self._awaited.done():
            self.rest()
            return
        try:
            self._awaited.set_result(os.read(self._descriptor, _CHUNK))
        except OSError as error:
            self._awaited.set_exception(error)

    def rest(self) -> None:
        """Stop watching until the next `read`."""
        if self._watching is not None:
            self._watching.remove_reader(self._descriptor)
            self._watching = None


class Out:
    """Writes text to a descriptor: at once if there is room, else in a thread that waits for room.

    The first answer to the request `answered` is left out: it was already sent.
    """

    def __init__(self, file: BinaryIO, *, answered: str | int | None = None) -> None:
        self._descriptor = file.fileno()
        self._kind = _kind(self._descriptor)
        self._answered = answered
        self._text: list[str] = []
        self._room = select.poll()
        self._room.register(self._descriptor, select.POLLOUT)

    async def write(self, text: str) -> None:
        """Keep a line for the next flush, unless it answers the request that was answered before."""
        if self._answered is not None and _answers(text, self._answered):
            self._answered = None
        else:
            self._text.append(text)

    async def flush(self) -> None:
        """Write everything that was kept. Raises OSError if no one reads any more."""
        data = memoryview("".join(self._text).encode())
        self._text.clear()
        while data and (written := self._at_once(data[:_PIPE_ROOM])):
            data = data[written:]
        if data:
            await anyio.to_thread.run_sync(self._wait_and_write, data)

    def _at_once(self, data: memoryview) -> int:
        """How much of `data` was taken without waiting."""
        if self._kind == "socket":
            with socket.socket(fileno=os.dup(self._descriptor)) as out:
                try:
                    return out.send(data, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return 0
        if self._kind != "pipe":
            return 0
        # A pipe that is ready takes this much whole (POSIX, PIPE_BUF).
        return os.write(self._descriptor, data) if self._room.poll(0) else 0

    def _wait_and_write(self, data: memoryview) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]


def _kind(descriptor: int) -> str:
    mode = os.fstat(descriptor).st_mode
    return "pipe" if stat.S_ISFIFO(mode) else "socket" if stat.S_ISSOCK(mode) else "other"


def id_in(head: str) -> str | int | None:
    """The id of a message whose beginning is `head`; None if it is not in there."""
    found = _ID.search(head.partition('"params"')[0])
    if not found:
        return None
    shown = found[1]
    return shown[1:-1] if shown.startswith('"') else int(shown)


def _too_long(limit: int) -> str:
    return f"A message may have {limit} bytes; this one has more. Send a long list in parts, or as a file."


def _answers(text: str, request: str | int) -> bool:
    message = json.loads(text)
    return "method" not in message and message.get("id") == request
