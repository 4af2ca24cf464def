"""The pace that mail servers accept: slows down when they refuse, and recovers."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_FAILURES_IN_A_ROW = 5
"""Temporary refusals in a row after which a recipient domain rests."""
_REST_FIRST_S = 30.0
_REST_LONGEST_S = 900.0
_DOMAINS_MAX = 10_000
_PAUSE_FIRST_S = 0.5
_PAUSE_LONGEST_S = 60.0
_SUCCESSES_FOR_MORE = 100


@dataclass
class _Domain:
    failures: int = 0
    rest: float = _REST_FIRST_S
    """How long it rests next."""
    until: float = 0.0


class Pace:
    """What the answers so far allow: which domains to pause, for how long, and how many connections to use.

    Times are seconds of one steady clock, handed in. A recipient domain that refuses rests alone while
    the others go on; a mail server that refuses us as a whole is given time and fewer connections, and more
    again as it accepts (additive increase, multiplicative decrease).
    """

    def __init__(self, connections: int) -> None:
        self._all = self._most = connections
        self.connections = connections
        self._successes = 0
        self._pause = 0.0
        self._paused_until = 0.0
        self._domains: OrderedDict[str, _Domain] = OrderedDict()

    def share(self, senders: int) -> None:
        """Divide the connections among the dispatchers that are sending, whichever process they are in."""
        unhindered = self.connections == self._most
        self._most = max(1, self._all // max(1, senders))
        self.connections = self._most if unhindered else min(self.connections, self._most)

    def rest(self, email: str, now: float) -> float:
        """Seconds for which the recipient's domain is left alone; 0 if mail may go."""
        domain = self._domains.get(_domain(email)) if self._domains else None
        return max(0.0, domain.until - now) if domain else 0.0

    def pause(self, now: float) -> float:
        """Seconds for which nothing is sent at all; 0 if mail may go."""
        return max(0.0, self._paused_until - now)

    def accepted(self, email: str) -> bool:
        """Note that a mail was accepted, so its domain is no longer paused; True if one more connection may be used."""
        if self._domains:
            self._domains.pop(_domain(email), None)
        self._pause = 0.0
        self._successes += 1
        if self._successes < _SUCCESSES_FOR_MORE:
            return False
        self._successes = 0
        before, self.connections = self.connections, min(self._most, self.connections + 1)
        return self.connections > before

    def refused(self, email: str, now: float) -> None:
        """Note that a recipient was refused for now."""
        name = _domain(email)
        domain = self._domains.setdefault(name, _Domain())
        self._domains.move_to_end(name)
        if len(self._domains) > _DOMAINS_MAX:
            self._domains.popitem(last=False)
        domain.failures += 1
        if domain.failures >= _FAILURES_IN_A_ROW and domain.until <= now:
            domain.until = now + domain.rest
            domain.rest = min(2 * domain.rest, _REST_LONGEST_S)

    def throttled(self, now: float) -> float:
        """The server itself refuses us for now, or cannot be reached; returns for how long nothing is sent, if
        that is new."""
        if now < self._paused_until:
            return 0.0  # the answers of mails that were under way already say nothing new
        self._pause = min(max(_PAUSE_FIRST_S, self._pause * 2), _PAUSE_LONGEST_S)
        self._paused_until = now + self._pause
        self._successes = 0
        self.connections = max(1, self.connections // 2)
        return self._pause


def _domain(email: str) -> str:
    return email.rpartition("@")[2]
