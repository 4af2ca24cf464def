"""Stores mails in the spool and handles them, many at once, and never stops for a bad one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Self

from engine.engine import Engine
from engine.inbox import keeping
from engine.inbox.contents.readers import Readers
from engine.inbox.handling.received import MailAction, Outcome, quarantined
from engine.inbox.intake.arrival_order import ArrivalOrder, Place
from engine.inbox.intake.authenticator import TryLater
from engine.inbox.intake.batch_executor import BatchExecutor
from engine.inbox.intake.in_flight import DEATHS_MAX, InFlight, key
from engine.inbox.intake.router import Router
from engine.inbox.spool import pickup
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spool, Spooled, arrival, parsed
from engine.inbox.turns.claims import HEAD, order_key, token_of, turn_of
from engine.inbox.turns.fair_queue import FairQueue
from engine.inbox.turns.fair_slots import FairSlots
from engine.observe.observer import LAG_S, MAIL_S, MAILS
from engine.refusals import Code

log = logging.getLogger(__name__)

_RESCAN_S = 10.0
"""How often to look for mails that another process stored and could not handle."""
_TRIES = 5
_RETRY_S = 1.0
"""How long to leave a mail that could not be handled; doubled each time, so that a fault that passes, such as
a full disk, sets nothing aside."""
_ANSWERS_AT_ONCE = 256
"""Mails at a token wait for no one but the store: more of them at once would only take memory."""
_OTHERS_AT_ONCE = 1_024
_SHARE = 16
"""Mails of one domain, or at one token, that are handled at the same time."""
_LARGE = 65_536
_LARGE_AT_ONCE = 8
_LARGE_SHARE = 2
_LARGE_OF_ONE_CLIENT = 4
_QUEUED_MAX = 50_000
_FRESH_BYTES = 8_000_000
"""How much of what has just come is kept at hand, so that it need not be read again."""
_UNFILED_BYTES = 16_000_000
_POURING = 5
_BUSY_PACE_S = 0.1
_BUSY_MOST_S = 10.0
"""While mails pour in, they are taken in first, and one is handled every so often, unless it has waited long."""


class Inbox:
    """The spool and its router: everything that comes in goes through here.

    It is closed by the end of `run`, or as a context.
    """

    def __init__(self, engine: Engine, *, retry_s: float = _RETRY_S, readers: Readers | None = None) -> None:
        self.engine = engine
        self.spool = Spool(engine.settings.data_dir / "inbox", engine.settings.disk_reserve)
        self.arrived = engine.arrived
        self.kept = BatchExecutor(self.spool.store_all, after=self._file)
        self._moved = BatchExecutor(self.spool.move_all)
        self._readers = readers or Readers()
        self._router = Router(engine, self._readers)
        self._in_flight = InFlight(engine.settings.data_dir / "inbox")
        self._retry_s = retry_s
        self._tries: dict[str, int] = {}
        self._answers = FairQueue(_ANSWERS_AT_ONCE, _SHARE, self._handle_safely)
        self._others = FairQueue(_OTHERS_AT_ONCE, _SHARE, self._handle_safely)
        self._order = ArrivalOrder()
        self._places: dict[str, Place] = {}
        self._suspects: dict[str, int] = {}
        self._alone = asyncio.Lock()
        self._running = False
        self._fresh: dict[str, Spooled] = {}
        self._fresh_bytes = 0
        self._large = FairSlots(_LARGE_AT_ONCE)
        self._awaited: dict[str, asyncio.Event] = {}
        self._gate = asyncio.Lock()
        self._next = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def store(self, raw: bytes, mailboxes: tuple[OwnMailbox, ...], sender: str | None) -> str:
        """Keep a mail durably and have it handled soon; returns its id. Raises OSError."""
        envelope = ReceivedEnvelope(
            id=self.spool.new_name(), mailboxes=mailboxes, sender=sender, arrived=self.engine.clock()
        )
        await self.receive(Spooled(envelope=envelope, raw=raw))
        return envelope.id

    async def receive(self, mail: Spooled) -> None:
        """Keep a mail, whose id is new, durably and have it handled soon. Raises OSError."""
        await self.kept.do(mail)
        if self._running and self._queued < _QUEUED_MAX:
            self._remember(mail)
            self._enqueue(mail)
        else:
            self.arrived.notify()

    def _enqueue(self, mail: Spooled) -> None:
        """Have a mail handled, of which at least the head is at hand."""
        name = mail.envelope.id
        if name not in self._places:
            self._places[name] = self._order.enter(order_key(mail))
            queue = self._answers if token_of(mail) else self._others
            queue.add(turn_of(mail, self.engine.settings.relay_networks), name)

    def _file(self) -> None:
        """While mails pour in, they wait in the journal for their files: most are handled before they need any."""
        if self.kept.streak > _POURING and self.spool.unfiled.size < _UNFILED_BYTES:
            return
        try:
            self.spool.file()
        except OSError:
            log.exception("mails in the journal cannot be given files of their own yet; trying again")

    @property
    def _queued(self) -> int:
        return len(self._answers) + len(self._others)

    async def keep(self, name: str, raw: bytes) -> None:
        """As `store`, for a source that names its mails: what is here under that name is left alone."""
        if not await asyncio.to_thread(self.spool.has, name):
            arrived = self.engine.clock() if arrival(name) is None else None
            await asyncio.to_thread(self.spool.store, raw, (), None, name=name, arrived=arrived)
            self.arrived.notify()

    async def keep_and_handle(self, mail: Spooled) -> None:
        """As `keep`, for a mail with its envelope; returns once it was handled, by any process. Raises OSError."""
        name = mail.envelope.id
        if not await asyncio.to_thread(self.spool.has, name):
            await asyncio.to_thread(self.spool.store_named, mail)
            self.arrived.notify()
        handled = self._awaited.setdefault(name, asyncio.Event())
        try:
            while await asyncio.to_thread(self.spool.waits, name):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_RESCAN_S):
                        await handled.wait()
                handled.clear()
        finally:
            self._awaited.pop(name, None)

    async def take(self, raw: bytes, mailboxes: tuple[OwnMailbox, ...]) -> list[Outcome]:
        """Keep a mail durably and handle it here and now. Raises OSError where it cannot be kept."""
        arrived = self.engine.clock()
        envelope = await asyncio.to_thread(self.spool.store, raw, mailboxes, None, held=True, arrived=arrived)
        return await self.handle(envelope.id)

    def _remember(self, mail: Spooled) -> None:
        if self._fresh_bytes + len(mail.raw) <= _FRESH_BYTES:
            self._fresh[mail.envelope.id] = mail
            self._fresh_bytes += len(mail.raw)

    async def run(self) -> None:
        """Handle mails as they arrive, until cancelled."""
        try:
            with self._picking_up():
                await self._handle_all()
        finally:
            self._running = False
            await asyncio.gather(self._answers.close(), self._others.close())
            await self.close()

    async def _handle_all(self) -> None:
        while True:
            signal = self.arrived.listen()
            await self._look()
            self._running = True
            await signal.rest(_RESCAN_S)

    @contextmanager
    def _picking_up(self) -> Iterator[None]:
        """Hear at once of mails that other processes store, where the file system has named pipes."""
        settings, loop = self.engine.settings, asyncio.get_running_loop()
        limits = pickup.PickupLimits(mail=settings.max_mail_bytes, reserve=settings.disk_reserve)
        with ExitStack() as stack:
            try:
                pipe = stack.enter_context(pickup.listening(settings.data_dir / "inbox", limits))
            except OSError as error:
                log.warning("mails that a pipe brings are looked for from time to time: %s", error.strerror)
            else:
                loop.add_reader(pipe, pickup.heard, pipe, self.arrived.notify)
                stack.callback(loop.remove_reader, pipe)
            yield

    async def close(self) -> None:
        """Stop; what was not handled is left to the next start."""
        await self._readers.close()
        self._in_flight.close()
        self.spool.close()

    async def _look(self) -> None:
        """Put what waits in the spool into the queue."""
        try:
            await asyncio.to_thread(self.spool.settle)
            self._suspects = await asyncio.to_thread(self._counted)
        except OSError:
            log.exception("the journal of the spool cannot be settled; trying again")
        try:
            for name, head in await asyncio.to_thread(self._heads):
                self._enqueue(parsed(name, head))
        except OSError:
            log.exception("the spool cannot be read; trying again")

    def _counted(self) -> dict[str, int]:
        self._in_flight.count_deaths()
        return self._in_flight.suspects()

    def _heads(self) -> list[tuple[str, bytes]]:
        new = [name for name in self.spool.waiting() if name not in self._places]
        return self.spool.heads(new[: max(0, _QUEUED_MAX - self._queued)], HEAD)

    async def _give_way(self, name: str) -> None:
        if not self._gate.locked() and not self._pouring(name):
            self._next = time.monotonic() + _BUSY_PACE_S
            return
        async with self._gate:
            if self._pouring(name):
                await asyncio.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + _BUSY_PACE_S

    def _pouring(self, name: str) -> bool:
        """True while mails pour in and this one can wait for them."""
        arrived = arrival(name)
        waited = time.time() - arrived if arrived is not None else _BUSY_MOST_S
        return waited < _BUSY_MOST_S and self.kept.streak > _POURING

    async def _handle_safely(self, name: str) -> float | None:
        """A mail whose handling fails for a reason of ours is tried again, then set aside: never lost."""
        await self._give_way(name)
        again = await self._tried(name)
        if again is None:
            self._tries.pop(name, None)
            self._places.pop(name).leave()
            if name in self._awaited:
                self._awaited[name].set()
        return again

    async def _tried(self, name: str) -> float | None:
        """In how many seconds to try again; None if the mail was handled or set aside."""
        try:
            await self.handle(name)
        except TryLater as later:
            log.info("mail %s is looked at again: %s", name, later)
            return self._retry_s * later.pause
        except Exception:  # noqa: BLE001 -- said there, and the mail stays in the spool
            return await self._failed(name)
        return None

    async def _failed(self, name: str) -> float | None:
        """As `_tried`, for a mail that could not be handled."""
        tries = self._tries[name] = self._tries.get(name, 0) + 1
        log.exception("mail %s could not be handled, try %d", name, tries)
        if tries >= _TRIES:
            try:
                await self._moved.do((name, "quarantine"))
            except OSError:
                log.exception("mail %s cannot be set aside; trying again", name)
            else:
                return None
        return self._retry_s * float(2 ** (min(tries, _TRIES) - 1))

    async def handle(self, name: str) -> list[Outcome]:
        """Handle one waiting mail; returns what became of it at each mailbox."""
        if key(name) not in self._suspects:
            return await self._in_hand(name)
        # One at a time: of all that were in hand when a process died, only the one that did it is in hand again.
        async with self._alone:
            outcomes = await self._suspected(name)
            await asyncio.to_thread(self._in_flight.acquit, name)
            self._suspects.pop(key(name), None)
            return outcomes

    async def _suspected(self, name: str) -> list[Outcome]:
        if self._suspects[key(name)] < DEATHS_MAX:
            return await self._in_hand(name)
        log.error("mail %s is set aside: %d processes died with it in hand", name, DEATHS_MAX)
        return await self._set_aside(name)

    async def _set_aside(self, name: str) -> list[Outcome]:
        """Put a mail that must not be read into quarantine, with a note that says why."""
        outcome = quarantined(
            Code.PROCESS_DIED, f"The server's process ended {DEATHS_MAX} times while it handled this mail."
        )
        for _, head in await asyncio.to_thread(self.spool.heads, [name], HEAD):
            await self._router.unread(parsed(name, head).envelope, outcome)
        await self._moved.do((name, "quarantine"))
        return [outcome]

    async def _in_hand(self, name: str) -> list[Outcome]:
        mail = self._fresh.pop(name, None)
        if mail:
            self._fresh_bytes -= len(mail.raw)
        elif await asyncio.to_thread(self.spool.size, name) > _LARGE:
            queue = self._answers if name in self._answers else self._others
            turn = queue.turn(name)
            kind = " ".join(turn)
            async with self._large.slot(
                kind, {kind: _LARGE_SHARE, turn.client or kind: _LARGE_OF_ONE_CLIENT}
            ):
                return await self._handle(name, await asyncio.to_thread(self.spool.read, name))
        return await self._handle(name, mail or await asyncio.to_thread(self.spool.read, name))

    async def _handle(self, name: str, mail: Spooled | None) -> list[Outcome]:
        if mail is None:
            return []
        self._in_flight.begin(name)
        try:
            return await self._observed(name, mail)
        finally:
            self._in_flight.end(name)

    async def _observed(self, name: str, mail: Spooled) -> list[Outcome]:
        observer, began = self.engine.observer, time.perf_counter()
        try:
            with observer.span("mail", size=len(mail.raw)) as span:
                outcomes = await self._became(name, mail)
                span.note(actions=",".join(sorted({outcome.action.value for outcome in outcomes})))
        finally:
            observer.took(MAIL_S, time.perf_counter() - began)
        for outcome in outcomes:
            log.info("mail %s: %s %s %s", name, outcome.action, outcome.uid, outcome.code)
            observer.count(MAILS, action=outcome.action.value, code=outcome.code)
            if outcome.action is MailAction.RECEIPT and (arrived := arrival(name)):
                observer.took(LAG_S, max(0.0, time.time() - arrived))
        return outcomes

    async def _became(self, name: str, mail: Spooled) -> list[Outcome]:
        # What came by SMTP was measured there, without what we put on top.
        if not mail.envelope.client and len(mail.raw) > self.engine.settings.max_mail_bytes:
            outcomes = [quarantined(Code.TOO_LARGE, "The mail is larger than the server accepts.")]
        else:
            outcomes = await self._router.handle(mail, self._places.get(name))
        aside = any(outcome.aside for outcome in outcomes)
        await keeping.count(self.engine, mail, outcomes)
        await self._moved.do((name, "quarantine" if aside else "done"))
        return outcomes
