"""A client that says to a mail server whatever a test wants, and hears every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.waiting import DEADLINE_S


@dataclass
class Talk:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def say(self, words: bytes) -> None:
        self.writer.write(words)

    async def answer(self) -> bytes:
        """The next answer, with all of its lines; empty where the connection is closed."""
        lines = b""
        async with asyncio.timeout(DEADLINE_S):
            while line := await self._line():
                lines += line
                if line[3:4] != b"-":
                    break
        return lines

    async def _line(self) -> bytes:
        try:
            return await self.reader.readline()
        except ConnectionError:
            return b""  # closed while we were still talking

    async def code(self) -> int:
        return int((await self.answer() or b"0")[:3])

    async def ask(self, line: str) -> int:
        """Say one line; the code of the answer, 0 where the connection is closed."""
        self.say(line.encode() + b"\r\n")
        return await self.code()

    async def codes(self) -> list[int]:
        """The codes of all answers until the connection is closed."""
        found = []
        while answer := await self.answer():
            found.append(int(answer[:3]))
        return found

    async def greeted(self, helo: str = "EHLO client.example") -> None:
        assert await self.code() == 220
        assert await self.ask(helo) == 250

    async def begin_data(self, to: str = "create@cis.test", sender: str = "a@example.com") -> None:
        """All that comes before the mail."""
        await self.greeted()
        assert await self.ask(f"MAIL FROM:<{sender}>") == 250
        assert await self.ask(f"RCPT TO:<{to}>") == 250
        assert await self.ask("DATA") == 354


@asynccontextmanager
async def talking(port: int, *, from_address: str = "127.0.0.1") -> AsyncIterator[Talk]:
    """A connection from an address of the loopback, closed at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(from_address, 0))
    try:
        yield Talk(reader, writer)
    finally:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
