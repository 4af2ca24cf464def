"""The SMTP listener: where it listens, for how long, and under which certificate."""

from __future__ import annotations

import asyncio
import errno
import logging
from urllib.parse import urlsplit

from engine.inbox.intake.intake import Inbox
from engine.inbox.smtp.bounds import SmtpLimits
from engine.inbox.smtp.certificate import ServerCertificate
from engine.inbox.smtp.listener_state import ListenerState
from engine.inbox.smtp.session import SmtpSession

log = logging.getLogger(__name__)

_RETRY_BIND_S = 5.0
_BACKLOG = 512
_LAST_ANSWERS_S = 2.0


class Listener:
    """One listening address."""

    def __init__(self, inbox: Inbox, url: str, bounds: SmtpLimits | None = None) -> None:
        """Raises ValueError with a sentence on what is wrong with `url` or the certificate."""
        parts = urlsplit(url)
        if parts.scheme != "smtp" or not parts.hostname or parts.port is None:
            raise ValueError(f"CIS_INBOX: {parts.scheme or 'it'} must be given as smtp://host:port")
        self.host, self.port = parts.hostname, parts.port
        self._doubt = ""
        self._certificate = ServerCertificate(inbox.engine.settings)
        self.state = ListenerState(inbox, bounds or SmtpLimits(), self._certificate.context)

    async def run(self) -> None:
        """Listen until cancelled; while another process has the port, wait for it to be free."""
        server = await self._bound()
        self._doubt = ""
        log.info("taking mail on %s:%d", self.host, self.port)
        sweeping = asyncio.create_task(self._sweep())
        try:
            await server.serve_forever()
        finally:
            sweeping.cancel()
            server.close()
            await self._show_out()

    def doubt(self) -> str:
        """The reason why no mail is accepted here; empty if there is none."""
        return self._doubt

    async def _bound(self) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        waiting = False
        while True:
            try:
                return await loop.create_server(
                    lambda: SmtpSession(self.state), self.host, self.port, backlog=_BACKLOG
                )
            except OSError as error:
                if not waiting:
                    log.warning("cannot listen on %s:%d (%s); waiting", self.host, self.port, error.strerror)
                waiting = True
                # Where another process has the port, it takes the mail.
                in_use = error.errno == errno.EADDRINUSE
                self._doubt = "" if in_use else f"No mail is accepted on port {self.port}: {error.strerror}."
                await asyncio.sleep(_RETRY_BIND_S)

    async def _sweep(self) -> None:
        loop, bounds = asyncio.get_running_loop(), self.state.bounds
        pause = min(1.0, bounds.silence_s / 4, bounds.data_s / 4, bounds.session_s / 4)
        while True:
            await asyncio.sleep(pause)
            self._certificate.renew()
            self.state.tls = self._certificate.context
            self.state.sweep(loop.time())

    async def _show_out(self) -> None:
        """Whose mail is just being stored still hears that it was; no one else is waited for."""
        self.state.close()
        try:
            async with asyncio.timeout(_LAST_ANSWERS_S):
                await self.state.emptied()
        except TimeoutError:
            log.info("%d clients were still connected at the end", len(self.state))
