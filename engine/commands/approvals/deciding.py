"""Say Yes or No to a held action; a Yes carries out what was approved, once, or nothing if it no longer fits."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from engine.commands import notices, notifying, text
from engine.commands.agents.readable import read_by_a_key
from engine.commands.agents.standing import standing_of
from engine.commands.approvals import approval_mails
from engine.commands.approvals.delivering import fail_held, keep_yes
from engine.commands.approvals.holdable import made, people
from engine.commands.approvals.holding import kept_command, policy_now
from engine.commands.approvals.undoing import offered
from engine.commands.base import Command, Done, Work
from engine.commands.randomness import RepeatedRandomness
from engine.model import record
from engine.model.held import Channel, HeldAction, HeldState
from engine.model.undo import Undo
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

WHY_MAX = 500


class Decided(Done):
    """The held action; `repeated`: it was decided earlier, and nothing was done now."""

    action: HeldAction
    repeated: bool = False

    def recorded(self, salt: bytes) -> dict[str, object]:
        """Which action was decided, by which channel, and a commitment to the hash of what was shown."""
        shown = record.commitment(self.action.digest.encode(), salt)
        decided = {"id": self.action.id, "state": self.action.state.value, "shown": shown}
        return {"approval": {**decided, "channel": self.action.channel or ""}}


class Decide(Command[Decided]):
    """Approve or refuse a held action: by the code of its link, or, for the operator, by its id."""

    free: ClassVar[bool] = True

    held_id: str = Field("", max_length=40)
    code: str = Field("", max_length=100)
    approve: bool
    why: str = ""
    channel: Channel

    async def carry_out(self, work: Work) -> Decided:
        """Raises Refused: UNKNOWN_HELD_ACTION, HELD_ACTION_STATE, NOT_ALLOWED, INVALID_ARGUMENT."""
        held = await self._found(work)
        state = held.state_at(work.now)
        wanted = HeldState.APPROVED if self.approve else HeldState.REFUSED
        if state is wanted:
            return Decided(action=held, repeated=True)
        if state is not HeldState.WAITING:
            raise Refused(Code.HELD_ACTION_STATE, decided_already(held, state))
        why = text.bounded(" ".join(self.why.split()), "why", WHY_MAX)
        if not self.approve and not why:
            raise Refused(Code.INVALID_ARGUMENT, "A No needs a reason.", "Say briefly why.")
        decided = held.model_copy(
            update={
                "state": wanted,
                "decided": work.now,
                "decided_by": work.actor.audited,
                "channel": self.channel,
                "why": why,
            }
        )
        undo: Undo | None = None
        if self.approve:
            decided, undo = await _carried_out(work, decided)
        await work.unit.save_held(decided)
        await fail_held(work, decided)
        await _notify(work, decided)
        return Decided(action=decided, undo=undo)

    async def _found(self, work: Work) -> HeldAction:
        """The action, if the actor may decide it; else it is as unknown as none."""
        by_id = not self.code
        found = await (work.unit.held_action(self.held_id) if by_id else work.unit.held_by_code(self.code))
        if found is None:
            raise unknown()
        if work.actor.kind == "owner" and found.address == work.actor.address:
            await _refuse_readable(work, found.address)
        elif by_id and work.actor.kind == "agent":
            await _refuse_key(work, found, self.channel)
        elif not (by_id and work.actor.everywhere):
            raise unknown()
        return found

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return self.held_id or "held action"


async def _refuse_readable(work: Work, address: str) -> None:
    if await read_by_a_key(work, address):
        raise Refused(
            Code.NOT_ALLOWED,
            "A key acts for the address that was asked, so a reply from it decides nothing.",
            "The operator decides.",
        )


async def _refuse_key(work: Work, held: HeldAction, channel: Channel) -> None:
    """A key decides for its own address, with the verb `approve`, nothing that its own chain asked for or that is a
    person's to decide.

    The key that asked decides where its bounds say that a person attends to its client.
    """
    if not work.actor.owns(held.organizer):
        raise unknown()
    if held.for_persons:
        raise Refused(Code.NOT_ALLOWED, "No key decides this.", f"{held.address or 'The operator'} decides.")
    if work.actor.key and work.actor.key == held.actor.key and work.bounds.attended:
        return
    if channel is Channel.FORM or set(work.actor.chain or ("",)) & set(held.actor.chain or ("",)):
        raise Refused(
            Code.NOT_THE_PROPOSER,
            "The key that requested an action cannot approve it, nor can a key above or below it.",
            "Its owner decides, or the operator.",
        )
    work.require(Verb.APPROVE)
    if work.actor.verbs & _ASKING and not _is_named(work, held.actor.key):
        raise Refused(
            Code.NOT_THE_PROPOSER,
            "A key that may request such actions itself decides only for the keys that its owner named (decides_for).",
            "Its owner decides, or the operator, or a key that may only approve.",
        )


_ASKING = frozenset({Verb.CREATE, Verb.UPDATE, Verb.SEND, Verb.BULK})
"""Two keys that may do this may be in one agent's hands, and would approve for each other."""


