"""What all sessions of one listener share: the mailboxes, the limits, and the connected clients."""

from __future__ import annotations

import asyncio
import ssl
from typing import Protocol

from engine.inbox.intake.intake import Inbox
from engine.inbox.intake.recipients import RecipientLookup
from engine.inbox.smtp.bounds import ConnectionCounts, Memory, SmtpLimits

_GOODBYE = "421 4.3.2 The server is being stopped, try again later"
_TOO_SLOW = "421 4.4.2 Too slow, or too long, try again later"


class ConnectedClient(Protocol):
    """A connected client."""

    peer: str

    def retire(self, last_words: str) -> None: ...
    def drop(self, now: float) -> None: ...
    def hang_up(self, last_words: str) -> None: ...
    def overdue(self, now: float, *, stressed: bool) -> bool: ...


class ListenerState:
    """The state that the clients of one listener share."""

    def __init__(self, inbox: Inbox, bounds: SmtpLimits, tls: ssl.SSLContext | None) -> None:
        settings = inbox.engine.settings
        self.inbox = inbox
        self.recipients = RecipientLookup(inbox.engine)
        self.domain = settings.domain
        self.largest = settings.max_mail_bytes
        self.tls = tls
        self.bounds = bounds
        self.memory = Memory(bounds.memory)
        self._counts = ConnectionCounts(bounds)
        self._clients: set[ConnectedClient] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return len(self._clients)

    def enter(self, client: ConnectedClient) -> bool:
        """Count a new client; False if there are too many."""
        if not self._counts.enter(client.peer):
            return False
        self._clients.add(client)
        self._empty.clear()
        return True

    def leave(self, client: ConnectedClient) -> None:
        self._clients.discard(client)
        self._counts.leave(client.peer)
        if not self._clients:
            self._empty.set()

    async def emptied(self) -> None:
        """Return when no client is connected."""
        await self._empty.wait()

    def sweep(self, now: float) -> None:
        """Disconnect clients that are too slow; sooner while there are many."""
        stressed = self._counts.stressed
        for client in list(self._clients):
            client.drop(now)
            if client.overdue(now, stressed=stressed):
                client.hang_up(_TOO_SLOW)

    def close(self) -> None:
        """Disconnect all clients, each as soon as the work for it is done."""
        for client in list(self._clients):
            client.retire(_GOODBYE)
