"""Claims messages from the ledger, sends them, and writes down what the mail server answered."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from datetime import datetime, timedelta

from engine.engine import Engine
from engine.model import MessageState
from engine.outbox.render import Renderer
from engine.outbox.transport import Rejected, Transport
from engine.refusals import Code
from engine.store.protocol import Answer, Claim

log = logging.getLogger(__name__)

_LEASE_S = 20.0
_IDLE_S = 0.5
"""How often to look for messages that other processes owe."""
_PER_CONNECTION = 64
"""Messages claimed ahead for each connection: enough to keep it busy while answers are written."""
_RETRY_FIRST = timedelta(seconds=30)
_RETRY_LONGEST = timedelta(hours=4)
_GIVE_UP = timedelta(hours=72)


class Dispatcher:
    """Sends what is owed, over one transport; several dispatchers share one ledger by leases (rule 6)."""

    def __init__(self, engine: Engine, transport: Transport) -> None:
        self._engine = engine
        self._store = engine.store
        self._transport = transport
        self._renderer = Renderer(engine.settings, engine.store)
        self._owner = f"{os.getpid()}-{engine.randomness.word(8)}"
        self._claimed: asyncio.Queue[Claim] = asyncio.Queue()
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._claiming: asyncio.Task[list[Claim]] | None = None
        self._held = 0
        self._room = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Run until cancelled; what is in flight then is finished and written down first."""
        workers = [asyncio.create_task(self._work()) for _ in range(self._transport.connections)]
        keeper = asyncio.create_task(self._keep_leases())
        writer = asyncio.create_task(self._write())
        try:
            await self._claim_forever()
        finally:
            await asyncio.shield(asyncio.create_task(self._stop(workers, keeper, writer)))

    async def _claim_forever(self) -> None:
        capacity = self._transport.connections * _PER_CONNECTION
        while True:
            heard = self._engine.owed.listen()
            self._room.clear()
            free = capacity - self._held
            claims = await self._claim(free) if free else []
            for claim in claims:
                self._claimed.put_nowait(claim)
            if not free:
                await self._room.wait()
            elif not claims:
                await heard.wait(_IDLE_S)

    async def _claim(self, limit: int) -> list[Claim]:
        """Claim what is due; a look first, since looking holds nobody up."""
        now = self._engine.clock()
        try:
            due = await self._store.next_due()
            if due is None or due > now:
                return []
            # Shielded: claims that are made while this task is cancelled are given back, not lost.
            self._claiming = asyncio.create_task(
                self._store.claim_messages(self._owner, limit, now, _LEASE_S)
            )
            claims = await asyncio.shield(self._claiming)
        except Exception:
            log.exception("messages cannot be claimed; trying again")
            return []
        self._claiming = None
        self._held += len(claims)
        return claims

    async def _work(self) -> None:
        while True:
            claim = await self._claimed.get()
            answer = await self._untried(claim) if self._stopping else await self._send(claim)
            self._answers.put_nowait(answer)

    async def _untried(self, claim: Claim) -> Answer:
        return Answer(message_id=claim.message.id, state=MessageState.QUEUED)

    async def _send(self, claim: Claim) -> Answer:
        now = self._engine.clock()
        try:
            envelope = await self._renderer.render(claim, now)
        except Exception:
            log.exception("message %s cannot be rendered", claim.message.id)
            return _failed(claim, Code.RENDER_FAILED, "The mail could not be made; see the log.")
        try:
            accepted = await self._transport.send(envelope)
        except Rejected as rejected:
            return refused(claim, rejected, self._engine.clock())
        except Exception as error:
            log.exception("message %s: the transport failed", claim.message.id)
            unexpected = Rejected(f"unexpected: {type(error).__name__}", permanent=False)
            return refused(claim, unexpected, self._engine.clock())
        return Answer(message_id=claim.message.id, state=MessageState.ACCEPTED, text=accepted.answer)

    async def _write(self) -> None:
        """Write answers down, all that have come in one transaction."""
        while True:
            answers = [await self._answers.get()]
            while not self._answers.empty():
                answers.append(self._answers.get_nowait())
            await self._write_down(answers)
            self._held -= len(answers)
            self._room.set()
            self._engine.answered.ring()
            for _ in answers:
                self._answers.task_done()
                self._claimed.task_done()

    async def _write_down(self, answers: list[Answer]) -> None:
        """Write until it works: an answer that is lost would send its mail again."""
        while True:
            try:
                await self._store.write_answers(self._owner, answers, self._engine.clock())
            except Exception:
                log.exception("answers cannot be written down; trying again")
                await asyncio.sleep(1)
            else:
                return

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(_LEASE_S / 4)
            if self._held:
                try:
                    await self._store.renew_leases(self._owner, self._engine.clock(), _LEASE_S)
                except Exception:
                    log.exception("leases cannot be renewed; trying again")

    async def _stop(self, workers: list[asyncio.Task[None]], *others: asyncio.Task[None]) -> None:
        """Finish what is in flight, give back what was not tried, write both down."""
        self._stopping = True
        if self._claiming:
            for claim in await self._claiming:
                self._claimed.put_nowait(claim)
        try:
            async with asyncio.timeout(4):
                await self._claimed.join()
        except TimeoutError:
            log.warning("stopped while a mail server was still answering; those mails may go twice")
        for task in (*workers, *others):
            task.cancel()
        await asyncio.gather(*workers, *others, return_exceptions=True)
        await self._transport.close()


def refused(claim: Claim, rejected: Rejected, now: datetime) -> Answer:
    """The answer to a message that a server did not take: try later, or give up."""
    if rejected.permanent:
        return _failed(claim, Code.REJECTED_BY_SERVER, rejected.answer)
    due = now + backoff(claim.message.attempts)
    if due > give_up_at(claim):
        return _failed(claim, Code.RETRIES_EXHAUSTED, rejected.answer)
    return Answer(message_id=claim.message.id, state=MessageState.DEFERRED, text=rejected.answer, due=due)


def _failed(claim: Claim, code: Code, text: str) -> Answer:
    return Answer(message_id=claim.message.id, state=MessageState.FAILED, code=code.value, text=text)


def backoff(attempts: int) -> timedelta:
    """How long to wait after so many earlier attempts: doubling, with jitter, so that retries spread out."""
    wait: timedelta = min(_RETRY_FIRST * 2 ** min(attempts, 20), _RETRY_LONGEST)
    return wait * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, guards nothing


def give_up_at(claim: Claim) -> datetime:
    """After 72 hours, or when the event is over, whichever comes first."""
    latest = claim.message.created + _GIVE_UP
    ends_at = claim.event.ends_at if claim.event and claim.message.kind.calendar else None
    return min(latest, ends_at) if ends_at else latest
