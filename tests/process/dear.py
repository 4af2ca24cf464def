"""Functions that the system has to end; a module of its own, so that the processes import nothing else."""

from __future__ import annotations

import os
import signal

from engine.refusals import Code, Refused


def doubled(number: int) -> int:
    return 2 * number


def refuses() -> None:
    raise Refused(Code.INVALID_CALENDAR, "There is no calendar in it.", "Give one.")


def takes_memory() -> int:
    return len(bytearray(2 << 30))


def never_ends() -> None:
    while True:
        pass


def ends_amid_its_answer() -> None:
    os.write(1, (1_000).to_bytes(8, "big") + b"half of it")
    os.kill(os.getpid(), signal.SIGKILL)
