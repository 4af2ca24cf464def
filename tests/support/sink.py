"""A real SMTP server that keeps what it is sent, and answers as a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser, BytesParser
from functools import cached_property
from typing import Any

import icalendar
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.serving import abort, no_more

DROP = "drop"
HANG = "hang"


@dataclass(frozen=True)
class Mail:
    """One mail as it arrived."""

    sender: str
    recipient: str
    content: bytes

    @cached_property
    def message(self) -> EmailMessage:
        found = BytesParser(policy=policy.default).parsebytes(self.content)
        assert isinstance(found, EmailMessage)
        return found

    @property
    def message_id(self) -> str:
        return str(BytesHeaderParser().parsebytes(self.content)["Message-ID"]).strip("<>")

    @property
    def calendar_part(self) -> Message:
        # The parser of old looks at types alone, and costs a fifth of the one that reads each header into words.
        parts = message_from_bytes(self.content).walk()
        return next(p for p in parts if p.get_content_type() == "text/calendar")

    @property
    def calendar(self) -> icalendar.Calendar:
        calendar = icalendar.Calendar.from_ical(self.calendar_part.get_payload(decode=True))
        assert isinstance(calendar, icalendar.Calendar)
        return calendar

    @property
    def event(self) -> icalendar.Event:
        return self.calendar.events[0]


@dataclass
class Sink:
    """What came, by whom; and what is to be answered, by recipient and command."""

    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    logins: int = 0
    encrypted: int = 0
    hangs: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    port: int = 0
    taking: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, as at first, mails are taken; cleared, their ends wait for their answer."""
    holds_at: int | None = None
    """Once so many mails are taken, `taking` is cleared."""
    _answers: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _open: set[asyncio.BaseTransport] = field(default_factory=set)
    _handlers: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.taking.set()

    def answer(self, recipient: str, *answers: str, command: str = "RCPT") -> None:
        """Answer so at RCPT or DATA: once each, the last for ever; `""` is yes, DROP and HANG as they say."""
        self._answers[recipient, command] = list(answers)

    def to(self, recipient: str) -> list[Mail]:
        return [mail for mail in self.mails if mail.recipient == recipient]

    @property
    def recipients(self) -> list[str]:
        return [mail.recipient for mail in self.mails]

    async def _say(self, recipient: str, command: str, server: SMTP) -> str:
        answers = self._answers.get((recipient, command), [""])
        said = answers.pop(0) if len(answers) > 1 else answers[0]
        if said == HANG:
            self.hangs += 1
            await asyncio.Event().wait()
        if said == DROP:
            assert server.transport is not None
            server.transport.abort()  # type: ignore[attr-defined]
            await asyncio.Event().wait()
        return said

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.asked[address] += 1
        said = await self._say(address, "RCPT", server)
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (recipient,) = envelope.rcpt_tos
        await self.taking.wait()
        said = await self._say(recipient, "DATA", server)
        if said:
            return said
        assert isinstance(envelope.content, bytes)
        self.encrypted += session.ssl is not None
        self.mails.append(Mail(envelope.mail_from or "", recipient, envelope.content))
        if len(self.mails) == self.holds_at:
            self.taking.clear()
        return "250 2.0.0 kept"

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> Any:
        good = isinstance(data, LoginPassword) and data == LoginPassword(b"sender", b"s3cret/pass")
        self.logins += good
        return AuthResult(success=good, handled=good)


class _Protocol(SMTP):
    sink: Sink

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.sink._open.add(transport)
        if self._handler_coroutine is not None and self._handler_coroutine not in self.sink._handlers:
            self.sink.connections += 1
            self.sink._handlers.add(self._handler_coroutine)


@asynccontextmanager
async def sinking(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    login: bool = False,
    port: int = 0,
) -> AsyncIterator[Sink]:
    """A sink on a loopback port; `starttls` offers it, `tls` demands it from the first byte."""
    sink = Sink()
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        made = _Protocol(
            sink,
            hostname="sink.example.net",
            tls_context=starttls,
            authenticator=sink.login if login else None,
            auth_required=login and starttls is not None,
            auth_require_tls=starttls is not None,
            loop=loop,
        )
        made.sink = sink
        return made

    server = await loop.create_server(protocol, "127.0.0.1", port, ssl=tls, backlog=200)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        await no_more(server)
        for transport in sink._open:
            abort(transport)
        for handler in sink._handlers:
            handler.cancel()
        await asyncio.gather(*sink._handlers, return_exceptions=True)
        await server.wait_closed()
