"""How fast a campaign goes and how long it will take, from counts that were seen over the last seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from engine.model.messages import MessageState

_SENT = (MessageState.SENT.value, MessageState.FAILED.value)
_WITHDRAWN_OR_SKIPPED = (MessageState.WITHDRAWN.value, "skipped")
_SHOWN_FIRST = (*_SENT, *_WITHDRAWN_OR_SKIPPED)
_SHORTEST_S = 0.2
"""Below this a rate would be an accident of when one looked."""


def sent(counts: Mapping[str, int]) -> int:
    """How many messages a mail server has taken or turned down for good."""
    return sum(counts.get(name, 0) for name in _SENT)


def settled(counts: Mapping[str, int]) -> int:
    """How many of a campaign's total need nothing more: sent, failed, withdrawn or skipped."""
    return sent(counts) + sum(counts.get(name, 0) for name in _WITHDRAWN_OR_SKIPPED)


def in_words(counts: Mapping[str, int], total: int) -> str:
    """The counts as “120 of 500 done: 118 sent, 2 failed, 380 queued”."""
    names = dict.fromkeys([*_SHOWN_FIRST, *counts])
    shown = ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))
    return f"{settled(counts)} of {total} done: {shown or 'nothing yet'}"


def clock_time(seconds: float) -> str:
    """A length of time as h:mm:ss, or m:ss below an hour."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class Throughput:
    """Messages a second over a window of the last seconds; `at` is any clock that only grows, in seconds."""

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, at: float, counts: Mapping[str, int]) -> None:
        """Take note of the counts at a moment."""
        self._seen.append((at, sent(counts)))
        while len(self._seen) > 2 and self._seen[1][0] <= at - self._window_s:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Messages a second; None before there is anything to compare with."""
        if not self._seen:
            return None
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return max(0, after - before) / (end - begin) if end - begin >= _SHORTEST_S else None

    def left_s(self, counts: Mapping[str, int], total: int) -> float | None:
        """Seconds until all of `total` is done at this rate; None if that cannot be told."""
        left = total - settled(counts)
        rate = self.rate
        return left / rate if rate and left > 0 else None
