"""Two checkouts side by side, by processor time: `python -m bench.compare FOLDER [--rounds N] [--busy N]`.

FOLDER holds the other commit (git worktree add). Both are served by this Python, each from its own sources, and do the
same work by turns; a figure is the median of the ratios of this checkout to the other. Processor time is what a busy
machine tells most truly.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

from bench import lists
from bench.campaign import started
from bench.mails import answer
from bench.processes import DOMAIN, ROOT, SERVER, busy_cores, environment, free_port, sink, wait_for
from bench.reading import new_event
from bench.receiving import Mail, deliver, wait_counted
from bench.usage import together
from bench.wire import StdioWire, call, watchdog

_LONGEST_S = 1_200.0
_CALLS, _INVITES, _ANSWERS, _ROWS = 1_500, 300, 600, 20_000
Work = Callable[["Side", Path], float]


class Side:
    """A server of one checkout, with a mail server behind it."""

    def __init__(self, wire: StdioWire, data: Path, inbox: int) -> None:
        self.wire, self.data, self.inbox = wire, data, inbox

    def cpu_s(self) -> float:
        """Processor seconds that it and its children have used."""
        return together(self.wire.pid).cpu_s


def main() -> None:
    """Print a line for each kind of work."""
    parser = argparse.ArgumentParser(prog="python -m bench.compare", description=__doc__)
    parser.add_argument("other", type=Path, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recipients", type=int, default=10_000)
    parser.add_argument("--only", default="", metavar="WORD", help="the work whose name holds it")
    parser.add_argument("--busy", type=int, default=0, metavar="N", help="cores that are kept busy meanwhile")
    wanted = parser.parse_args()
    works: dict[str, Work] = {
        "start, handshake, list and first call": _start,
        "get_stats": _reads,
        "send_invite, until it was sent": _invites,
        f"a list of {_ROWS:,} drafted": _draft,
        f"a mail of a campaign of {wanted.recipients:,}": lambda side, folder: _campaign(
            side, folder, wanted.recipients
        ),
        "an answer by SMTP, until it is counted": _answers,
    }
    for name, work in works.items():
        if wanted.only not in name:
            continue
        with busy_cores(wanted.busy):
            ours, theirs, ratios = _compared(work, ROOT, wanted.other.resolve(), wanted.rounds)
        print(
            f"{name}: {ours * 1000:.3f} ms here, {theirs * 1000:.3f} ms there, ratio {ratios:.2f}", flush=True
        )


def _compared(work: Work, here: Path, there: Path, rounds: int) -> tuple[float, float, float]:
    """Processor seconds here and there, and the median of their ratios; who goes first changes."""
    taken: dict[Path, list[float]] = {here: [], there: []}
    for number in range(rounds):
        for checkout in (here, there) if number % 2 else (there, here):
            with (
                tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
                _served(checkout, Path(folder)) as side,
            ):
                taken[checkout].append(work(side, Path(folder)))
    ratios = [ours / theirs for ours, theirs in zip(taken[here], taken[there], strict=True)]
    return median(taken[here]), median(taken[there]), median(ratios)


@contextmanager
def _served(checkout: Path, folder: Path) -> Iterator[Side]:
    inbox, data = free_port(), folder / "data"
    with sink(folder / "sink.log") as (port, _), (folder / "server.log").open("wb") as said:
        env = environment(data, outbox=f"smtp://127.0.0.1:{port}", inbox=f"smtp://127.0.0.1:{inbox}")
        pipe = subprocess.PIPE
        child = subprocess.Popen(SERVER, stdin=pipe, stdout=pipe, stderr=said, env=env, cwd=checkout)
        timer = watchdog(child, _LONGEST_S)
        try:
            wire = StdioWire(child)
            wire.open()
            wire.request("tools/list", {})
            call(wire, "get_stats", scope="system")
            wait_for(inbox)
            yield Side(wire, data, inbox)
        finally:
            timer.cancel()
            with suppress(BrokenPipeError):
                wire.close()
            child.wait(timeout=60)


def _spent(side: Side, work: Callable[[], object], times: int) -> float:
    """Processor seconds for each of `times`."""
    before = side.cpu_s()
    work()
    return (side.cpu_s() - before) / times


def _start(side: Side, _folder: Path) -> float:
    return side.cpu_s()


def _reads(side: Side, _folder: Path) -> float:
    uid = new_event(side.wire)
    ask = {"scope": "event", "key": uid}
    return _spent(side, lambda: [call(side.wire, "get_stats", **ask) for _ in range(_CALLS)], _CALLS)


def _invites(side: Side, _folder: Path) -> float:
    uid = new_event(side.wire)

    def send() -> None:
        for number in range(_INVITES):
            call(
                side.wire, "send_invite", uid=uid, email=f"guest{number}@example.com", name="Guest", wait_s=30
            )

    return _spent(side, send, _INVITES)


def _draft(side: Side, folder: Path) -> float:
    uid, file = new_event(side.wire), lists.csv_file(folder, _ROWS)
    return _spent(side, lambda: lists.draft(side.wire, uid, file), 1)


def _campaign(side: Side, folder: Path, recipients: int) -> float:
    uid = new_event(side.wire)
    draft = lists.draft(side.wire, uid, lists.csv_file(folder, recipients))
    return started(side.wire, uid, draft, recipients).cpu_s


def _answers(side: Side, folder: Path) -> float:
    uid = new_event(side.wire)
    started(side.wire, uid, lists.draft(side.wire, uid, lists.csv_file(folder, _ANSWERS)), _ANSWERS)
    mails = _replies(side.data / "cis.sqlite3", uid)

    def come() -> None:
        deliver(side.inbox, mails)
        wait_counted(side.wire, uid, _ANSWERS)

    return _spent(side, come, _ANSWERS)


def _replies(database: Path, uid: str) -> list[Mail]:
    """A Yes of each attendee, to the receipt address of the invite."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as store:
        people = store.execute("SELECT email, token FROM attendee WHERE event_uid = ?", (uid,)).fetchall()
    return [
        (email, to, answer(uid, email, to, "ACCEPTED"))
        for email, to in ((email, f"rsvp+{token}@{DOMAIN}") for email, token in people)
    ]


if __name__ == "__main__":
    main()
