"""A list of recipients drafted from a CSV file: how long it takes, and how much memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import Figure
from bench.processes import SERVER, environment, over_stdio
from bench.reading import new_event
from bench.timing import Effort
from bench.usage import usage
from bench.wire import Wire, call

_GROUP = "A list drafted from CSV"
_DRAFT_S, _PEAK_MB = 5, 200
_ROUNDS = 3


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Drafts, each in a process of its own, so that its peak memory is the draft's."""
    file = csv_file(folder, effort.drafted)
    taken = [_drafted(folder, f"draft{i}", file) for i in range(min(_ROUNDS, effort.rounds))]
    name = f"{effort.drafted:,} rows"
    yield Figure(_GROUP, name, median(seconds for seconds, _ in taken), "s", below=_DRAFT_S)
    yield Figure(_GROUP, f"peak memory, {name}", median(mb for _, mb in taken), "MB", below=_PEAK_MB)


def _drafted(folder: Path, name: str, file: Path) -> tuple[float, float]:
    with over_stdio(SERVER, environment(folder / name), folder / f"{name}.log") as ours:
        uid = new_event(ours)
        began = time.perf_counter()
        draft(ours, uid, file)
        return time.perf_counter() - began, usage(ours.pid).peak_mb


def draft(wire: Wire, uid: str, file: Path) -> dict[str, Any]:
    """The draft of a campaign for the people in `file`, with its id and confirm_token."""
    return dict(call(wire, "bulk_send", uid=uid, csv_path=str(file))["campaign"])


def csv_file(folder: Path, rows: int) -> Path:
    """A list of so many people with names."""
    file = folder / f"list{rows}.csv"
    if not file.exists():
        lines = "".join(f"Guest {i},member{i}@example.com\n" for i in range(rows))
        file.write_text(f"name,email\n{lines}", encoding="utf-8")
    return file


def mail_size(folder: Path) -> int:
    """Bytes of one of the invites that are sent."""
    data = folder / "size"
    with over_stdio(SERVER, environment(data), folder / "size.log") as ours:
        call(ours, "send_invite", uid=new_event(ours), email="member1@example.com", name="Guest 1", wait_s=10)
    (mail,) = (data / "outbox" / "new").iterdir()
    return mail.stat().st_size
