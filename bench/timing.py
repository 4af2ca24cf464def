"""Timing: calls of ours and of a peer by turns, in rounds, and what is read from them."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.figures import Figure

MILLISECONDS = 1000
_ROUND_S = 8.0
"""A round ends early where something is far slower than it should be."""


@dataclass(frozen=True)
class Round:
    """Seconds that each call took, ours and the peer's, measured by turns."""

    ours: list[float]
    peer: list[float]


@dataclass(frozen=True)
class Effort:
    """How much is measured: rounds, and calls or mails in each; of the hostile mails one in `hostile`."""

    rounds: int
    reads: int
    invites: int
    starts: int
    mails: int
    campaign: int
    receipts: int
    recipients: int
    few: int
    drafted: int
    attendees: int
    events: int
    crowd: int
    season: int
    hostile: int
    idle_s: int


FULL = Effort(
    rounds=5, reads=1000, invites=400, starts=7, mails=100, campaign=2000, receipts=400,
    recipients=10_000, few=1_000, drafted=100_000, attendees=100_000, events=100_000,
    crowd=50_000, season=2_500, hostile=1, idle_s=60,
)  # fmt: skip
QUICK = Effort(
    rounds=1, reads=5, invites=5, starts=1, mails=5, campaign=100, receipts=10,
    recipients=200, few=50, drafted=500, attendees=500, events=500,
    crowd=100, season=20, hostile=20, idle_s=1,
)  # fmt: skip


def quantile(seconds: Sequence[float], q: float) -> float:
    """The nearest-rank quantile."""
    return sorted(seconds)[max(0, math.ceil(q * len(seconds)) - 1)]


def by_turns(ours: Callable[[], Any], peer: Callable[[], Any], calls: int) -> Round:
    """Call both `calls` times, one after the other; who goes first changes each time."""
    taken, over = Round([], []), time.perf_counter() + _ROUND_S
    sides = [(ours, taken.ours), (peer, taken.peer)]
    for _ in range(calls):
        if time.perf_counter() > over:
            break
        for call, seconds in sides:
            began = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - began)
        sides.reverse()
    return taken


async def by_turns_async(ours: Callable[[], Awaitable[Any]], peer: Callable[[], Any], calls: int) -> Round:
    """As `by_turns`, where ours is a coroutine."""
    taken = Round([], [])
    for _ in range(calls):
        began = time.perf_counter()
        await ours()
        between = time.perf_counter()
        peer()
        taken.ours.append(between - began)
        taken.peer.append(time.perf_counter() - between)
    return taken


def latency(
    group: str,
    name: str,
    rounds: Sequence[Round],
    q: float,
    peer: str,
    *,
    below: float | None = None,
    within: float | None = None,
    unit: str = "ms",
) -> Figure:
    """A quantile in ms or s: the median of the rounds, and the median of their ratios to the peer."""
    scale = MILLISECONDS if unit == "ms" else 1
    ours = [quantile(r.ours, q) for r in rounds]
    theirs = [quantile(r.peer, q) for r in rounds]
    return Figure(
        group=group,
        name=f"{name}, p{q * 100:g}",
        value=median(ours) * scale,
        unit=unit,
        below=below,
        within=within,
        peer=peer,
        peer_value=median(theirs) * scale,
        ratio=median(o / t for o, t in zip(ours, theirs, strict=True)),
    )


def speed(
    group: str,
    name: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
) -> Figure:
    """So many a second: the medians of the rounds, and the median of their ratios to the peer."""
    return Figure(
        group=group,
        name=name,
        value=median(ours),
        unit=unit,
        at_least=at_least,
        peer=peer,
        peer_value=median(theirs),
        ratio=median(o / t for o, t in zip(ours, theirs, strict=True)),
    )
