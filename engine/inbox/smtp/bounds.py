"""Limits of the listener, for each client and for all together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from engine.network import client_network

_STRESS = 0.5
"""The share of all connections beyond which patience gets short."""


@dataclass(frozen=True, slots=True)
class SmtpLimits:
    """Limits of one listener; the defaults leave room below 1,024 open files.

    `silence_s` is what RFC 5321, 4.5.3.2.7 asks for; `stressed_s` holds for it, and for the first bytes of a
    mail, while half of all connections are taken.
    """

    connections: int = 500
    per_address: int = 100
    recipients: int = 100
    commands: int = 400
    """Between two mails."""
    errors: int = 20
    """Commands that are refused, and recipients that do not exist, between two mails."""
    silence_s: float = 300
    stressed_s: float = 10
    data_s: float = 120
    bytes_per_s: int = 1024
    """Beyond `data_s`, a mail must come at least this fast."""
    session_s: float = 1800
    memory: int = 64_000_000
    """Bytes of all mails that are on their way in, beyond the first 64 kB of each."""


class ConnectionCounts:
    """Limits connections, in all and from one address (from one /64 of IPv6)."""

    def __init__(self, bounds: SmtpLimits) -> None:
        self._bounds = bounds
        self._by_address: Counter[str] = Counter()
        self._all = 0

    def enter(self, client: str) -> bool:
        """Count a connection in; False if there are too many, and then it is not counted."""
        key = client_network(client)
        if self._all >= self._bounds.connections or self._by_address[key] >= self._bounds.per_address:
            return False
        self._all += 1
        self._by_address[key] += 1
        return True

    def leave(self, client: str) -> None:
        key = client_network(client)
        self._all -= 1
        self._by_address[key] -= 1
        if not self._by_address[key]:
            del self._by_address[key]

    @property
    def stressed(self) -> bool:
        return self._all > self._bounds.connections * _STRESS


class Memory:
    """The number of bytes that all mails being received share."""

    def __init__(self, size: int) -> None:
        self._left = size

    def reserve(self, size: int) -> bool:
        """Reserve memory if so much is left, until it is released; True if it was."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def release(self, size: int) -> None:
        self._left += size
