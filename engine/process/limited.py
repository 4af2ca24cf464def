"""Runs functions in processes with system limits, for callers' input that is large enough to be costly."""

from __future__ import annotations

import logging
import pickle
import signal
import threading
from collections.abc import Callable
from subprocess import PIPE, Popen
from typing import Any, ParamSpec, TypeVar

from engine.process import requests
from engine.process.program import command, environment
from engine.process.reader import OUT_OF_MEMORY
from engine.process.requests import Pieces
from engine.refusals import Code, Refused

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

_CPU_S = 60
"""The processor seconds of one request: ten times what the largest permitted calendar takes."""
_IDLE_S = 60
_IDLE_MAX = 2
_COMMAND = (*command("engine.process.reader"), str(_IDLE_S))


class LimitedProcesses:
    """Processes that work for one caller at a time, each while a thread of a pool waits for it.

    So the pool's shares and order apply to the processes as well.
    """

    def __init__(self, *, cpu_s: int = _CPU_S) -> None:
        self._cpu_s = cpu_s
        self._lock = threading.Lock()
        self._idle: list[Popen[bytes]] = []
        self._all: set[Popen[bytes]] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The ids of processes that run or have just ended."""
        with self._lock:
            return [process.pid for process in self._all]

    def limiting(self, function: Callable[P, T]) -> Callable[P, T]:
        """`function`, which a module of this program must define, as one that runs in a process and blocks.

        Raises Refused as `function` does, TOO_COSTLY if the system ended it, and BUSY if something else did.
        """

        def limited(*args: P.args, **kwargs: P.kwargs) -> T:
            assert not kwargs, "arguments go by their places"
            answer = self._answer(requests.pieces(function, args, self._cpu_s))
            if isinstance(answer, Refused):
                raise answer
            found: T = answer
            return found

        return limited

    def close(self) -> None:
        """End all processes; callers waiting for one are refused."""
        with self._lock:
            self._closed = True
            every = list(self._all)
        for process in every:
            process.kill()
        for process in every:
            self._forget(process)

    def _answer(self, request: Pieces) -> Any:
        while True:
            process, fresh = self._acquired()
            try:
                packed = _asked(process, request)
            except (OSError, ValueError):  # closed meanwhile by whoever ends all
                packed = b""
            if packed:
                self._rest(process)
                # The process runs this very program: what it pickled is ours.
                return pickle.loads(packed)  # noqa: S301 -- said above
            code = self._forget(process)
            # One that had nothing to do may have ended at this very moment.
            if fresh or code != 0:
                raise self._why(code)

    def _acquired(self) -> tuple[Popen[bytes], bool]:
        """A process, and whether it is new."""
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process, False
                self._all.discard(process)
                _close(process)
            if self._closed:
                raise _ended()
            process = Popen(_COMMAND, stdin=PIPE, stdout=PIPE, env=environment())
            self._all.add(process)
            return process, True

    def _rest(self, process: Popen[bytes]) -> None:
        with self._lock:
            if len(self._idle) < _IDLE_MAX and not self._closed:
                self._idle.append(process)
                return
        process.kill()
        self._forget(process)

    def _forget(self, process: Popen[bytes]) -> int:
        """Stop tracking a process that has ended or is ending, and return its exit code."""
        with self._lock:
            self._all.discard(process)
        code = process.wait()
        _close(process)
        return code

    def _why(self, code: int) -> Refused:
        if code in {-signal.SIGXCPU, OUT_OF_MEMORY}:
            return Refused(
                Code.TOO_COSTLY,
                "Reading this takes more time or memory than the server allows.",
                "Split it, or leave out what is not needed.",
            )
        if not self._closed:
            log.warning("a process that read for a caller ended by itself (%s)", code)
        return _ended()


def _ended() -> Refused:
    return Refused(Code.BUSY, "The process that read this was stopped.", "Call again in a moment.")


def _asked(process: Popen[bytes], request: Pieces) -> bytes:
    """The pickled answer; empty if the process ended instead, or amid it. Raises OSError."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.writelines(request)
    process.stdin.flush()
    size = int.from_bytes(process.stdout.read(8), "big")
    packed = process.stdout.read(size)
    return packed if len(packed) == size else b""


def _close(process: Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                log.debug("what was not yet written to a process is not wanted any more")
