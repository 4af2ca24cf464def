"""The engine: one way in for everything that changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import TypeVar, cast

from engine.bell import Bell
from engine.commands.agents import holding
from engine.commands.agents.holding import MustWait
from engine.commands.agents.standing import standing_of
from engine.commands.base import Command, Done, Work
from engine.commands.randomness import Randomness, RecordedRandomness, SystemRandomness
from engine.itip.recurrence import instances
from engine.model.actors import Actor
from engine.observe.observer import COMMAND_S, COMMANDS, Observer
from engine.questions import Clock, Questions
from engine.refusals import Refused
from engine.settings import Settings
from engine.store.opening import open_store
from engine.store.protocol import Store, Unit
from engine.watching import Watch

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Done)

SYSTEM = Actor(kind="system", address="")


def system_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class Engine(Questions):
    """The one way in for everything that changes, and the questions, over one store."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, randomness: Randomness) -> None:
        super().__init__(store, clock)
        self.settings = settings
        self.randomness = randomness
        self.local = Actor(kind="local", address=settings.local_organizer)
        self.owed = Bell()
        self.arrived = Bell()
        self.watch = Watch(store)
        self.observer = Observer()
        self._applying: set[asyncio.Task[object]] = set()
        self._preparing: set[asyncio.Task[object]] = set()

    @classmethod
    async def open(
        cls, settings: Settings, *, clock: Clock = system_clock, randomness: Randomness | None = None
    ) -> Engine:
        """Open the engine over the store that the settings name. Raises OSError; Refused: NOT_ALLOWED."""
        store = await open_store(settings, instances)
        return cls(settings, store, clock, randomness or SystemRandomness())

    async def close(self) -> None:
        """Finish what is being applied and close the store; what has not reached the store yet is given up."""
        for task in self._preparing:
            task.cancel()
        await asyncio.gather(*self._applying, return_exceptions=True)
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
        name, outcome = type(command).__name__, "fault"
        try:
            with (
                self.observer.timing(COMMAND_S, command=name),
                self.observer.span(name, actor=actor.kind) as span,
            ):
                done = await self._carry_out(name, command, actor, before, also)
                outcome = done.code.value if isinstance(done, Refused) else "done"
                span.note(outcome=outcome)
                return done
        finally:
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
            if also:
                await also(work, done)
            if actor.kind != "system":
                await unit.audit(now, actor.audited, name, command.subject())
            return done

        try:
            await self._prepared(command)
            done = await self._whole(name, command, actor, whole, before, also)
        except Refused as refused:
            log.info("%s refused: %s", name, refused.code)
            return refused
        self.owed.ring()
        return done

    async def _whole(
        self,
        name: str,
        command: Command[D],
        actor: Actor,
        whole: Callable[[Unit], Coroutine[object, object, D]],
        before: Callable[[Work], Awaitable[None]] | None,
        also: Callable[[Work, D], Awaitable[None]] | None,
    ) -> D:
        """What the command came to; where it must wait, what it would come to, and the held action."""
        try:
            return await self.store.at_once(whole)
        except MustWait as must_wait:
            waits, now = must_wait, self.clock()

        async def keep(unit: Unit) -> D:
            work = Work(unit, actor, now, self.randomness, self.settings)
            if before:
                await before(work)
            held = await holding.hold(work, command, waits)
            done = cast("D", waits.done.model_copy(update={"held": held}))
            if also:
                await also(work, done)
            await unit.audit(now, actor.audited, f"{name} held", command.subject())
            return done

        return await self.store.at_once(keep)

    def _chance(self, actor: Actor) -> Randomness:
        """Chance for a command; written down where the command may have to wait and come true later."""
        return RecordedRandomness(self.randomness) if actor.kind == "organizer" else self.randomness

    async def _prepared(self, command: Command[D]) -> None:
        """Let a command prepare itself: it may wait for a thread, for which no end waits."""
        task = asyncio.current_task()
        assert task is not None, "commands are applied by a task"
        self._preparing.add(task)
        try:
            await command.prepare()
        finally:
            self._preparing.discard(task)
