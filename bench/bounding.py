"""What the bounds of a key cost: a campaign and single invites of a bounded key beside those of an unbounded one."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench import campaign
from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, over_stdio, sink
from bench.reading import new_event
from bench.timing import Effort, by_turns, latency, speed
from bench.wire import StdioWire, Wire, call
from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.settings import Settings

_GROUP = "What bounds, budgets and the record cost"
_CAMPAIGN, _INVITE = 1 / 1.05, 1.15
_MANY = 100_000_000
_ROUNDS = 5
_JUDGED = 10_000
"""A campaign of fewer says little of what each mail costs."""
_LONGEST_S = 3_600.0
"""Both servers live through all rounds of both; a slow machine needs more than ten minutes for them."""
BOUNDS = Bounds(
    to=("*@example.com", "*@example.net", "*@example.org"),
    not_to=("nobody@example.com",),
    links=("example.com",),
    day=_MANY,
    new_people_day=_MANY,
    bulk_max=_MANY,
    events_max=_MANY,
    horizon_days=0,
    minute=0,
)


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Two servers into one sink, by turns: one acts with a key that has bounds, the other with one that has none."""
    with ExitStack() as stack:
        port, name = stack.enter_context(sink(folder / "bounding.log"))
        bounded, free = (
            stack.enter_context(_server(folder, f"bounding-{label}", port, bounds))
            for label, bounds in (("bounded", BOUNDS), ("free", None))
        )
        yield from _invites(effort, bounded, free, name)
        yield _campaigns(effort, bounded, free, name)


def _invites(effort: Effort, bounded: Wire, free: Wire, sink_name: str) -> Iterator[Figure]:
    ours, theirs = _sender(bounded), _sender(free)
    by_turns(ours, theirs, max(20, effort.invites // 4))
    rounds = [by_turns(ours, theirs, effort.invites) for _ in range(effort.rounds)]
    name = f"send_invite by a bounded key, over stdio, into {sink_name}"
    yield latency(
        _GROUP, name, rounds, 0.5, "by an unbounded key", within=_INVITE if effort.rounds > 1 else None
    )


def _sender(wire: Wire) -> Callable[[], None]:
    uid, people = new_event(wire), itertools.count()

    def send() -> None:
        sent = call(
            wire, "send_invite", uid=uid, email=f"guest{next(people)}@example.com", name="Ann Example"
        )
        if sent["status"] != "sent":
            raise BenchFailed(f"an invite was not taken: {sent}")

    return send


def _campaigns(effort: Effort, bounded: StdioWire, free: StdioWire, sink_name: str) -> Figure:
    n, ours, theirs = effort.recipients, list[float](), list[float]()
    for wire in (bounded, free):
        _sent(wire, min(effort.few, n))
    for turn in range(min(_ROUNDS, effort.rounds)):
        pairs = [(bounded, ours), (free, theirs)]
        for wire, rates in pairs if turn % 2 else reversed(pairs):
            rates.append(_sent(wire, n).rate)
    name = f"a campaign of {n:,} by a bounded key, into {sink_name}"
    at_least = _CAMPAIGN if n >= _JUDGED else None
    return speed(_GROUP, name, ours, "by an unbounded key", theirs, "mails/s", at_least=at_least)


def _sent(wire: StdioWire, n: int) -> campaign.Sent:
    """A list of `n`, given as text, since a key reads no files of the server's machine."""
    uid = new_event(wire)
    rows = "".join(f"Guest {i},member{i}@example.com\n" for i in range(n))
    draft = call(wire, "bulk_send", uid=uid, csv=f"name,email\n{rows}")["campaign"]
    return campaign.started(wire, uid, draft, n)


def _server(folder: Path, name: str, port: int, bounds: Bounds | None) -> AbstractContextManager[StdioWire]:
    env = environment(folder / name, outbox=f"smtp://127.0.0.1:{port}")
    env |= {"CIS_KEY": asyncio.run(_key(folder / name, bounds))}
    return over_stdio(SERVER, env, folder / f"{name}.log", longest_s=_LONGEST_S)


async def _key(folder: Path, bounds: Bounds | None) -> str:
    """A key with these bounds, or one as keys were before there were bounds."""
    engine = await Engine.open(Settings(_env_file=None, data_dir=folder))
    try:
        made = await engine.apply(CreateKey(name="bench", bounds=bounds or Bounds()), engine.local)
        if bounds is None:
            async with engine.store.unit() as unit:
                await unit.save_key(made.key.model_copy(update={"bounds": None}))
    finally:
        await engine.close()
    return made.secret
