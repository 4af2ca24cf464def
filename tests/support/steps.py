"""What work costs, counted instead of timed: the same on any machine, whatever else it does."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import TraceFunction

MOST = 10_000_000
"""Lines of Python that no input may cost, however it was made."""
_CPU_S = 120
"""Processor time of whatever is counted: no figure, but an end for what would never come to one."""


class Steps:
    """How many lines of Python have run since the counting began, in this thread and in those that began since."""

    def __init__(self) -> None:
        self.trace, self._count = _tracing()

    @property
    def taken(self) -> int:
        """The lines so far."""
        return self._count()


def _tracing() -> tuple[TraceFunction, Callable[[], int]]:
    """What is called at each line, and what tells how often; a closure costs half of what an object's call does."""
    taken = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> TraceFunction:
        nonlocal taken
        if event == "line":
            taken += 1
        return trace

    return trace, lambda: taken


class Endless(BaseException):
    """Counted work has used more processor time than anything may; no `except Exception` keeps it."""


@contextmanager
def counting() -> Iterator[Steps]:
    """Count the lines that run inside; work in C (an expression, a decoder) is given an end by the system."""
    steps, before = Steps(), sys.gettrace()
    with ending():
        threading.settrace(steps.trace)
        sys.settrace(steps.trace)
        try:
            yield steps
        finally:
            sys.settrace(before)
            threading.settrace(before)  # type: ignore[arg-type]


@contextmanager
def ending(cpu_s: float = _CPU_S) -> Iterator[None]:
    """Raise Endless in what does not end in so much processor time: expressions and loops in C look for signals too."""
    before = signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, cpu_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise Endless


def steps_of(work: Callable[[], object]) -> int:
    """How many lines of Python `work` runs."""
    with counting() as steps:
        work()
    return steps.taken
