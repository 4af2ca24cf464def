"""What everybody else waits while mails that cost the most are read: tools, and another organizer's mail."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.figures import BenchFailed, Figure
from bench.hostile_mails import made
from bench.mails import calendar
from bench.processes import DOMAIN, SERVER, environment, free_port, over_stdio, wait_for
from bench.reading import new_event
from bench.timing import MILLISECONDS, Effort, quantile
from bench.wire import Wire, call

_GROUP = "While strangers' dearest mails are read"
_WITHIN = 3.0
_DEAR = [
    made(name, 5_000_000) for name in ("short lines within 20 mails", "20 calendars", "a calendar of events")
]
_NAMES = ("get_stats, p99", "an organizer's mail until its notice, p50")
_AT_ONCE = 4
_TRUSTED = "mx.bench.example"
_PAUSE_S = 0.01
_LOOK_S = 0.001
_PATIENCE_S = 60.0


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """get_stats and mails of new organizers on a quiet server, and then beside several dear mails at a time."""
    data, inbox = folder / "costly", free_port()
    env = environment(data, inbox=f"smtp://127.0.0.1:{inbox}") | {
        "CIS_AUTHSERV_IDS": _TRUSTED,
        "CIS_ORGANIZERS": "*",
    }
    with ExitStack() as stack:
        ours = stack.enter_context(over_stdio(SERVER, env, folder / "costly.log"))
        wait_for(inbox)
        uid = new_event(ours)
        quiet = _rounds(ours, data, inbox, uid, effort, "quiet", dear=False)
        beside = _rounds(ours, data, inbox, uid, effort, "beside", dear=True)
    for name, value, own in zip(
        ("get_stats, p99", "an organizer's mail until its notice, p50"), beside, quiet, strict=True
    ):
        yield Figure(
            _GROUP, name, value * MILLISECONDS, "ms", within=_WITHIN, peer="the same, quiet",
            peer_value=own * MILLISECONDS, ratio=value / own,
        )  # fmt: skip


def _rounds(
    ours: Wire, data: Path, inbox: int, uid: str, effort: Effort, name: str, *, dear: bool
) -> tuple[float, float]:
    """Seconds of get_stats at p99 and of an organizer's mail at p50."""
    stats, mails = list[float](), list[float]()
    for n in range(4 * effort.rounds):
        if dear:
            _keep_busy(data, inbox)
        for _ in range(10):
            began = time.perf_counter()
            call(ours, "get_stats", scope="event", key=uid)
            stats.append(time.perf_counter() - began)
            time.sleep(_PAUSE_S)
        mails.append(_noticed(data, inbox, f"{name}{n}@organizer.example"))
    return quantile(stats, 0.99), quantile(mails, 0.5)


def _keep_busy(data: Path, inbox: int) -> None:
    """Hand dear mails over until several wait."""
    waiting = sum(1 for _ in (data / "inbox" / "new").iterdir())
    for n in range(waiting, _AT_ONCE):
        _send(inbox, "x@stranger.example", f"rsvp@{DOMAIN}", _DEAR[n % len(_DEAR)])


def _noticed(data: Path, inbox: int, organizer: str) -> float:
    """How long an invitation takes from its hand-over to the notice for its organizer."""
    box = f"create@{DOMAIN}"
    content = calendar("REQUEST", f"event-of-{organizer}", organizer, box, "NEEDS-ACTION")
    head = (
        f"Authentication-Results: {_TRUSTED}; dmarc=pass header.from=organizer.example; "
        f"spf=pass smtp.mailfrom={organizer}\r\nFrom: {organizer}\r\nTo: {box}\r\nSubject: Season call\r\n"
        'MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST; charset="utf-8"\r\n\r\n'
    )
    there = {path.name for path in (data / "outbox" / "new").glob("*")}
    began = time.perf_counter()
    _send(inbox, organizer, box, head.encode() + content)
    while time.perf_counter() - began < _PATIENCE_S:
        if {path.name for path in (data / "outbox" / "new").glob("*")} - there:
            return time.perf_counter() - began
        time.sleep(_LOOK_S)
    raise BenchFailed(f"the organizer heard nothing of a mail in {_PATIENCE_S:g} s")


def _send(inbox: int, sender: str, to: str, content: bytes) -> None:
    with smtplib.SMTP("127.0.0.1", inbox, timeout=_PATIENCE_S) as smtp:
        smtp.sendmail(sender, [to], content)
