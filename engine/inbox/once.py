"""Carry a command out for a mail exactly once: the change, the note and the notice are one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.commands import confirmations, notices
from engine.commands.base import Command, Done, Refusal, Work
from engine.commands.intake import Reply, note
from engine.commands.prompting import Cause, prompted
from engine.engine import Engine
from engine.inbox.taken import Action, Outcome, Taken
from engine.model import Actor, Notice
from engine.refusals import Code
from engine.store.protocol import AlreadyTakenIn

D = TypeVar("D", bound=Done)

TAKEN_BEFORE = Outcome(action=Action.IGNORED, code=Code.NO_CHANGE.value, detail="taken in before")


async def apply_once(
    engine: Engine,
    taken: Taken,
    command: Command[D],
    actor: Actor,
    *,
    outcome: Callable[[D], Outcome],
    notice: Callable[[D], Notice] | None = None,
    part: str = "",
) -> Outcome | Refusal:
    """What became of the mail, or of this part of it; harmless to repeat after a crash at any instant."""
    became = TAKEN_BEFORE
    name = taken.intake(became, engine.clock(), part).id

    async def before(work: Work) -> None:
        if await work.unit.taken_in(name):
            raise AlreadyTakenIn(name)

    async def also(work: Work, done: D) -> None:
        nonlocal became
        became = _flagged(taken, outcome(done))
        reply = await _reply(work, taken, became, notice(done)) if notice and taken.answerable else None
        await note(work, taken.intake(became, work.now, part), reply)
        if became.ask:
            await confirmations.ask(work, became.ask)

    try:
        done = await engine.apply(command, actor, before=before, also=also)
    except AlreadyTakenIn:
        return TAKEN_BEFORE
    return done if isinstance(done, Refusal) else became


async def _reply(work: Work, taken: Taken, became: Outcome, notice: Notice) -> Reply | None:
    """The answer to the sender; where nothing proves them (`CIS_SENDER_AUTH`), few, and in our own words if flagged.

    Few as well where nothing was changed: a proven mail may be relayed again and again by whoever has it.
    """
    to, proven = taken.mail.from_address, taken.verdict.passed or taken.verdict.google_calendar
    idle = became.action in {Action.REFUSED, Action.QUARANTINED, Action.IGNORED} or bool(became.code)
    if (idle or not proven) and not await prompted(work, Cause.REPEAT if proven else Cause.NOTICE, to, to):
        return None
    if taken.flagged and not proven:
        notice = notices.unproven(f"{became.action.value} {became.code}".strip(), became.uid)
    return Reply(to=to, notice=notice)


def _flagged(taken: Taken, outcome: Outcome) -> Outcome:
    """`outcome` with the code that says that nothing proved the mail, where it changed something all the same."""
    doings = {Action.CREATED, Action.UPDATED, Action.CANCELLED, Action.CAMPAIGN, Action.BATCH}
    if not taken.flagged or outcome.action not in doings or outcome.code:
        return outcome
    return outcome.model_copy(update={"code": Code.SENDER_UNAUTHENTICATED.value})
