"""The SMTP listener: takes mail for our own mailboxes, durably, and nothing else (RFC 5321)."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

from engine.inbox.intake import Inbox
from engine.inbox.router import mailbox_of
from engine.inbox.spool import Mailbox

log = logging.getLogger(__name__)

_CONNECTIONS_MAX = 500
_RECIPIENTS_MAX = 100
_SILENCE_S = 60.0
_RETRY_BIND_S = 5.0


class Handler:
    """Answers the commands of one listener."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._domain = inbox.engine.settings.domain
        self._store = inbox.engine.store

    async def handle_RCPT(  # noqa: N802 -- the name aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= _RECIPIENTS_MAX:
            return "452 4.5.3 Too many recipients"
        try:
            known = await self._known(address)
        except Exception:
            log.exception("a recipient could not be looked up")
            return "451 4.3.0 Try again later"
        if not known:
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def _known(self, address: str) -> bool:
        mailbox = mailbox_of(address, self._domain)
        if mailbox is None:
            return False
        return not mailbox.token or await self._store.attendee_by_token(mailbox.token) is not None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        mailboxes = self._mailboxes(envelope)
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        # aiosmtpd gives the null sender as it stands on the line, with its brackets.
        sender = (envelope.mail_from or "").removeprefix("<>")
        try:
            name = await self._inbox.store(raw, mailboxes, sender)
        except OSError as error:
            log.error("a mail could not be stored: %s", error.strerror)  # noqa: TRY400 -- a full disk is no bug
            return "452 4.3.1 Cannot store the mail now, try again later"
        return f"250 2.0.0 OK {name}"

    def _mailboxes(self, envelope: Envelope) -> tuple[Mailbox, ...]:
        found = [mailbox_of(address, self._domain) for address in envelope.rcpt_tos]
        return tuple(dict.fromkeys(mailbox for mailbox in found if mailbox))

    async def handle_exception(self, error: Exception) -> str:
        log.error("an SMTP session failed: %s", type(error).__name__, exc_info=error)
        return "451 4.3.0 Internal error, try again later"


class Listener:
    """One listening address, with a bound on how many may talk to it at once."""

    def __init__(self, inbox: Inbox, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "smtp" or not parts.hostname or parts.port is None:
            raise ValueError(f"CIS_INBOX: {parts.scheme or 'it'} must be given as smtp://host:port")
        self.host, self.port = parts.hostname, parts.port
        self._settings = inbox.engine.settings
        self._handler = Handler(inbox)
        self._open: set[asyncio.BaseTransport] = set()

    def _protocol(self) -> SMTP:
        return _Protocol(
            self._handler,
            hostname=self._settings.domain,
            ident="Calendar Invite Server",
            data_size_limit=self._settings.max_mail_bytes,
            decode_data=False,
            enable_SMTPUTF8=True,
            timeout=_SILENCE_S,
            loop=asyncio.get_running_loop(),
            listener=self,
        )

    async def run(self) -> None:
        """Listen until cancelled; while another process has the port, wait for it to be free."""
        loop = asyncio.get_running_loop()
        waiting = False
        while True:
            try:
                server = await loop.create_server(self._protocol, self.host, self.port, backlog=512)
            except OSError as error:
                if not waiting:
                    log.warning("cannot listen on %s:%d (%s); waiting", self.host, self.port, error.strerror)
                waiting = True
                await asyncio.sleep(_RETRY_BIND_S)
                continue
            log.info("taking mail on %s:%d", self.host, self.port)
            try:
                await server.serve_forever()
            finally:
                server.close()
                self._hang_up()

    def enter(self, transport: asyncio.BaseTransport) -> bool:
        """Count a connection in; False where there are too many."""
        if len(self._open) >= _CONNECTIONS_MAX:
            return False
        self._open.add(transport)
        return True

    def leave(self, transport: asyncio.BaseTransport | None) -> None:
        if transport:
            self._open.discard(transport)

    def _hang_up(self) -> None:
        """Close what is still open: a client that says nothing must not keep the server from stopping."""
        for transport in list(self._open):
            transport.close()


class _Protocol(SMTP):
    """aiosmtpd's SMTP, which by itself lets in as many connections as come."""

    def __init__(self, handler: Handler, *, listener: Listener, **options: Any) -> None:
        super().__init__(handler, **options)
        self._listener = listener
        self._counted: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if self._listener.enter(transport):
            self._counted = transport
            super().connection_made(transport)
            return
        assert isinstance(transport, asyncio.Transport)
        transport.write(b"421 4.7.0 Too many connections, try again later\r\n")
        transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._listener.leave(self._counted)
        if self.session is not None:
            super().connection_lost(error)
