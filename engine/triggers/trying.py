"""Tries a delivery on its event: the same commands, in a unit of work that is rolled back."""

from __future__ import annotations

from engine.commands.agents.standing import standing_of
from engine.commands.base import Work
from engine.commands.triggers import effects
from engine.engine import Engine
from engine.model.triggers import Trigger, TriggerObject
from engine.refusals import Code, Refused
from engine.rules.mapping import Mapped
from engine.store.protocol import Unit


class _Undone(Exception):  # noqa: N818 -- nothing failed: what was tried is undone
    def __init__(self, lacks: effects.Lacking) -> None:
        super().__init__("tried")
        self.lacks = lacks


async def at_its_event(engine: Engine, trigger: Trigger, asked: Mapped) -> effects.Lacking:
    """What would be left out of the event that is created or changed; nothing is stored.

    Raises Refused: what the event's commands raise, and NOT_ALLOWED if the trigger's key has ended.
    """
    now = engine.clock()

    async def attempt(unit: Unit) -> effects.Lacking:
        key = await unit.key(trigger.key)
        if key is None or key.ended(now):
            raise Refused(Code.NOT_ALLOWED, "The key that the trigger acts with has ended.")
        bounds = await standing_of(unit, key.actor, now)
        work = Work(unit, key.actor, now, engine.randomness, engine.settings, bounds=bounds, waited=True)
        known = await unit.trigger_object(trigger.id, asked.object)
        raise _Undone(await effects.at_event(work, asked, known or TriggerObject(object=asked.object)))

    try:
        return await engine.store.transact(attempt)
    except _Undone as undone:
        return undone.lacks
