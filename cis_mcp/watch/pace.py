"""How fast a campaign is sent and how long it will take, from the counts of the last seconds."""

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
    """How many messages a mail server has accepted or refused for good."""
    return sum(counts.get(name, 0) for name in _SENT)


def settled(counts: Mapping[str, int]) -> int:
    """How many of a campaign's messages are done: sent, failed, withdrawn or skipped."""
    return sent(counts) + sum(counts.get(name, 0) for name in _WITHDRAWN_OR_SKIPPED)


def in_words(counts: Mapping[str, int], total: int) -> str:
    """The counts as “120 of 500 done: 118 sent, 2 failed, 380 queued”."""
    names = dict.fromkeys([*_SHOWN_FIRST, *counts])
    shown = ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name))
    return f"{settled(counts)} of {total} done: {shown or 'nothing yet'}"


def clock_time(seconds: float) -> str:
    """A duration as h:mm:ss, or m:ss below an hour."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class Throughput:
    """Messages per second over the last seconds; `at` is the time in seconds of any monotonic clock."""

    def __init__(self, window_s: float = 10.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, at: float, counts: Mapping[str, int]) -> None:
        """Note the counts at a time."""
        self._seen.append((at, sent(counts)))
        while len(self._seen) > 2 and self._seen[1][0] <= at - self._window_s:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Messages per second; None until there are two counts to compare."""
        if not self._seen:
            return None
        (begin, before), (end, after) = self._seen[0], self._seen[-1]
        return max(0, after - before) / (end - begin) if end - begin >= _SHORTEST_S else None

    def left_s(self, counts: Mapping[str, int], total: int) -> float | None:
        """Seconds until all of `total` is done at this rate; None if unknown."""
        left = total - settled(counts)
        rate = self.rate
        return left / rate if rate and left > 0 else None
