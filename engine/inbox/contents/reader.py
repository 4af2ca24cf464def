"""A process that reads what strangers sent, within limits. Run as `python -m engine.inbox.contents.reader`.

A request on stdin is eight bytes of size and a pickled (task, arguments, processor seconds); an answer on stdout is
eight bytes of size and what the task returned, or the Refused that it raised, pickled. It ends when stdin does.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any

from engine.inbox.contents import content
from engine.refusals import Refused

TASKS: Mapping[str, Callable[..., Any]] = {"content": content.read}
MEMORY = 1 << 30
"""Bytes of address space, the program's own included."""
OUT_OF_MEMORY = 71
"""The exit code of a reader whose memory did not suffice (sysexits.h: EX_OSERR)."""
_NICENESS = 5
"""Those who wait for a tool's answer go first."""


def main() -> None:
    """Read mails until stdin ends, or a mail takes more than it may."""
    # Ctrl-C reaches every process of a terminal; the one that started this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(_NICENESS)
    try:
        while size := sys.stdin.buffer.read(8):
            _answer(sys.stdin.buffer.read(int.from_bytes(size, "big")))
    except MemoryError:
        # What is left of the heap is of no use to the next mail.
        os._exit(OUT_OF_MEMORY)


def _answer(request: bytes) -> None:
    # Both ends of the pipes are this very program: what was pickled is ours.
    task, arguments, seconds = pickle.loads(request)  # noqa: S301 -- said above
    _allow(seconds)
    try:
        answer = TASKS[task](*arguments)
    except Refused as refused:
        answer = refused
    packed = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    sys.stdout.buffer.write(len(packed).to_bytes(8, "big"))
    sys.stdout.buffer.write(packed)
    sys.stdout.buffer.flush()


def _allow(seconds: int) -> None:
    """Let the system end this process when it has used that much processor time from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
