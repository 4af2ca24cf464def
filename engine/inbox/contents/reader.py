"""A process that reads mails for the server, within limits. Run as `python -m engine.inbox.contents.reader`.

Each request on stdin is a line with the names of the mailboxes, the size of the mail and the processor seconds it
may take, and then the mail; each answer on stdout is eight bytes of size, and then a pickled Content or Refused.
It ends when stdin does.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
from typing import BinaryIO

from engine.inbox.contents.content import Content, read
from engine.refusals import Refused

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
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    try:
        while line := requests.readline(200):
            _answer(line, requests, answers)
    except MemoryError:
        # What is left of the heap is of no use to the next mail.
        os._exit(OUT_OF_MEMORY)


def _answer(line: bytes, requests: BinaryIO, answers: BinaryIO) -> None:
    boxes, size, seconds = line.split()
    raw = requests.read(int(size))
    _allow(int(seconds))
    answer = pickle.dumps(_read(raw, boxes.decode().split(",")), pickle.HIGHEST_PROTOCOL)
    answers.write(len(answer).to_bytes(8, "big"))
    answers.write(answer)
    answers.flush()


def _read(raw: bytes, boxes: list[str]) -> Content | Refused:
    try:
        return read(raw, boxes)
    except Refused as refused:
        return refused


def _allow(seconds: int) -> None:
    """Let the system end this process when it has used that much processor time from now on."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
