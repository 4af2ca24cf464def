"""The judge ical.js, the library of Thunderbird and others, in one long-lived node process."""

from __future__ import annotations

import atexit
import json
import select
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.waiting import DEADLINE_S

_HERE = Path(__file__).parent
_MODULE = _HERE.parents[1] / ".judges" / "node_modules" / "ical.js" / "dist" / "ical.js"


def available() -> bool:
    """True where node and ical.js are installed."""
    return shutil.which("node") is not None and _MODULE.exists()


@cache
def _process() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        ["node", str(_HERE / "icaljs.mjs"), _MODULE.as_uri()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(_stop, process)
    return process


def _stop(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=DEADLINE_S)


def _ask(question: dict[str, Any]) -> dict[str, Any]:
    process = _process()
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(question) + "\n")
    process.stdin.flush()
    ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
    assert ready, "ical.js does not answer"
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def faults(calendar: bytes) -> list[str]:
    """What ical.js finds wrong."""
    found: list[str] = _ask({"calendar": calendar.decode("utf-8", "replace"), "count": 0})["faults"]
    return found


def starts(calendar: bytes, count: int) -> list[str]:
    """Starts of the first `count` instances of the series in UTC, such as 2026-03-03T09:00:00Z; days stay days."""
    answer = _ask({"calendar": calendar.decode("utf-8"), "count": count})
    assert not answer["faults"], answer["faults"]
    found: list[str] = answer["starts"]
    return found
