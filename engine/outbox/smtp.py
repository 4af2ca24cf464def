"""The way out by SMTP (RFC 5321): connections are kept open and reused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from engine.model import Value
from engine.outbox.transport import Accepted, Envelope, Rejected, Settle, send_each

_CONNECT_S = 30.0
_ANSWER_S = 300.0
"""RFC 5321, 4.5.3.2: a server may take minutes to answer the end of the data."""
_MAILS_PER_CONNECTION = 500
_ANSWER_MAX = 500


class SmtpTarget(Value):
    """Where to send: read from `smtp://[user:pass@]host:port[?starttls=…&connections=…&cafile=…]` or `smtps://…`.

    `cafile` names the certificate authorities to trust instead of the system's; a certificate is always
    verified.
    """

    host: str
    port: int
    user: str = ""
    password: str = ""
    tls: bool = False
    starttls: bool | None = None
    connections: int = 4
    cafile: str = ""

    @classmethod
    def of(cls, url: str) -> SmtpTarget:
        """Read the URL; raises ValueError with a sentence on what is wrong."""
        parts = urlsplit(url)
        options = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        unknown = set(options) - {"starttls", "connections", "cafile"}
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or unknown:
            raise ValueError(
                "give it as smtp://[user:pass@]host:port[?starttls=yes|no&connections=4&cafile=…]"
            )
        tls = parts.scheme == "smtps"
        connections = options.get("connections", "4")
        if not connections.isdecimal() or not 1 <= int(connections) <= 100:
            raise ValueError("connections must be from 1 to 100")
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 587 if parts.username else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=_yes_or_no(options.get("starttls")),
            connections=int(connections),
            cafile=options.get("cafile", ""),
        )

    def trust(self) -> ssl.SSLContext:
        """The authorities that the server's certificate must come from. Raises OSError for a bad `cafile`."""
        return ssl.create_default_context(cafile=self.cafile or None)


def _yes_or_no(word: str | None) -> bool | None:
    """None leaves it to what the server offers, except that a password never goes out in clear text."""
    if word is None:
        return None
    word = word.lower()
    if word in {"yes", "true", "1", "required"}:
        return True
    if word in {"no", "false", "0"}:
        return False
    raise ValueError("starttls must be yes or no")


class SmtpTransport:
    """Sends by a few connections that stay open between mails."""

    def __init__(self, target: SmtpTarget, local_hostname: str, *, answer_s: float = _ANSWER_S) -> None:
        self.connections = target.connections
        self._target = target
        self._local_hostname = local_hostname
        self._answer_s = answer_s
        self._idle: list[_Connection] = []

    def _connection(self) -> _Connection:
        return _Connection(self._target, self._local_hostname, self._answer_s)

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        """Hand mails over one after the other."""
        await send_each(self.send, envelopes, settled)

    async def send(self, envelope: Envelope) -> Accepted:
        """Hand one mail over. Raises Rejected: permanent on a 5xx answer to this mail, else temporary."""
        connection = self._idle.pop() if self._idle else self._connection()
        try:
            answer = await connection.send(envelope)
        except BaseException:
            if not connection.usable:
                await connection.close()
            else:
                self._idle.append(connection)
            raise
        if connection.usable:
            self._idle.append(connection)
        else:
            await connection.close()
        return Accepted(answer=answer[:_ANSWER_MAX])

    async def greet(self) -> None:
        """Connect, and log in where the target says so, without sending anything. Raises Rejected."""
        connection = self._connection()
        try:
            await connection.open()
        finally:
            await connection.close()

    async def close(self) -> None:
        """Say goodbye on every open connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))


class _Connection:
    """One connection, opened when it is first needed and again when the server closed it."""

    def __init__(self, target: SmtpTarget, local_hostname: str, answer_s: float) -> None:
        self._target = target
        self._connect_s = min(_CONNECT_S, answer_s)
        self._client = aiosmtplib.SMTP(
            hostname=target.host,
            port=target.port,
            username=target.user or None,
            password=target.password or None,
            use_tls=target.tls,
            start_tls=True if target.user and not target.tls and target.starttls is None else target.starttls,
            cert_bundle=target.cafile or None,
            local_hostname=local_hostname,
            timeout=answer_s,
        )
        self._sent = 0
        self.usable = True

    async def send(self, envelope: Envelope) -> str:
        self.usable = False
        await self.open()
        try:
            answer = await self._send(envelope)
        except aiosmtplib.SMTPResponseException as error:
            await self._recover(error.code)
            raise Rejected(_words(error.code, error.message), permanent=error.code >= 500) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise Rejected(
                f"connection failed: {error}"[:_ANSWER_MAX], permanent=False, server=True
            ) from error
        self._sent += 1
        self.usable = self._sent < _MAILS_PER_CONNECTION
        return answer

    async def open(self) -> None:
        """Connect, unless connected; what goes wrong here says nothing about the mail, so it is temporary."""
        if self._client.is_connected:
            return
        if self._target.user and not self._target.tls and self._target.starttls is False:
            words = "a password never goes out in clear text: use smtps:// or starttls=yes"
            raise Rejected(words, permanent=False)
        self._sent = 0
        try:
            async with asyncio.timeout(self._connect_s):
                await self._client.connect()
        except aiosmtplib.SMTPResponseException as error:
            raise Rejected(_words(error.code, error.message), permanent=False) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            why = str(error) or "no answer in time"
            raise Rejected(f"cannot connect: {why}"[:_ANSWER_MAX], permanent=False, server=True) from error

    async def _send(self, envelope: Envelope) -> str:
        size = [f"SIZE={len(envelope.content)}"] if self._client.supports_extension("size") else []
        await self._client.mail(envelope.sender, options=size)
        await self._client.rcpt(envelope.recipient)
        response = await self._client.data(envelope.content)
        return _words(response.code, response.message)

    async def _recover(self, code: int) -> None:
        """After a refused mail the connection serves on, unless the server is closing it (421)."""
        if code == 421 or not self._client.is_connected:
            return
        try:
            await self._client.rset()
            self.usable = True
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            self.usable = False

    async def close(self) -> None:
        """Close, politely if the server still listens."""
        try:
            if self._client.is_connected:
                async with asyncio.timeout(2):
                    await self._client.quit()
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass
        finally:
            self._client.close()


def _words(code: int, message: str) -> str:
    return f"{code} {' '.join(message.split())}"[:_ANSWER_MAX]
