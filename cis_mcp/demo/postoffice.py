"""The mail server of everyone else: it accepts what our server sends, and delivers the answers."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

AUTHSERV_ID = "mx.demo.test"
"""The border server whose Authentication-Results header our server trusts (RFC 8601)."""
PATIENCE_S = 120.0
"""How long a step waits before it fails: on a slow and busy machine, a process may take half a minute to start."""


class PostOffice:
    """Keeps a mailbox for every address, and delivers mail to our server by SMTP."""

    def __init__(self) -> None:
        self._mailboxes: dict[str, list[EmailMessage]] = {}
        self._arrived = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.received = 0

    async def open(self) -> None:
        """Listen on a free port of the loopback interface."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname=AUTHSERV_ID, decode_data=False, loop=loop), "127.0.0.1", 0
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server:
            self._server.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept a mail; aiosmtpd calls this."""
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        async with self._arrived:
            for address in envelope.rcpt_tos:
                self._mailboxes.setdefault(address.lower(), []).append(mail)
                self.received += 1
            self._arrived.notify_all()
        return "250 2.0.0 OK"

    def mailbox(self, address: str) -> list[EmailMessage]:
        """What has arrived for `address`, oldest first."""
        return self._mailboxes.get(address.lower(), [])

    async def arrival(
        self, address: str, wanted: Callable[[EmailMessage], Any], seconds: float = PATIENCE_S
    ) -> EmailMessage:
        """The newest mail for `address` that is `wanted`, as soon as there is one. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._arrived:
            while True:
                found = [mail for mail in self.mailbox(address) if wanted(mail)]
                if found:
                    return found[-1]
                await self._arrived.wait()

    async def deliver(self, mail: EmailMessage, *, sender: str, to: str, port: int) -> None:
        """Hand a mail to our server, stamped by the border server as checked by SPF and DMARC (RFC 8601)."""
        domain = sender.rpartition("@")[2]
        found = f"spf=pass smtp.mailfrom={domain}; dmarc=pass header.from={domain}"
        stamp = f"Authentication-Results: {AUTHSERV_ID}; {found}\r\n".encode()
        content = stamp + mail.as_bytes(policy=policy.SMTP)
        await asyncio.to_thread(_send, sender, to, content, port)


def _send(sender: str, to: str, content: bytes, port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE_S) as smtp:
        smtp.sendmail(sender, [to], content)
