"""The engine: one way in for everything that changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import TypeVar, cast

from engine.commands import recording
from engine.commands.agents.bounds import refuse_exceeded
from engine.commands.agents.standing import standing_of
from engine.commands.approvals import holding
from engine.commands.approvals.holding import MustWait
from engine.commands.approvals.left_out import hold_left_out
from engine.commands.approvals.undoing import offered
from engine.commands.base import Command, Done, Work
from engine.commands.randomness import Randomness, RecordedRandomness, SystemRandomness
from engine.itip.recurrence import instances
from engine.link_questions import LinkQuestions
from engine.message_questions import MessageQuestions
from engine.model.actors import Actor
from engine.model.times import system_clock
from engine.observe.observer import COMMAND_S, COMMANDS, Observer
from engine.order_questions import OrderQuestions
from engine.process.limited import LimitedProcesses
from engine.process.shared_secret import share
from engine.questions import Clock, Questions
from engine.record.questions import Recorded
from engine.record.repeats import Repeats, known
from engine.record.signing import HeadSigner
from engine.refusals import Refused
from engine.settings import Settings
from engine.signals import Signal
from engine.store.opening import open_store
from engine.store.protocol import Store, Unit
from engine.watching import ResourceWatch

__all__ = ["SYSTEM", "Engine", "system_clock"]

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Done)
T = TypeVar("T")

SYSTEM = Actor(kind="system", address="")


class Engine(Recorded, MessageQuestions, LinkQuestions, OrderQuestions, Questions):
    """The one way in for everything that changes, and the questions, over one store."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, randomness: Randomness) -> None:
        super().__init__(store, clock)
        self.settings = settings
        self.randomness = randomness
        self.local = Actor(kind="local", address=settings.local_organizer)
        self.owed = Signal()
        self.arrived = Signal()
        self.watch = ResourceWatch(store)
        self.observer = Observer()
        self.signer = HeadSigner.of(settings)
        self.limited = LimitedProcesses()
        self._repeats = Repeats()
        self._applying: set[asyncio.Task[object]] = set()
        self._preparing: set[asyncio.Task[object]] = set()

    @classmethod
    async def open(
        cls, settings: Settings, *, clock: Clock = system_clock, randomness: Randomness | None = None
    ) -> Engine:
        """Open the engine over the store that the settings name. Raises OSError; Refused: NOT_ALLOWED."""
        store = await open_store(settings, instances)
        try:
            if secret := settings.secret.get_secret_value():
                await asyncio.to_thread(share, settings.data_dir, secret)
        except BaseException:
            await store.close()
            raise
        return cls(settings, store, clock, randomness or SystemRandomness())

    @property
    def items_per_unit(self) -> int:
        """How many items one command may change over this store."""
        return self.store.items_per_unit

    async def announce(self) -> None:
        """Let other processes notice at once what this one has written; for one that may be frozen next."""
        await self.store.announce()

    async def close(self) -> None:
        """Finish what is being applied and close the store; what has not reached the store yet is given up."""
        for task in self._preparing:
            task.cancel()
        self.limited.close()
        await asyncio.gather(*self._applying, return_exceptions=True)
        await self.record_repeats(ending=True)
        await self.watch.close()
        await self.store.close()

    async def apply(
        self,
        command: Command[D],
        actor: Actor,
        *,
        before: Callable[[Work], Awaitable[None]] | None = None,
        also: Callable[[Work, D], Awaitable[None]] | None = None,
    ) -> D:
        """Carry a command out in one unit of work. Raises Refused; then nothing was changed.

        `before` and `also` run in the same unit, ahead of the command and after it; like the command they wait
        for nothing but the unit. A caller that goes away does not cut the work in half.
        """
        task = asyncio.create_task(self._apply(command, actor, before, also))
        self._applying.add(task)
        task.add_done_callback(self._applying.discard)
        done = await asyncio.shield(task)
        if isinstance(done, Refused):
            # A value until here: the task may outlive its caller, and a refusal is no fault to be reported then.
            raise done
        return done

    async def _apply(
        self,
        command: Command[D],
        actor: Actor,
        before: Callable[[Work], Awaitable[None]] | None,
        also: Callable[[Work, D], Awaitable[None]] | None,
    ) -> D | Refused:
        name, outcome, began = type(command).__name__, "fault", time.perf_counter()
        try:
            with self.observer.span(name, actor=actor.kind) as span:
                done = await self._carry_out(name, command, actor, before, also)
                outcome = done.code.value if isinstance(done, Refused) else "done"
                span.note(outcome=outcome)
                return done
        finally:
            self.observer.took(COMMAND_S, time.perf_counter() - began, command=name)
            self.observer.count(COMMANDS, command=name, outcome=outcome)

    async def _carry_out(
        self,
        name: str,
        command: Command[D],
        actor: Actor,
        before: Callable[[Work], Awaitable[None]] | None,
        also: Callable[[Work, D], Awaitable[None]] | None,
    ) -> D | Refused:
        now = self.clock()

        async def whole(unit: Unit) -> D:
            bounds = await standing_of(unit, actor, now)
            work = Work(unit, actor, now, self._chance(actor), self.settings, bounds=bounds)
            if before:
                await before(work)
            done = await command.carry_out(work)
            await holding.weigh(work, command, done)
            refuse_exceeded(work)
            await hold_left_out(work)
            done = await offered(work, command, done)
            if also:
                await also(work, done)
            if command.in_record and actor.kind != "system":
                await recording.enter(work, command, done)
            return done

        try:
            await self._prepared(command)
            await command.upload(partial(self._alone, actor))
            done = await self._whole(command, actor, whole, before, also)
        except Refused as refused:
            log.info("%s refused: %s", name, refused.code)
            await self._record_refusal(command, actor, now, refused)
            return refused
        self.owed.notify()
        return done

    async def _whole(
        self,
        command: Command[D],
        actor: Actor,
        whole: Callable[[Unit], Coroutine[object, object, D]],
        before: Callable[[Work], Awaitable[None]] | None,
        also: Callable[[Work, D], Awaitable[None]] | None,
    ) -> D:
        """What the command came to; where it must wait, what it would come to, and the held action."""
        try:
            return await self.store.transact(whole)
        except MustWait as must_wait:
            waits, now = must_wait, self.clock()
        head = await self.signed_head()

        async def keep(unit: Unit) -> D:
            bounds = await standing_of(unit, actor, now)
            work = Work(unit, actor, now, self.randomness, self.settings, bounds=bounds)
            if before:
                await before(work)
            held = await holding.hold(work, command, waits, head)
            done = cast("D", waits.done.waiting(held))
            if also:
                await also(work, done)
            await recording.enter(work, command, done)
            return done

        return await self.store.transact(keep)

    async def _alone(self, actor: Actor, work: Callable[[Work], Coroutine[object, object, T]]) -> T:
        """What `work` gives in a unit of its own, for the actor."""
        now = self.clock()

        async def whole(unit: Unit) -> T:
            bounds = await standing_of(unit, actor, now)
            return await work(Work(unit, actor, now, self.randomness, self.settings, bounds=bounds))

        return await self.store.transact(whole)

    def _chance(self, actor: Actor) -> Randomness:
        """Chance for a command; written down where the command may have to wait and come true later."""
        return (
            RecordedRandomness(self.randomness)
            if actor.kind == "organizer" or actor.chain
            else self.randomness
        )

    async def _record_refusal(
        self, command: Command[D], actor: Actor, now: datetime, refused: Refused
    ) -> None:
        """A row at once for the first of equal refusals within a minute; the others wait for `record_repeats`."""
        if not command.in_record or not known(actor):
            return
        facts = {**recording.caller(actor, now), **recording.refusal(command, refused)}
        if self._repeats.first(facts, now):
            await self._enter(actor, lambda work: recording.enter(work, command, refused))
        await self.record_repeats()

    async def record_repeats(self, *, ending: bool = False) -> None:
        """One row for all refusals that were equal to one before, once their minute is over or the engine ends."""
        for facts, times in self._repeats.over(None if ending else self.clock()):
            await self._enter(SYSTEM, partial(recording.enter_repeats, facts=facts, times=times))

    async def _enter(self, actor: Actor, enter: Callable[[Work], Awaitable[None]]) -> None:
        now = self.clock()

        async def alone(unit: Unit) -> None:
            await enter(Work(unit, actor, now, self.randomness, self.settings))

        await self.store.transact(alone)

    async def day_limit_reached(self) -> bool:
        """True while `CIS_DAY_LIMIT` keeps mail from leaving."""
        limit = self.settings.day_limit
        return limit > 0 and await self.store.left_today(limit, self.clock()) <= 0

    async def check(self) -> list[str]:
        """Every difference that a recount finds, the record included; empty if all is well (promise 10)."""
        recounted = await self.store.recount()
        try:
            return [*recounted, *(await self.verified()).differences]
        except Refused as refused:
            return [*recounted, f"record: {refused}"]

    async def _prepared(self, command: Command[D]) -> None:
        """Let a command prepare itself: it may wait for a thread, for which no end waits."""
        task = asyncio.current_task()
        assert task is not None, "commands are applied by a task"
        self._preparing.add(task)
        try:
            await command.prepare()
        finally:
            self._preparing.discard(task)
