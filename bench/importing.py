"""A season's calendar as one file: imported, imported again unchanged, and with every tenth game moved."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from bench.figures import BenchFailed, Figure
from bench.processes import environment
from bench.timing import Effort

_GROUP = "A season's calendar imported (cis-mcp import)"
_GAMES, _BELOW_S = 2_500, 5
_ROUNDS = 3
_MB_OF_KB = 1024
_STEPS = ("new", "unchanged", "a tenth moved")


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Whole commands with their start, each a process of its own; every round has a new database."""
    games = min(_GAMES, effort.events // 10)
    files = [_file(folder, name, games, moved=name == _STEPS[2]) for name in _STEPS]
    rounds = [_round(folder / f"round{n}", files) for n in range(min(_ROUNDS, effort.rounds))]
    for step, name in enumerate(_STEPS):
        seconds = median(one[step][0] for one in rounds)
        yield Figure(_GROUP, f"{games:,} events, {name}", seconds, "s", below=_BELOW_S)
    yield Figure(_GROUP, "peak memory", max(mb for one in rounds for _, mb in one), "MB")


def _round(data: Path, files: list[Path]) -> list[tuple[float, float]]:
    data.mkdir()
    return [_imported(data, file) for file in files]


def _imported(data: Path, file: Path) -> tuple[float, float]:
    """Seconds and megabytes of one import."""
    command = [sys.executable, "-m", "cis_mcp", "import", str(file), "--calendar", "season"]
    began = time.perf_counter()
    child = subprocess.Popen(command, env=environment(data), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise BenchFailed(f"cis-mcp import ended with exit {child.returncode}")
    return time.perf_counter() - began, usage.ru_maxrss / _MB_OF_KB


def _file(folder: Path, name: str, games: int, *, moved: bool) -> Path:
    """The calendar as a club's site writes it: a stamp of its own each time, and about 600 bytes an event."""
    first = datetime.now(UTC).replace(hour=19, minute=0, second=0, microsecond=0) + timedelta(days=30)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}Z" if name == _STEPS[0] else "20270101T000000Z"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Season 1.0//EN"]
    for n in range(games):
        start = first + timedelta(hours=3 * n, minutes=30 if moved and n % 10 == 0 else 0)
        lines += _game(n, start, stamp)
    file = folder / f"{name.replace(' ', '-')}.ics"
    file.write_text("\r\n".join([*lines, "END:VCALENDAR", ""]), encoding="utf-8", newline="")
    return file


def _game(number: int, start: datetime, stamp: str) -> list[str]:
    end = start + timedelta(hours=2)
    return [
        "BEGIN:VEVENT",
        f"UID:game-{number}@club.example.com",
        f"DTSTAMP:{stamp}",
        f"DTSTART;TZID=America/New_York:{start:%Y%m%dT%H%M%S}",
        f"DTEND;TZID=America/New_York:{end:%Y%m%dT%H%M%S}",
        f"SUMMARY:Game {number}: Example City at Sample Town",
        "LOCATION:Example Arena\\, 1 Example Street\\, Example City",
        "DESCRIPTION:Doors open an hour before the game. Bring your ticket\\, and a",
        "  friend.\\nTickets: https://tickets.example.com/games/" + str(number),
        f"URL:https://club.example.com/games/{number}",
        "CATEGORIES:Home",
        "STATUS:CONFIRMED",
        "SEQUENCE:0",
        "TRANSP:OPAQUE",
        "BEGIN:VALARM",
        "ACTION:DISPLAY",
        "DESCRIPTION:Game",
        "TRIGGER:-PT1H",
        "END:VALARM",
        "END:VEVENT",
    ]
