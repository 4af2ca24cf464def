"""What processes have used of the machine: CPU seconds and memory, as Linux counts them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

_PROC = Path("/proc")
_MB_OF_KB = 1024
_SAMPLE_S = 0.5
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


class PeakMemory:
    """The most memory that a process and those that it started hold at one time within a `with` block, in MB.

    It is sampled, and a page that several of them share counts once, so it is less than the sum of their own peaks:
    one that reads a list has given its memory back before another sends.
    """

    def __init__(self, pid: int) -> None:
        self.mb = 0.0
        self._pid = pid
        self._over = Event()
        self._sampler = Thread(target=self._sample, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._sampler.join()

    def _sample(self) -> None:
        while True:
            self.mb = max(self.mb, sum(map(_shared_mb, [self._pid, *_children(self._pid)])))
            if self._over.wait(_SAMPLE_S):
                return


def _shared_mb(pid: int) -> float:
    """What is resident, of shared pages this process's share (Linux's Pss); nothing of a process that has ended."""
    with suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return _mb(line.partition(":")[2])
    return 0.0


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
