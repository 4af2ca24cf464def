"""A proxy before a line-based mail server that sees each command, and can refuse it or act at that instant."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from tests.support.serving import serving


@dataclass
class Proxy:
    """Where it listens, what was asked, and what is to happen when a command matches."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    refused: str = ""
    """A pattern: commands that match are answered NO and go no further."""
    unsaid: bytes = b""
    """A pattern: whatever matches in the answers is left out."""
    instant: str = ""
    """A pattern: before a command that matches goes on, `action` is called, once."""
    action: Callable[[], object] = lambda: None

    def at(self, instant: str, action: Callable[[], object]) -> None:
        self.instant, self.action = instant, action

    def asked(self, pattern: str) -> list[str]:
        return [command for command in self.commands if re.search(pattern, command)]

    def passes(self, command: str) -> bool:
        self.commands.append(command)
        if self.instant and re.search(self.instant, command):
            self.instant = ""
            self.action()
        return not (self.refused and re.search(self.refused, command))


@asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy before `target`, a port of this machine."""
    proxy = Proxy()
    async with serving(partial(_serve, proxy, target)) as proxy.port:
        yield proxy


async def _serve(
    proxy: Proxy, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    behind, before = await asyncio.open_connection("127.0.0.1", target)
    answers = asyncio.create_task(_copy(proxy, behind, writer))
    try:
        while line := await reader.readline():
            command = line.decode("latin-1").rstrip()
            if proxy.passes(command):
                before.write(line)
                await before.drain()
            else:
                writer.write(f"{command.partition(' ')[0]} NO Not today\r\n".encode("latin-1"))
    finally:
        answers.cancel()
        before.transport.abort()
        await asyncio.gather(answers, before.wait_closed(), return_exceptions=True)


async def _copy(proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(re.sub(proxy.unsaid, b"", data) if proxy.unsaid else data)
            await writer.drain()
    writer.close()
