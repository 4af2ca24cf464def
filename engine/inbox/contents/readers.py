"""Processes that read mails that may be costly to read, so that others do not wait and the system can end them."""

from __future__ import annotations

import asyncio
import logging
import pickle
import signal
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from engine.inbox.authentication.dns import Answers
from engine.inbox.contents import content
from engine.inbox.contents.content import Content, read_if_cheap, too_costly
from engine.inbox.turns.fair_slots import FairSlots
from engine.mail.incoming.dmarc import Signature
from engine.mail.incoming.read import Opened
from engine.process import requests
from engine.process.child import Child
from engine.process.program import command, environment
from engine.process.reader import OUT_OF_MEMORY
from engine.process.requests import Pieces
from engine.refusals import Refused

log = logging.getLogger(__name__)

_CPU_S = 20
"""Ten times what the dearest mail that we know takes here."""
_WALL_S = 300.0
_IDLE_S = 60.0
_COMMAND = command("engine.process.reader")


class ReaderDied(Exception):  # noqa: N818 -- reads as what it is
    """A reader ended for a reason that is not the mail's: the mail is tried again."""


class Readers:
    """Reads mails; those that size and shape do not show to be cheap, in processes that limits hold for.

    One at a time of those whose senders are known and proven, one of the others, and one that is being judged: so
    none of these waits for another.
    """

    def __init__(self, *, cpu_s: int = _CPU_S, idle_s: float = _IDLE_S) -> None:
        self._cpu_s = cpu_s
        self._idle_s = idle_s
        self._organizers, self._strangers, self._judging = FairSlots(1), FairSlots(1), FairSlots(1)
        self._idle: dict[Child, asyncio.TimerHandle] = {}
        self._busy: set[Child] = set()
        self._ending: set[Child] = set()

    @property
    def pids(self) -> list[int]:
        """The readers that run."""
        return [process.pid for process in (*self._idle, *self._busy)]

    @property
    def at_work(self) -> int:
        """The number of readers that are reading a mail."""
        return len(self._busy)

    async def read(self, mail: Opened, boxes: Collection[str], turn: str, *, known: bool) -> Content:
        """What a mail carries for the mailboxes named `boxes`; `turn` is whose turn it takes among those that wait.

        `known`: its sender is one whom this server serves, and proven.

        Raises Refused if it cannot be read, TOO_COSTLY if the system ended that; ReaderDied.
        """
        cheap = read_if_cheap(mail, boxes)
        if cheap is not None:
            return cheap
        among = self._organizers if known else self._strangers
        found: Content = await self._done(content.read, (mail.raw, sorted(boxes)), turn, among)
        return found

    async def signatures(self, raw: bytes, answers: Answers, domain: str, turn: str) -> tuple[Signature, ...]:
        """What came of the signatures that may speak for a sender at `domain`; `answers` are its name servers'.

        Raises as `read` does.
        """
        found: tuple[Signature, ...] = await self._done(
            _signatures, (raw, answers, domain), turn, self._judging
        )
        return found

    async def _done(
        self, function: Callable[..., object], arguments: tuple[object, ...], turn: str, among: FairSlots
    ) -> Any:
        """What `function`, called by a reader, returns or refuses."""
        async with among.slot(turn, {}):
            request = requests.pieces(function, arguments, self._cpu_s)
            async with self._reader() as process:
                answer = await self._asked(process, request)
        if isinstance(answer, Refused):
            raise answer
        return answer

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[Child]:
        """A reader of the caller's own; one that was given up in the middle of a mail is ended."""
        process = self._acquired()
        self._busy.add(process)
        try:
            yield process
        except BaseException:
            self._end(process)
            raise
        else:
            self._rest(process)
        finally:
            self._busy.discard(process)

    def _acquired(self) -> Child:
        while self._idle:
            process, timer = self._idle.popitem()
            timer.cancel()
            if process.returncode is None:
                return process
            self._end(process)
        return Child(_COMMAND, environment())

    def _rest(self, process: Child) -> None:
        loop = asyncio.get_running_loop()
        self._idle[process] = loop.call_later(self._idle_s, self._end_idle, process)

    def _end_idle(self, process: Child) -> None:
        self._idle.pop(process, None)
        self._end(process)

    def _end(self, process: Child) -> None:
        process.kill()
        self._ending = {ending for ending in self._ending if ending.returncode is None} | {process}

    async def _asked(self, process: Child, request: Pieces) -> object:
        try:
            async with asyncio.timeout(_WALL_S):
                return await process.ask(request, _unpacked)
        except TimeoutError:
            raise too_costly() from None
        except (EOFError, ConnectionError):
            raise await _why(process) from None

    async def close(self) -> None:
        """End all readers at once; what they were reading is read again by whoever handles the mail next."""
        for timer in self._idle.values():
            timer.cancel()
        for process in (*self._idle, *self._busy):
            self._end(process)
        self._idle.clear()
        await asyncio.gather(*(process.wait() for process in self._ending))


def _signatures(raw: bytes, answers: Answers, domain: str) -> tuple[Signature, ...]:
    """Runs in a reader, where alone the check is imported."""
    from engine.inbox.authentication import signatures

    return signatures.recalled(raw, answers, domain)


async def _why(process: Child) -> Exception:
    """Why a reader ended in the middle of a mail: by the limit that the mail reached, or by something else."""
    code = await process.wait()
    if code in {-signal.SIGXCPU, OUT_OF_MEMORY}:
        return too_costly()
    log.warning("a process that read a mail ended by itself (%s)", code)
    return ReaderDied(f"the process that read the mail ended ({code})")


def _unpacked(answer: bytes) -> object:
    """The answer of a reader: it runs this very program, so that what it pickled is ours."""
    found: object = pickle.loads(answer)  # noqa: S301 -- said above
    return found
