"""Claims messages from the ledger, sends them, and writes down what the mail server answered."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.model.claims import Claim, SendResult
from engine.model.messages import MessageState
from engine.observe.logs import discreet
from engine.observe.observer import ANSWERS, BATCH_S
from engine.outbox import answers
from engine.outbox.account_list import AccountList
from engine.outbox.leases import LEASE_S, DispatcherLeases
from engine.outbox.pace import Pace
from engine.outbox.quota import QuotaKeeper
from engine.outbox.render import Kept, Renderer
from engine.outbox.sending import Sends
from engine.outbox.transport import Accepted, Envelope, Rejected, Transport
from engine.process.gathering import Gathering
from engine.refusals import Code, Refused
from engine.signals import rest
from engine.store.protocol import Claims

log = logging.getLogger(__name__)

_IDLE_FIRST_S, _IDLE_S = 0.01, 0.5
"""How often to look for messages that other processes owe: soon after there were some, then more rarely."""
_HELD_MOST = 1_024
"""Messages claimed at once: enough to keep all connections busy while answers are written."""
_GATHER_S = 0.02
"""How long answers gather while many messages are in flight: each write costs a disk sync."""
_CLAIM_LEAST = 256
"""Claim only when there is room for this many: a claim has a fixed cost, however many messages it returns."""
_BATCH = 32
"""Messages that one connection is given at a time."""
_SLICE = 8
"""Mails that are made before everything else in this process gets its turn: some 0.6 ms."""
_FINISH_S = 3.5
"""How long a mail server may take to answer when we stop (SIGTERM ends within 5 s)."""
_LAST_WORDS_S = 0.8
"""How long the last answers may then take to be written down: a full disk takes none."""
_READ_AGAIN = timedelta(seconds=5)
"""When mails are due again for which the store could not be read."""
_WORTH_TELLING_S = 2.0
"""Pauses of at least this length are logged; shorter ones are how servers set the pace."""


class Dispatcher:
    """Sends what is owed, over one transport; several dispatchers share one ledger by leases (promise 6)."""

    def __init__(self, engine: Sends, transport: Transport, *, lease_s: float = LEASE_S) -> None:
        self._engine = engine
        self._store: Claims = engine.store
        self._transport = transport
        self._renderer = Renderer(engine.settings, engine.store)
        self._owner = f"{os.getpid()}-{engine.randomness.word(8)}"
        self._observer = engine.observer
        self._quota = QuotaKeeper.of(transport, engine.store, engine.clock)
        self._leases = DispatcherLeases(
            engine.store, self._owner, engine.clock, lease_s, engine.observer, self._quota
        )
        self._account_list = AccountList.of(transport, engine)
        self._pace = Pace(transport.connections)
        self._grown = asyncio.Event()
        self._claiming: asyncio.Task[list[Claim]] | None = None
        self._batches: asyncio.Queue[list[Claim]] = asyncio.Queue()
        self._held_most = min(_HELD_MOST, engine.store.claims_at_once)
        self._answers: Gathering[SendResult, None] = Gathering(self._write, self._held_most)
        self._held = 0
        self._room = asyncio.Event()
        self._stopping = asyncio.Event()
        self._rendering = asyncio.Lock()

    async def run(self) -> None:
        """Run until cancelled; what is in flight then is finished and written down first."""
        workers = [asyncio.create_task(self._work(n)) for n in range(self._transport.connections)]
        keeper = asyncio.create_task(self._keep_leases())
        try:
            await self._claim_forever()
        finally:
            await asyncio.shield(asyncio.create_task(self._stop(workers, keeper)))

    # claiming

    async def _claim_forever(self) -> None:
        idle_s = _IDLE_FIRST_S
        while True:
            signal = self._engine.owed.listen()
            self._room.clear()
            free = self._held_most - self._held
            if free < min(_CLAIM_LEAST, self._held_most):
                await self._room.wait()
                continue
            claims = await self._claim(free)
            self._hand_out(claims)
            idle_s = _IDLE_FIRST_S if claims else min(2 * idle_s, _IDLE_S)
            if not claims:
                await signal.rest(idle_s)

    def _hand_out(self, claims: list[Claim]) -> None:
        """Share claims out: a few messages go over many connections at once, many in full batches."""
        size = max(1, min(_BATCH, -(-len(claims) // self._pace.connections)))
        for first in range(0, len(claims), size):
            self._batches.put_nowait(claims[first : first + size])

    async def _claim(self, limit: int) -> list[Claim]:
        # Shielded: claims that are made while this task is cancelled are given back, not lost.
        self._claiming = asyncio.create_task(self._claimed(limit))
        try:
            claims = await asyncio.shield(self._claiming)
        except Exception as error:  # noqa: BLE001 -- it is logged and tried again
            _warn("messages cannot be claimed; trying again", error)
            self._claiming = None
            return []
        self._claiming = None
        self._held += len(claims)
        return claims

    async def _claimed(self, limit: int) -> list[Claim]:
        """Claims; who comes to many leaves others their part of the connections from the first mail on."""
        if self._account_list:
            await self._account_list.fresh()
        claims = await self._leases.claim(limit)
        if len(claims) > _BATCH:
            await self._share()
        return claims

    async def _share(self) -> None:
        try:
            self._pace.share(await self._store.senders())
            self._grown.set()
        except Exception as error:  # noqa: BLE001 -- it is logged and tried again
            _warn("it cannot be seen who else sends; trying again", error)

    async def _keep_leases(self) -> None:
        while True:
            await rest(self._leases.interval)
            try:
                await self._leases.keep()
            except Exception as error:  # noqa: BLE001 -- it is logged and tried again
                _warn("leases cannot be renewed; trying again", error)
            await self._share()

    # sending

    async def _work(self, number: int) -> None:
        while True:
            await self._allowed(number)
            batch = await self._batches.get()
            try:
                await self._deliver(batch)
            finally:
                self._batches.task_done()

    async def _allowed(self, number: int) -> None:
        """Wait while the servers want fewer connections than this one's number, or none at all."""
        while number >= self._pace.connections and not self._stopping.is_set():
            self._grown.clear()
            await self._grown.wait()
        pause = self._pace.pause(asyncio.get_running_loop().time())
        if pause and not self._stopping.is_set():
            try:
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            except TimeoutError:
                return

    async def _deliver(self, batch: list[Claim]) -> None:
        """Send a batch over one connection; every claim of it is answered, whatever happens."""
        with self._observer.timing(BATCH_S), self._observer.span("send batch", messages=len(batch)):
            await self._sent(await self._still_mine(batch))

    async def _sent(self, mine: list[Claim]) -> None:
        sending = await self._rendered(mine)
        open_claims = dict(enumerate(claim for claim, _ in sending))

        def settled(index: int, outcome: Accepted | Rejected) -> None:
            self._settle(open_claims[index], outcome)
            del open_claims[index]

        try:
            if sending:
                with self._observer.span("send", messages=len(sending)):
                    await self._transport.send_many([mail for _, mail in sending], settled)
        except Exception:
            log.exception("the transport failed")
        finally:
            lost = Rejected("the way out failed", permanent=False, server=True)
            for claim in open_claims.values():
                self._settle(claim, lost)

    async def _rendered(self, mine: list[Claim]) -> list[tuple[Claim, Envelope]]:
        """The mails of a batch. Batches take turns, a few mails at a time: questions meanwhile get their answers."""
        found: list[tuple[Claim, Envelope]] = []
        unread: dict[str, Exception] = {}
        async with self._rendering:
            with self._observer.span("render", messages=len(mine)):
                for number, claim in enumerate(mine, start=1):
                    mail = await self._made(claim, unread)
                    if mail:
                        found.append((claim, mail))
                    if number % _SLICE == 0:
                        await asyncio.sleep(0)
        if unread:
            _warn(
                "mails cannot be made, as the store cannot be read; trying again", *list(unread.values())[:1]
            )
        return found

    async def _still_mine(self, batch: list[Claim]) -> list[Claim]:
        """The batch without what another dispatcher holds by now; all of it is given back where that is unknown."""
        try:
            mine = await self._leases.still_mine(batch)
        except Exception as error:  # noqa: BLE001 -- it is logged and tried again
            _warn("leases cannot be renewed; nothing is sent without them", error)
            mine = []
        kept = {claim.message.id for claim in mine}
        for claim in batch:
            if claim.message.id not in kept:
                self._answers.post(answers.released(claim))
        return mine

    async def _made(self, claim: Claim, unread: dict[str, Exception]) -> Envelope | None:
        """The mail for a claim; None if it is not to be sent now, and was answered.

        `unread`: the organizers for whose mail the store could not be read, and why; theirs is given back unasked.
        """
        rest = self._pace.rest(claim.message.email, asyncio.get_running_loop().time())
        now = self._engine.clock()
        if self._stopping.is_set() or rest:
            due = now + answers.jittered(timedelta(seconds=rest)) if rest else None
            self._answers.post(answers.released(claim, due))
            return None
        kept = await self._read(claim, now, unread)
        return self._composed(claim, now, kept) if kept else None

    async def _read(self, claim: Claim, now: datetime, unread: dict[str, Exception]) -> Kept | None:
        """What the store holds for a mail; None if it cannot be read, which is no fault of the mail's: it waits."""
        organizer = claim.message.organizer
        if organizer not in unread:
            try:
                return await self._renderer.read(claim, now)
            except Exception as error:  # noqa: BLE001 -- it is logged and tried again
                unread[organizer] = error
        self._answers.post(answers.released(claim, now + answers.jittered(_READ_AGAIN)))
        return None

    def _composed(self, claim: Claim, now: datetime, kept: Kept) -> Envelope | None:
        try:
            return self._renderer.composed(claim, now, kept)
        except Exception as error:
            if isinstance(error, Refused) and error.code is Code.OUT_OF_BOUNDS:
                self._answers.post(answers.failed(claim, error.code, error.message))
                return None
            log.exception("message %s cannot be rendered", claim.message.id)
            words = "The mail could not be made; see the log."
            self._answers.post(answers.failed(claim, Code.RENDER_FAILED, words))
            return None

    def _settle(self, claim: Claim, outcome: Accepted | Rejected) -> None:
        now = asyncio.get_running_loop().time()
        try:
            self._keep_pace(claim, outcome, now)
        except Exception:
            log.exception("the pace could not be kept; the answer counts all the same")
        if isinstance(outcome, Accepted):
            answer = answers.accepted(claim, outcome)
        else:
            answer = answers.refused(claim, outcome, self._engine.clock(), self._pace.pause(now))
        self._answers.post(answer)

    def _keep_pace(self, claim: Claim, outcome: Accepted | Rejected, now: float) -> None:
        """Send faster or slower, as the outcome says."""
        if isinstance(outcome, Accepted):
            if self._pace.accepted(claim.message.email):
                self._grown.set()
            return
        if outcome.throttled and self._quota:
            self._quota.throttled(spent=outcome.spent)
        if outcome.server and not self._stopping.is_set():
            _warn_of_pause(self._pace.throttled(now), outcome.answer)
        elif not outcome.permanent:
            self._pace.refused(claim.message.email, now)

    # writing down

    async def _write(self, found: Sequence[SendResult]) -> list[None]:
        """Write answers down in one transaction, and leave the next ones a moment to come together."""
        await self._write_down(found)
        self._leases.ended(answer.message_id for answer in found)
        for state, n in Counter(answer.state.value for answer in found).items():
            self._observer.count(ANSWERS, n, state=state)
        self._held -= len(found)
        self._room.set()
        self._engine.answered.notify()
        if not self._held or any(answer.state is MessageState.FAILED for answer in found):
            self._engine.owed.notify()  # a campaign may have come to its end, or has to be paused
        if self._held > _CLAIM_LEAST and not self._stopping.is_set():
            await asyncio.sleep(_GATHER_S)
        return [None] * len(found)

    async def _write_down(self, found: Sequence[SendResult]) -> None:
        """Write until it works: an answer that is lost would send its mail again."""
        while True:
            try:
                await self._store.write_answers(self._owner, found, self._engine.clock())
            except Exception as error:  # noqa: BLE001 -- it is logged and tried again
                _warn("answers cannot be written down; trying again", error)
                await asyncio.sleep(1)
            else:
                return

    # stopping

    async def _stop(self, workers: list[asyncio.Task[None]], *others: asyncio.Task[None]) -> None:
        """Finish what is in flight, give back what was not tried, write both down."""
        self._stopping.set()
        self._grown.set()
        if self._account_list:
            self._account_list.stop()
        if self._claiming:
            self._hand_out(await _claimed_late(self._claiming))
        try:
            async with asyncio.timeout(_FINISH_S):
                await self._batches.join()
        except TimeoutError:
            log.warning("stopped while a mail server was still answering; those mails may go twice")
        await _end(workers)
        while not self._batches.empty():
            for claim in self._batches.get_nowait():
                self._answers.post(answers.released(claim))
        try:
            async with asyncio.timeout(_LAST_WORDS_S):
                await self._answers.drained()
        except TimeoutError:
            log.warning("stopped while answers could not be written down; those mails may go twice")
        await self._answers.close()
        await _end(list(others))
        await self._transport.close()


def _warn(what: str, error: Exception) -> None:
    """Log what went wrong; a full disk is no bug, and a line of it is enough."""
    if isinstance(error, OSError):
        log.error("%s: %s", what, error.strerror or error)
    else:
        log.error(what, exc_info=error)


async def _claimed_late(claiming: asyncio.Task[list[Claim]]) -> list[Claim]:
    """What was being claimed when the end came."""
    try:
        return await claiming
    except Exception:
        log.exception("messages could not be claimed")
        return []


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _warn_of_pause(pause: float, answer: str) -> None:
    """Say in the log that the mail server keeps us waiting, unless it is for a moment."""
    if pause >= _WORTH_TELLING_S:
        log.warning("the mail server takes nothing, next try in %.0f s: %s", pause, discreet(answer)[:200])
