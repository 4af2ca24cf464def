"""A mail server that answers as a test tells it to, and remembers how it was spoken to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from engine.outbox.smtp.pipelining import Patience, PipeliningTransport
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Envelope
from tests.support.serving import no_more

DROP = "drop"
HANG = "hang"
HALF_CLOSE = "half-close"
PIPELINING = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
LOCKSTEP = ("8BITMIME", "SMTPUTF8")


@dataclass
class Script:
    """What is answered, and what came.

    `answers` maps the beginning of a command to an answer, to raw bytes, or to DROP, HANG, HALF_CLOSE. The
    end of data is the command `.` with the recipient behind it: `. ann@example.com`.
    """

    offers: tuple[str, ...] = PIPELINING
    answers: dict[str, str | bytes] = field(default_factory=dict)
    welcome: Callable[[Script], str] = lambda _: "220 script.example.net"
    forgiving: bool = False
    mails_per_connection: int = 1_000_000
    farewell: str = DROP
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    hangs: int = 0
    open: set[asyncio.Transport] = field(default_factory=set)
    most_open: int = 0
    mails: list[tuple[str, str, bytes]] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    reads: list[bytes] = field(default_factory=list)

    @property
    def recipients(self) -> list[str]:
        return [recipient for _, recipient, _ in self.mails]

    def transport(self, connections: int = 1, **patience: float) -> PipeliningTransport:
        """A way out that leads here."""
        target = SmtpTarget(
            host="127.0.0.1", port=self.port, connections=connections, tls=self.tls is not None
        )
        return PipeliningTransport(target, "client.example.org", Patience(**patience))


class _Peer(asyncio.Protocol):
    """One connection: strict about the order of commands, as postfix is."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._rest = b""
        self._content: list[bytes] | None = None
        self._sender: str | None = None
        self._recipient = ""
        self._taken = 0
        self._deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._script.connections += 1
        self._script.open.add(transport)
        self._script.most_open = max(self._script.most_open, len(self._script.open))
        self._answer(self._script.welcome(self._script))

    def connection_lost(self, exc: Exception | None) -> None:
        self._script.open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._script.reads.append(data)
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if not self._deaf:
                self._line(line)

    def _line(self, line: bytes) -> None:
        if self._content is None:
            self._script.commands.append(line.decode())
            self._command(line.decode())
        elif line == b".":
            self._end(b"\r\n".join([*self._content, b""]))
        else:
            self._content.append(line.removeprefix(b"."))

    def _command(self, command: str) -> None:
        told = self._told(command)
        if told is not None:
            self._answer(told)
        elif command.startswith("EHLO"):
            lines = ["script.example.net", *self._script.offers]
            self._answer("\r\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"]))
        else:
            self._answer(self._usual(command))

    def _usual(self, command: str) -> str:
        verb = command[:4]
        if verb == "MAIL":
            return self._mail(command)
        if verb == "RCPT":
            self._recipient = command.partition("<")[2].partition(">")[0]
            return "250 2.1.5 OK"
        if verb == "DATA":
            return self._data()
        if verb == "RSET":
            self._forget()
        return "221 2.0.0 bye" if verb == "QUIT" else "250 2.0.0 OK"

    def _mail(self, command: str) -> str:
        if self._sender is not None:
            return "503 5.5.1 nested MAIL command"
        self._sender = command.partition("<")[2].partition(">")[0]
        return "250 2.1.0 OK"

    def _data(self) -> str:
        if (self._sender is None or not self._recipient) and not self._script.forgiving:
            return "554 5.5.1 no valid recipients"
        self._content = []
        return "354 go on"

    def _forget(self) -> None:
        self._content, self._sender, self._recipient = None, None, ""

    def _end(self, content: bytes) -> None:
        sender, recipient = self._sender, self._recipient
        self._forget()
        told = self._told(f". {recipient}")
        if told is None or str(told).startswith("250"):
            self._script.mails.append((sender or "", recipient, content))
            self._taken += 1
        self._answer("250 2.0.0 kept" if told is None else told)
        if self._taken >= self._script.mails_per_connection:
            self._answer(self._script.farewell)

    def _told(self, command: str) -> str | bytes | None:
        found = [a for beginning, a in self._script.answers.items() if command.startswith(beginning)]
        return found[0] if found else None

    def _answer(self, answer: str | bytes) -> None:
        if answer == HANG:
            self._script.hangs += 1
            self._deaf = True
        elif answer == DROP:
            self._deaf = True
            self._transport.abort()
        elif answer == HALF_CLOSE:
            self._transport.pause_reading()
            self._transport.write(b"354 go on\r\n")
            self._transport.write_eof()
        else:
            self._transport.write(answer if isinstance(answer, bytes) else f"{answer}\r\n".encode())
            if not isinstance(answer, bytes) and answer.startswith(("421", "221")):
                self._deaf = True
                self._transport.close()


@asynccontextmanager
async def scripted(script: Script | None = None) -> AsyncIterator[Script]:
    """The server on a loopback port."""
    script = script or Script()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Peer(script), "127.0.0.1", 0, ssl=script.tls, backlog=200)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        await no_more(server)
        for transport in list(script.open):
            transport.abort()
        await server.wait_closed()


def envelope(name: str, content: bytes = b"Subject: Hello\r\n\r\nHello.\r\n") -> Envelope:
    """A mail to `name`@example.com."""
    return Envelope(sender=f"rsvp+{name}@example.org", recipient=f"{name}@example.com", content=content)
