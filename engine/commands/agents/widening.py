"""Widen a bound that refused something: the command, and what the owner or the operator would type."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from pydantic import Field, ValidationError

from engine.commands.agents import narrowing
from engine.commands.agents.keys import KeyDone, leave_earlier, refuse_not_owner, stored_key
from engine.commands.base import Command, Work
from engine.commands.operators.operators import may_change_bounds
from engine.model.bounds import PATTERNS_MAX, Approval, Bounds, Mode
from engine.model.keys import Key
from engine.refusals import Code, Refused

_NUMBERS = {
    "day": "day",
    "minute": "minute",
    "new_people_day": "new-people-day",
    "person_day": "person-day",
    "bulk_max": "bulk-max",
    "events_max": "events-max",
}
_MORE = "MORE"
"""Stands for what the record does not hold: whom, where to, or what else."""


def widening(key: Key, bound: str) -> str:
    """The arguments at the command line that widen `bound` of `key`; empty if no command does."""
    if bound in {"stopped", "key"}:
        return f"key resume {key.id}"
    if key.above and bound in WIDENED:
        # With those above it, within whose bounds it has to stay.
        return f"key widen {key.id} {bound}{f' {_MORE}' if bound in PATTERNS else ''}"
    if bound == "verbs" and (key.api or key.address.startswith("@")):
        return ""
    option = _option(key.bounds, bound) if key.bounds else ""
    return f"key change {key.id} {option}" if option else ""


def _option(bounds: Bounds, bound: str) -> str:
    if bound in _NUMBERS:
        return f"--{_NUMBERS[bound]} {2 * getattr(bounds, bound)}"
    match bound:
        case "verbs" | "to" | "links" | "decides_for":
            given = sorted(bounds.verbs) if bound == "verbs" else getattr(bounds, bound) or ()
            return f"--{bound.replace('_', '-')} {shlex.quote(','.join([*given, _MORE]))}"
        case "not_to":
            # As it is: whoever types it takes out whom the key may mail from now on.
            return f"--not-to {shlex.quote(','.join(bounds.not_to))}"
        case "horizon_days":
            return f"--horizon {2 * bounds.horizon_days}d"
        case "expires_days":
            return f"--expires {2 * bounds.expires_days}d"
        case "approval_bulk":
            return f"--approval {','.join(map(partial(_longer, bounds), bounds.approval))}"
        case _:
            return _LIFTED.get(bound, "")


_LIFTED = {
    "mode": "--mode act --probation 0d",
    "approval": "--approval ''",
    "hours": "--hours ''",
    "attended": "--attended",
}


def _longer(bounds: Bounds, kind: Approval) -> str:
    return f"{kind}:{2 * bounds.approval_bulk}" if kind is Approval.BULK else kind.value


PATTERNS = frozenset({"to", "not_to", "links"})
"""Bounds to which something is added, or of `not_to` taken away."""
_DOUBLED = frozenset({*_NUMBERS, "horizon_days"})
WIDENED = PATTERNS | _DOUBLED | {"mode", "approval", "hours"}
"""Bounds that `WidenKey` widens."""


class WidenKey(Command[KeyDone]):
    """Widen one bound of a key: double a number, add the given patterns, or lift an approval.

    A key above, within whose bounds it would lie no longer, is widened as well.
    """

    free: ClassVar[bool] = True

    key_id: str
    bound: str = Field(max_length=40)
    add: str = Field(
        "", max_length=2_000, description="of `to`, `links` and `not_to`: patterns, comma separated"
    )

    async def carry_out(self, work: Work) -> KeyDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY, OUT_OF_BOUNDS, INVALID_ARGUMENT. For the owner or the operator."""
        if work.actor.kind == "owner":
            await refuse_not_owner(work, self.key_id)
        else:
            may_change_bounds(work.actor)
        key = await stored_key(work, self.key_id)
        if key.bounds is None or key.ended(work.now):
            raise Refused(Code.INVALID_ARGUMENT, "This key has no bounds to widen.")
        wider = self._widened(key)
        await self._make_room(work, wider)
        await work.unit.save_key(wider)
        await leave_earlier(work, key, wider)
        return KeyDone(key=wider)

    async def _make_room(self, work: Work, key: Key) -> None:
        """Widen the keys above in the same way, as far as `key` would lie outside their bounds."""
        for name in reversed(key.above):
            above = await stored_key(work, name)
            try:
                narrowing.refuse_wider(key, above)
                return
            except Refused:
                if work.actor.kind == "owner":
                    await refuse_not_owner(work, above.id)
            wider = self._widened(above, above=True)
            narrowing.refuse_wider(key, wider)
            await work.unit.save_key(wider)
            await leave_earlier(work, above, wider)
            key = wider

    def _widened(self, key: Key, *, above: bool = False) -> Key:
        assert key.bounds is not None, "a key without bounds is above none that is outside them"
        probation = {"probation": None} if self.bound == "mode" else {}
        return key.model_copy(update={"bounds": self._wider(key.bounds, above=above), **probation})

    def _wider(self, bounds: Bounds, *, above: bool) -> Bounds:
        values = {**bounds.model_dump(), **self._values(bounds, above=above)}
        try:
            return Bounds.model_validate(values)
        except ValidationError as error:
            why = str(error.errors(include_url=False, include_context=False)[0]["msg"])
            raise Refused(Code.INVALID_ARGUMENT, why.removeprefix("Value error, ")) from None

    def _values(self, bounds: Bounds, *, above: bool) -> dict[str, object]:
        if self.bound == "not_to":
            return {"not_to": self._without(bounds.not_to, some=above)}
        if self.bound in PATTERNS:
            if getattr(bounds, self.bound) is None:
                raise Refused(Code.INVALID_ARGUMENT, f"The key has no bound “{self.bound}”: all are allowed.")
            return {self.bound: (*(getattr(bounds, self.bound) or ()), *self._added())}
        if self.bound in _DOUBLED:
            return {self.bound: 2 * getattr(bounds, self.bound)}
        match self.bound:
            case "mode":
                return {"mode": Mode.ACT, "probation_days": 0}
            case "approval":
                return {"approval": ()}
            case "hours":
                return {"hours": ""}
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{self.bound}” cannot be widened this way.",
            f"These can: {', '.join(sorted(WIDENED))}.",
        )

    def _without(self, patterns: Sequence[str], *, some: bool) -> list[str]:
        """The patterns but for those that are given; `some`: of which there need not be all."""
        gone = self._added()
        if not some and (unknown := [one for one in gone if one not in patterns]):
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"“{unknown[0][:80]}” is not among those whom it may not mail.",
                f"There are: {', '.join(patterns)[:500]}.",
            )
        return [one for one in patterns if one not in gone]

    def _added(self) -> list[str]:
        added = [one.strip() for one in self.add.split(",") if one.strip()]
        if not 0 < len(added) <= PATTERNS_MAX:
            raise Refused(Code.INVALID_ARGUMENT, "Say what else to allow.", "Give a pattern, or several.")
        return added

    def subject(self) -> str:
        """What the record names it by: the key's id."""
        return self.key_id
