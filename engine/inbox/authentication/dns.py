"""DNS lookups behind an interface, and the limit of lookups that one mail may cause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Literal, Protocol

from engine.mail.domains import is_domain
from engine.setting_values import host_and_port

Kind = Literal["TXT", "A", "AAAA", "MX", "PTR"]
Record = bytes | str | tuple[int, str]
"""TXT: its strings joined; A, AAAA and PTR: text; MX: preference and host."""

_CACHED_MAX = 2_000
_RECORDS_MAX = 100


class LookupFailed(Exception):  # noqa: N818 -- reads as what it is
    """No answer, or none in time; a later try may get one."""


class LookupsSpent(Exception):  # noqa: N818 -- reads as what it is
    """The sender's records need more lookups than one mail may cause."""


class NameServer(Protocol):
    """A resolver of names."""

    def records(self, name: str, kind: Kind, seconds: float) -> list[Record]:
        """All records, at most 100; empty if there are none. Blocks; raises LookupFailed."""
        ...


Answers = dict[tuple[str, Kind], list[Record] | None]
"""Records by name and kind; None for what got no answer."""


class RememberedNames:
    """Answers what was asked before, so that a mail can be judged twice while its name servers are asked once."""

    def __init__(
        self, names: NameServer | None = None, answers: Answers | None = None, *, spent: bool = False
    ) -> None:
        """`names`: who is asked what is not known yet; without them, there is no answer to that.

        `spent`: what is not known was not asked, since the mail may cause no more lookups.
        """
        self._names = names
        self._spent = spent
        self.answers: Answers = answers or {}

    def records(self, name: str, kind: Kind, seconds: float) -> list[Record]:
        """As whoever was asked. Blocks; raises LookupFailed, LookupsSpent."""
        if (name, kind) not in self.answers:
            if self._spent:
                raise LookupsSpent
            self.answers[name, kind] = None
            if self._names:
                self.answers[name, kind] = self._names.records(name, kind, seconds)
        found = self.answers[name, kind]
        if found is None:
            raise LookupFailed("no answer")
        return found


class DnsNames:
    """Answers by a DNS resolver, the system's own or the one at `server`; remembers answers for their TTL."""

    def __init__(self, server: str = "") -> None:
        self._server = server
        self._lock = threading.Lock()
        self._resolver: Any = None

    def records(self, name: str, kind: Kind, seconds: float) -> list[Record]:
        """All records, at most 100; empty if there are none, and for what is no domain name.

        Blocks; raises LookupFailed.
        """
        if not is_domain(name):
            return []
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            asked = dns.name.from_text(name, dns.name.root)
            answer = self._opened().resolve(asked, kind, lifetime=seconds, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(type(error).__name__) from error
        return [_READ[kind](record) for record in list(answer)[:_RECORDS_MAX]]

    def _opened(self) -> Any:
        """The resolver, made at the first question: reading the system's settings takes time."""
        import dns.resolver

        with self._lock:
            if self._resolver is None:
                resolver = dns.resolver.Resolver(configure=not self._server)
                if self._server:
                    host, port = host_and_port(self._server, 53)
                    resolver.nameservers, resolver.port = [host], port
                resolver.cache = dns.resolver.LRUCache(_CACHED_MAX)
                self._resolver = resolver
            return self._resolver


_READ: dict[Kind, Callable[[Any], Record]] = {
    "TXT": lambda record: b"".join(record.strings),
    "A": lambda record: str(record.address),
    "AAAA": lambda record: str(record.address),
    "MX": lambda record: (int(record.preference), record.exchange.to_text(True)),
    "PTR": lambda record: record.target.to_text(True),
}


class Lookups:
    """The lookups that one mail may cause: at most `most`, within `seconds` in all."""

    def __init__(self, names: NameServer, *, most: int = 40, seconds: float = 5.0) -> None:
        self._names = names
        self._left = most
        self.spent = False
        """True once more were wanted than a mail may cause."""
        self._deadline = time.monotonic() + seconds

    def __call__(self, name: str, kind: Kind, *, share: float = 1.0) -> list[Record]:
        """All records; `share`: how much of the time that is left may pass. Raises LookupFailed, LookupsSpent."""
        seconds = share * (self._deadline - time.monotonic())
        if seconds <= 0:
            raise LookupFailed("no time is left")
        if self._left <= 0:
            self.spent = True
            raise LookupsSpent
        self._left -= 1
        return self._names.records(name, kind, seconds)

    def texts(self, name: str, *, share: float = 1.0) -> list[bytes]:
        """The TXT records of `name`; `share`: as above. Raises LookupFailed, LookupsSpent."""
        return [record for record in self(name, "TXT", share=share) if isinstance(record, bytes)]
