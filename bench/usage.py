"""What a process has used of the machine: CPU seconds and memory, as Linux counts them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_MB_OF_KB = 1024


@dataclass(frozen=True)
class Usage:
    """CPU in seconds, memory in MB: resident now, and the most that ever was."""

    cpu_s: float
    resident_mb: float
    peak_mb: float


def usage(pid: int) -> Usage:
    """What the process has used so far, all its threads together. Raises OSError without Linux's /proc."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    status = (_PROC / str(pid) / "status").read_text().splitlines()
    memory = {name: value for name, _, value in (line.partition(":") for line in status)}
    return Usage(
        cpu_s=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        resident_mb=int(memory["VmRSS"].split()[0]) / _MB_OF_KB,
        peak_mb=int(memory["VmHWM"].split()[0]) / _MB_OF_KB,
    )
