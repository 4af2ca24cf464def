"""One invite by tool until a mail server took it, and many of them by campaign."""

from __future__ import annotations

import itertools
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.figures import BenchFailed, Figure
from bench.mails import invite
from bench.processes import BARE, SERVER, environment, over_stdio, sink
from bench.reading import new_event
from bench.timing import Effort, by_turns, latency, speed
from bench.wire import Wire, call

_GROUP = "send_invite, until a mail server took it"
_CAMPAIGN_GROUP = "A campaign into the sink"
_P50_MS, _P99_MS = 10, 50
_PATIENCE_S = 120


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """send_invite beside a tool on the bare SDK that mails; then campaigns beside plain senders."""
    env, log = environment(folder / "sending"), folder / "sending.log"
    with ExitStack() as stack:
        port, name = stack.enter_context(sink(log))
        env |= {"CIS_OUTBOX": f"smtp://127.0.0.1:{port}", "BENCH_SINK_PORT": str(port)}
        ours = stack.enter_context(over_stdio(SERVER, env, log))
        bare = stack.enter_context(over_stdio(BARE, env, log))
        yield from _invites(effort, ours, bare, name)
        yield from _campaigns(effort, ours, port, name)


def _invites(effort: Effort, ours: Wire, bare: Wire, sink_name: str) -> Iterator[Figure]:
    uid, people = new_event(ours), itertools.count()

    def send() -> None:
        sent = call(
            ours, "send_invite", uid=uid, email=f"guest{next(people)}@example.com", name="Ann Example"
        )
        if sent["status"] != "sent":
            raise BenchFailed(f"an invite was not taken: {sent}")

    def mail() -> None:
        call(bare, "mail_invite", email=f"guest{next(people)}@example.com")

    by_turns(send, mail, max(20, effort.invites // 4))
    rounds = [by_turns(send, mail, effort.invites) for _ in range(effort.rounds)]
    peer = "bare tool: build + SMTP, no store"
    for q, below in ((0.5, _P50_MS), (0.99, _P99_MS)):
        yield latency(_GROUP, f"over stdio, into {sink_name}", rounds, q, peer, below=below)


def _campaigns(effort: Effort, ours: Wire, port: int, sink_name: str) -> Iterator[Figure]:
    n = effort.campaign
    ready = [(f"p{i}@example.net", invite(f"p{i}@example.net")) for i in range(n)]
    campaign, prepared, built = [], [], []
    for _ in range(2 if effort.rounds < 5 else 3):
        campaign.append(n / _campaign(ours, n))
        prepared.append(n / _seconds(lambda: _plain(port, ready)))
        few = ready[: n // 4]
        built.append(len(few) / _seconds(lambda: _plain(port, [(a, invite(a)) for a, _ in few])))  # noqa: B023
    name = f"{n:,} invites into {sink_name}"
    yield speed(_CAMPAIGN_GROUP, name, campaign, "smtplib, mails made before", prepared, "mails/s")
    yield speed(_CAMPAIGN_GROUP, name, campaign, "smtplib, each made by library", built, "mails/s")


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _campaign(ours: Wire, n: int) -> float:
    """Seconds from the upload of a list to the last acceptance in the ledger."""
    uid = new_event(ours)
    rows = "\n".join(f"Guest {i},member{i}@example.com" for i in range(n))
    began = time.perf_counter()
    made = call(ours, "bulk_send", uid=uid, csv=f"name,email\n{rows}\n", start=True)["campaign"]
    _until(lambda: call(ours, "get_stats", scope="event", key=uid)["delivery"]["sent"] == n)
    took = time.perf_counter() - began
    # What follows is measured on a server that has nothing left to do.
    _until(lambda: call(ours, "get_campaign", campaign_id=made["id"])["campaign"]["state"] == "finished")
    return took


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise BenchFailed(f"the campaign did not finish in {_PATIENCE_S} s")
        time.sleep(0.05)


def _plain(port: int, mails: list[tuple[str, bytes]]) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        for email, content in mails:
            smtp.sendmail("rsvp@example.org", [email], content)
