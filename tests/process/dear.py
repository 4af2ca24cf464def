"""Functions that the system has to end; a module of its own, so that the processes import nothing else."""

from __future__ import annotations

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
