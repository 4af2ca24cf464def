"""Limits on HTTP connections, in all and for each address; idle ones make room, strangers' first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Protocol

from engine.network import client_network, within


class CountedConnection(Protocol):
    """A connection as it is counted."""

    @property
    def host(self) -> str:
        """The address at its other end."""

    @property
    def idle(self) -> bool:
        """True while it waits for its client: for a request, or for the rest of one."""

    @property
    def known(self) -> bool:
        """True once a request on it carried a key that was let in."""

    def drop(self) -> None:
        """Close the connection at once."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many connections there may be.

    `strangers`: of one address, as long as no key was shown on them; `known`: of one address in all.
    """

    all: int = 1_000
    strangers: int = 100
    known: int = 500
    stress: float = 0.5
    """The share of all connections beyond which patience gets short."""


@dataclass(slots=True)
class OpenConnections:
    """All connections of a server, oldest first."""

    bounds: ConnectionLimits = field(default_factory=ConnectionLimits)
    proxies: Collection[IPv4Network | IPv6Network] = ()
    """Addresses that stand for many clients: each may have all but what one stranger may."""
    _all: dict[CountedConnection, str] = field(default_factory=dict)
    _at: dict[str, dict[CountedConnection, None]] = field(default_factory=dict)

    def enter(self, new: CountedConnection) -> bool:
        """Count a connection in, for which an idle one may have to go; False if none can."""
        at = client_network(new.host)
        if not (self._room_at(at, proxy=within(new.host, self.proxies)) and self._room()):
            return False
        self._all[new] = at
        self._at.setdefault(at, {})[new] = None
        return True

    def leave(self, one: CountedConnection) -> None:
        """Stop counting a connection."""
        at = self._all.pop(one, None)
        if at is None:
            return
        del self._at[at][one]
        if not self._at[at]:
            del self._at[at]

    @property
    def stressed(self) -> bool:
        """True while more connections are open than `ConnectionLimits` calls quiet."""
        return len(self._all) > self.bounds.all * self.bounds.stress

    def _room_at(self, at: str, *, proxy: bool) -> bool:
        here = self._at.get(at, {})
        bounds = self.bounds
        if proxy:
            return len(here) < bounds.all - bounds.strangers or self._dropped(here)
        if len(here) < bounds.strangers:
            return True
        strangers = [one for one in here if not one.known]
        if len(strangers) >= bounds.strangers:
            return self._dropped(strangers)
        return len(here) < bounds.known or self._dropped(here)

    def _room(self) -> bool:
        return len(self._all) < self.bounds.all or self._dropped(self._all)

    def _dropped(self, those: Iterable[CountedConnection]) -> bool:
        """Drop the oldest idle one: of strangers, or else of those with a key; False if all are busy."""
        idle = [one for one in those if one.idle]
        oldest = next((one for one in idle if not one.known), next(iter(idle), None))
        if oldest is None:
            return False
        self.leave(oldest)
        oldest.drop()
        return True
