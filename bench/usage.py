"""What processes have used of the machine: CPU seconds and memory, as Linux counts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_MB_OF_KB = 1024
_PARENT, _CPU, _CPU_AND_ENDED = 1, slice(11, 13), slice(11, 15)


@dataclass(frozen=True)
class Usage:
    """CPU in ticks, which add up exactly; memory in MB: resident now, and the most that ever was."""

    cpu_ticks: int
    resident_mb: float
    peak_mb: float

    @property
    def cpu_s(self) -> float:
        return self.cpu_ticks / os.sysconf("SC_CLK_TCK")


def usage(pid: int) -> Usage:
    """What the process has used so far, all its threads together. Raises OSError without Linux's /proc."""
    return _usage(pid, _CPU)


def together(pid: int) -> Usage:
    """What the process and those that it started have used so far; memory of those that live, added up."""
    own = _usage(pid, _CPU_AND_ENDED)
    found = [own, *(_usage(child, _CPU) for child in _children(pid))]
    return Usage(
        cpu_ticks=sum(each.cpu_ticks for each in found),
        resident_mb=sum(each.resident_mb for each in found),
        peak_mb=sum(each.peak_mb for each in found),
    )


def _usage(pid: int, cpu: slice) -> Usage:
    status = (_PROC / str(pid) / "status").read_text().splitlines()
    memory = {name: value for name, _, value in (line.partition(":") for line in status)}
    return Usage(
        cpu_ticks=sum(map(int, _fields(pid)[cpu])),
        resident_mb=_mb(memory.get("VmRSS")),
        peak_mb=_mb(memory.get("VmHWM")),
    )


def _mb(kept: str | None) -> float:
    """Linux's number of kB; a process that has ended, and was not waited for yet, has none."""
    return int(kept.split()[0]) / _MB_OF_KB if kept else 0.0


def _fields(pid: int) -> list[str]:
    """What stands behind the name of the program in its line of statistics (proc(5))."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _children(pid: int) -> Iterator[int]:
    for folder in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            if int(_fields(int(folder.name))[_PARENT]) == pid:
                yield int(folder.name)
