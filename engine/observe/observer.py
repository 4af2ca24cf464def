"""Counts and times what an engine does, and passes it to a listener such as OpenTelemetry, if any."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

Labels = tuple[tuple[str, str], ...]
Value = str | int | float

_SECONDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0, 60.0, 300.0)


@dataclass(frozen=True)
class Counted:
    """A counter of how often something happened, by labels."""

    name: str
    says: str


@dataclass(frozen=True)
class Timed:
    """A histogram of seconds, by labels."""

    name: str
    says: str
    bounds: tuple[float, ...] = _SECONDS


COMMANDS = Counted("cis_commands", "Commands carried out (outcome done) or refused (outcome: the code).")
COMMAND_S = Timed("cis_command_seconds", "How long commands took.")
ANSWERS = Counted(
    "cis_send_answers", "Answers to messages that this process sent, by what they made of them."
)
BATCH_S = Timed("cis_batch_seconds", "How long a batch of messages took on one connection.")
MAILS = Counted("cis_mails", "Mails handled by this process, by what became of them.")
MAIL_S = Timed("cis_mail_seconds", "How long it took to handle a mail.")
LAG_S = Timed("cis_receipt_lag_seconds", "From the arrival of a receipt to the moment it was counted.")

COUNTERS = (COMMANDS, ANSWERS, MAILS)
TIMERS = (COMMAND_S, BATCH_S, MAIL_S, LAG_S)


class WorkSpan(Protocol):
    """A span of work in progress."""

    def note(self, **attributes: Value) -> None:
        """Add attributes; never an address, a token or text of a mail."""
        ...

    def failed(self, kind: str) -> None:
        """Mark it as failed; `kind` is the name of the exception, or a code."""
        ...


class ObserverListener(Protocol):
    """Receives what an observer records."""

    def count(self, what: Counted, n: int, labels: Mapping[str, str]) -> None: ...
    def took(self, what: Timed, seconds: float, labels: Mapping[str, str]) -> None: ...
    def span(self, name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[WorkSpan]: ...


class _Unseen:
    """The span used without a listener, of which there is one."""

    def __enter__(self) -> _Unseen:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def note(self, **attributes: Value) -> None:
        return None

    def failed(self, kind: str) -> None:
        return None


_UNSEEN = _Unseen()


@dataclass
class Histogram:
    """How many durations fell below each bound, the last for all longer ones; and their sum in seconds."""

    counts: list[int]
    total: float = 0.0


@dataclass
class Observer:
    """What one engine has done in this process since it was opened."""

    counters: dict[str, dict[Labels, int]] = field(default_factory=dict)
    timers: dict[str, dict[Labels, Histogram]] = field(default_factory=dict)
    listener: ObserverListener | None = None

    def count(self, what: Counted, n: int = 1, **labels: str) -> None:
        """Count `n` more; labels have few different values, none of them personal."""
        by_labels = self.counters.setdefault(what.name, {})
        key = tuple(labels.items())
        by_labels[key] = by_labels.get(key, 0) + n
        if self.listener:
            self.listener.count(what, n, labels)

    def took(self, what: Timed, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""
        by_labels = self.timers.setdefault(what.name, {})
        key = tuple(labels.items())
        found = by_labels.get(key)
        if found is None:
            found = by_labels[key] = Histogram([0] * (len(what.bounds) + 1))
        found.counts[bisect_left(what.bounds, seconds)] += 1
        found.total += seconds
        if self.listener:
            self.listener.took(what, seconds, labels)

    def span(self, name: str, **attributes: Value) -> AbstractContextManager[WorkSpan]:
        """A span around a block; costs nothing without a listener."""
        return self.listener.span(name, attributes) if self.listener else _UNSEEN

    @contextmanager
    def timing(self, what: Timed, **labels: str) -> Iterator[None]:
        """Record how long the block took, even if it failed."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.took(what, time.perf_counter() - began, **labels)
