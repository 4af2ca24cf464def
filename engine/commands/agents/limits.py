"""What the bounds of a key leave it now; the store is asked the same questions whatever was refused."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import ClassVar

from engine.commands.agents.keys import stored_key
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.model.base import Value
from engine.model.bounds import Bounds
from engine.model.budgets import Spent
from engine.store.rules import changes_allowed

_DAILY = ("day", "new_people_day", "changes_day", "person_day")


class Limit(Value):
    """One bound of a key: what it allows, and of a budget what is left of it and until when."""

    bound: str
    key: str
    allows: str
    used: int | None = None
    left: int | None = None
    resets: datetime | None = None
    lifted_by: str


class LimitsDone(Done):
    """The bounds of the keys that hold for the caller, the highest key first; none for a caller without bounds."""

    limits: tuple[Limit, ...]


class ShowLimits(Command[LimitsDone]):
    """Show what the bounds of the caller's keys allow, and what is left; nothing is changed."""

    in_record: ClassVar[bool] = False

    async def carry_out(self, work: Work) -> LimitsDone:
        """Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS for a key that is stopped or has ended."""
        spent = await work.unit.spent([key.id for key in work.bounds.keys], work.now)
        found = [
            limit
            for key in work.bounds.keys
            if key.bounds
            for limit in _limits(key.id, key.bounds, spent.get(key.id, Spent()), work.now)
        ]
        return LimitsDone(limits=tuple(found))


class ShowKeyLimits(Command[LimitsDone]):
    """Show a key's owner, or the operator, what its own bounds allow and what is left."""

    free: ClassVar[bool] = True
    in_record: ClassVar[bool] = False

    key_id: str

    async def carry_out(self, work: Work) -> LimitsDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY."""
        may_administer(work.actor)
        key = await stored_key(work, self.key_id)
        if key.bounds is None:
            return LimitsDone(limits=())
        spent = (await work.unit.spent([key.id], work.now)).get(key.id, Spent())
        return LimitsDone(limits=tuple(_limits(key.id, key.bounds, spent, work.now)))


def _limits(key: str, bounds: Bounds, spent: Spent, now: datetime) -> list[Limit]:
    lifted_by = bounds.owner or "the operator"
    midnight = datetime.combine(now.date() + timedelta(days=1), time.min, now.tzinfo)
    used = {"day": spent.mails, "new_people_day": spent.people, "changes_day": spent.changes}
    found = []
    for name, most in _figures(bounds, spent).items():
        left = max(0, most - used[name]) if most and name in used else None
        found.append(
            Limit(
                bound=name,
                key=key,
                allows=str(most) if most else "no limit",
                used=used.get(name),
                left=left,
                resets=midnight if most and name in _DAILY else None,
                lifted_by=lifted_by,
            )
        )
    words = {name: allows for name, allows in _words(bounds).items() if allows is not None}
    return found + [
        Limit(bound=n, key=key, allows=allows, lifted_by=lifted_by) for n, allows in words.items()
    ]


def _figures(bounds: Bounds, spent: Spent) -> dict[str, int]:
    names = ("day", "minute", "new_people_day", "person_day", "bulk_max", "events_max", "horizon_days")
    return {**{name: getattr(bounds, name) for name in names}, "changes_day": changes_allowed(spent.met)}


def _words(bounds: Bounds) -> dict[str, str | None]:
    return {
        "verbs": ", ".join(sorted(bounds.verbs)),
        "to": "anyone" if bounds.to is None else ", ".join(bounds.to) or "nobody",
        "not_to": f"all but {', '.join(bounds.not_to)}" if bounds.not_to else None,
        "links": "any" if bounds.links is None else ", ".join(bounds.links) or "none",
        "hours": f"{bounds.hours} {bounds.timezone}" if bounds.hours else None,
        "approval": ", ".join(bounds.approval) or None,
    }
