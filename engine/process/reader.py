"""A process that parses untrusted input, within limits. Run as `python -m engine.process.reader [IDLE SECONDS]`.

It reads requests from stdin (`engine.process.requests`); an answer on stdout is eight bytes of size and the pickled
result of the function, or the Refused that it raised. The process ends when stdin does, or after this many idle
seconds.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import sys
from collections.abc import Callable, Sequence

from engine.process import heap, requests
from engine.refusals import Refused

MEMORY = 1 << 30
"""The bytes of address space, including the program's own."""
OUT_OF_MEMORY = 71
"""The exit code of a reader whose memory did not suffice (sysexits.h: EX_OSERR)."""
_NICENESS = 5
"""The lower priority of readers, so that tools answer first."""


def main(idle_s: float | None = None) -> None:
    """Answer until stdin ends, a request takes more than it may, or none came for `idle_s` seconds."""
    # Ctrl-C and a closed terminal reach all its processes; the one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(_NICENESS)
    heap.settle()
    try:
        while select.select([sys.stdin], [], [], idle_s)[0] and (request := requests.read(sys.stdin.buffer)):
            _answer(*request)
    except MemoryError:
        # What is left of the heap is of no use to the next request.
        os._exit(OUT_OF_MEMORY)


def _answer(function: Callable[..., object], arguments: Sequence[object], cpu_s: int) -> None:
    _allow(cpu_s)
    try:
        answer = function(*arguments)
    except Refused as refused:
        answer = refused
    packed = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.write(len(packed).to_bytes(8, "big"))
    sys.stdout.buffer.write(packed)
    sys.stdout.buffer.flush()


def _allow(cpu_s: int) -> None:
    """Have the system end this process once it has used this much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