def _is_named(work: Work, asked: str) -> bool:
    """True if the bounds of the deciding key name the one that asked."""
    named = {name for bounds in work.bounds.bounds[-1:] for name in bounds.decides_for}
    return bool(named & {"*", asked})


def unknown() -> Refused:
    """The refusal of an id that names nothing of the caller's (UNKNOWN_HELD_ACTION)."""
    return Refused(Code.UNKNOWN_HELD_ACTION, "There is no held action with this id.")


def decided_already(held: HeldAction, state: HeldState) -> str:
    """Why an action can no longer be decided, in a sentence."""
    return {
        HeldState.APPROVED: "It was approved already, and carried out.",
        HeldState.REFUSED: "It was refused already.",
        HeldState.EXPIRED: "It was not decided in time, which counts as a No.",
        HeldState.REPLACED: "A newer edit replaced it.",
        HeldState.VOID: f"It is void: {held.why}",
    }.get(state, "It waits.")


async def _carried_out(work: Work, held: HeldAction) -> tuple[HeldAction, Undo | None]:
    """Carry out what was approved; void where what it was about has changed. Also how it can be undone."""
    try:
        if objection := await _objection(work, held):
            return _void(held, objection), None
        inner = replace(
            work,
            actor=held.actor,
            bounds=await standing_of(work.unit, held.actor, work.now),
            randomness=RepeatedRandomness(held.words, work.randomness),
            approved=True,
            exceeded=[],
        )
        command = kept_command(held)
        done = await offered(inner, command, await command.carry_out(inner))
        await keep_yes(work, held, done)
    except Refused as refused:  # a command refuses before it writes
        return _void(held, f"{refused.code}: {refused.message}"), None
    return held.model_copy(update={"notified": people(done), "made": made(done)}), done.undo


def _void(held: HeldAction, why: str) -> HeldAction:
    return held.model_copy(update={"state": HeldState.VOID, "why": why})


async def _objection(work: Work, held: HeldAction) -> str:
    """Why an approval no longer stands for what was shown; empty if it does."""
    kept = held.command
    event = await work.unit.event(kept.event_uid) if kept.event_uid else None
    now = kept.model_copy(
        update={"sequence": event.sequence if event else -1, "policy": await policy_now(work, held)}
    )
    if now.sequence != kept.sequence:
        return "the event has changed since it was shown"
    if now.policy != kept.policy:
        return "the rule by which it waited has changed"
    return "" if now.digest == held.digest else "it is not what was shown"


async def _notify(work: Work, held: HeldAction) -> None:
    """The organizer hears what became of a change of theirs, unless they decided it themselves."""
    if held.actor.kind != "organizer" or held.organizer == held.address:
        return
    notice = approval_mails.decided(held, await notices.language_of(work, held.organizer))
    uid = held.command.event_uid or None
    await notifying.notify(work, held.organizer, notice, uid)
