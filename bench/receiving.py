"""Receipts by SMTP: how many the listener takes in durably, and how many are counted, in a second."""

from __future__ import annotations

import asyncio
import smtplib
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.figures import BenchFailed, Figure
from bench.mails import answer
from bench.processes import DOMAIN, SERVER, environment, free_port, over_stdio, process, sink, wait_for
from bench.reading import new_event
from bench.timing import Effort, speed
from bench.wire import Wire, call
from engine.store.sqlite.store import SqliteStore

_GROUP = "Receipts by SMTP"
_CONNECTIONS = 8
_PATIENCE_S = 120
_AT_LEAST = 0.8
Mail = tuple[str, str, bytes]
"""Sender, recipient, content."""


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Every guest of an event answers, in rounds; a bare aiosmtpd takes the same mails by turns."""
    log, inbox, bare = folder / "receiving.log", free_port(), free_port()
    with ExitStack() as stack:
        port, _ = stack.enter_context(sink(log))
        data = folder / "receiving"
        env = environment(data, outbox=f"smtp://127.0.0.1:{port}", inbox=f"smtp://127.0.0.1:{inbox}")
        ours = stack.enter_context(over_stdio(SERVER, env, log))
        stack.enter_context(process([sys.executable, "-m", "bench.bare_smtp", str(bare)], env, log))
        wait_for(bare)
        answers = _answers(ours, data, effort.rounds * effort.receipts)
        taken, counted, peer = [], [], []
        for i in range(effort.rounds):
            mails = answers.mails[i * effort.receipts : (i + 1) * effort.receipts]
            peer.append(len(mails) / deliver(bare, mails))
            began = time.perf_counter()
            taken.append(len(mails) / deliver(inbox, mails))
            wait_counted(ours, answers.uid, (i + 1) * effort.receipts)
            counted.append(len(mails) / (time.perf_counter() - began))
    name = f"over {_CONNECTIONS} connections"
    yield speed(
        _GROUP,
        f"taken in and synced, {name}",
        taken,
        "bare aiosmtpd, keeps nothing",
        peer,
        "mails/s",
        at_least=_AT_LEAST,
    )
    yield speed(
        _GROUP, f"counted in the statistics, {name}", counted, "bare aiosmtpd, keeps nothing", peer, "mails/s"
    )


class _Answers:
    def __init__(self, uid: str, mails: list[Mail]) -> None:
        self.uid, self.mails = uid, mails


def _answers(ours: Wire, data: Path, n: int) -> _Answers:
    """One answer for each of `n` guests, to the receipt address of their invite."""
    uid = new_event(ours)
    rows = "\n".join(f"Guest {i},guest{i}@example.com" for i in range(n))
    call(ours, "bulk_send", uid=uid, csv=f"name,email\n{rows}\n", start=True)
    wait_counted(ours, uid, n, "delivery", "sent")
    tokens = asyncio.run(_tokens(data / "cis.sqlite3", uid))
    addresses = {email: f"rsvp+{token}@{DOMAIN}" for email, token in tokens.items()}
    return _Answers(uid, [(e, to, answer(uid, e, to, "ACCEPTED")) for e, to in addresses.items()])


async def _tokens(database: Path, uid: str) -> dict[str, str]:
    store = await SqliteStore.open(database)
    try:
        return {a.email: a.token async for a in store.every_attendee(uid)}
    finally:
        await store.close()


def wait_counted(ours: Wire, uid: str, n: int, counter: str = "rsvp", name: str = "accepted") -> None:
    """Return once `n` are counted. Raises BenchFailed."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if call(ours, "get_stats", scope="event", key=uid)[counter][name] == n:
            return
        time.sleep(0.02)
    raise BenchFailed(f"{n} of {counter} were not counted in {_PATIENCE_S} s")


def deliver(port: int, mails: Sequence[Mail]) -> float:
    """Seconds until the last 250, over several connections at once."""
    shares = [mails[i::_CONNECTIONS] for i in range(_CONNECTIONS)]
    began = time.perf_counter()
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(lambda share: _deliver_share(port, share), shares))
    return time.perf_counter() - began


def _deliver_share(port: int, mails: Sequence[Mail]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as smtp:
        for sender, to, content in mails:
            smtp.sendmail(sender, [to], content)
