"""Hold a command that waits for approval: what it would do is seen, undone, and kept with its hash.

The command is tried in a unit of work of its own. What the trial shows decides whether it waits: then everything is
undone, and one row is kept that can carry out the very same later.
"""

from __future__ import annotations

from datetime import timedelta

from engine.commands.agents.bounds import out_of_bounds
from engine.commands.agents.readable import read_by_a_key
from engine.commands.agents.standing import standing_of
from engine.commands.approvals import approval_mails, policies, previews
from engine.commands.approvals.holdable import CLIENT_CHANGES, COMMANDS, subject
from engine.commands.base import Command, Done, Work
from engine.commands.campaigns.campaigns import CampaignDone
from engine.commands.events.events import EventDone
from engine.commands.randomness import TOKEN_LENGTH, RecordedRandomness
from engine.commands.revisions import RevisionSource
from engine.commands.triggers.deliveries import DeliveryDone
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.held import (
    HeldAction,
    HeldCommand,
    HeldPreview,
    HeldState,
    HoldReason,
    OrganizerApproval,
)
from engine.refusals import Code, Refused

EXPIRES = timedelta(days=7)
"""How long an action waits; then it counts as refused."""
ID_LENGTH = 10
WAITING_MAX = 100
"""Actions about one event that are looked at; each edit of it replaces those before, so there are few."""


class MustWait(Exception):  # noqa: N818 -- the trial is undone, and the command waits
    """A command must wait for approval; `done` is what it would do."""

    def __init__(
        self, done: Done, kept: HeldCommand, reasons: tuple[HoldReason, ...], seen: HeldPreview
    ) -> None:
        super().__init__("it waits for approval")
        self.done, self.kept, self.reasons, self.preview = done, kept, reasons, seen
        self.words: tuple[str, ...] = ()
        self.organizer = ""


async def weigh(work: Work, command: Command[Done], done: Done) -> None:
    """Decide by a command's trial whether it must wait. Raises MustWait; Refused: STALE, OUT_OF_BOUNDS."""
    if work.approved:
        return
    reasons = await policies.reasons(work, command, done)
    if work.actor.everywhere:
        _refuse_for_all(reasons)
        return
    policy = policies.policy(work.bounds) if reasons else ""
    switch = await _by_switch(work, command, done)
    if switch:
        reasons, policy = (HoldReason.ORGANIZER, *reasons), f"{_of_switch(switch)} {policy}".strip()
    if not reasons:
        return
    event = await subject(work, done)
    kept = HeldCommand(
        name=type(command).__name__,
        arguments=command.model_dump_json(exclude_defaults=True),
        event_uid=event.uid if event else "",
        policy=policy,
        list_digest=done.campaign.digest if isinstance(done, CampaignDone) else "",
    )
    if isinstance(done, DeliveryDone) and done.approved == kept.digest and not work.exceeded:
        # It goes on in parts, and the very same was approved with the first.
        return
    waits = MustWait(done, kept, reasons, await previews.preview(work, command, done))
    waits.organizer = event.organizer if event else work.actor.address
    if isinstance(work.randomness, RecordedRandomness):
        waits.words = tuple(work.randomness.words)
    raise waits


def _refuse_for_all(reasons: tuple[HoldReason, ...]) -> None:
    """A key that acts for every organizer is bound as well; the paths that it asks on show nothing that waits."""
    if reasons:
        raise out_of_bounds("approval", "What this key asks for waits for a yes, and this cannot wait.")


async def _by_switch(work: Work, command: Command[Done], done: Done) -> OrganizerApproval | None:
    """The organizer's switch, if it has this change from their calendar client wait (`CLIENT_CHANGES`)."""
    if work.actor.kind != "organizer" or not isinstance(command, CLIENT_CHANGES) or command.source is None:
        return None
    assert isinstance(done, EventDone)
    approval = await work.unit.organizer_approval(work.actor.address)
    if approval is None or command.dry_run or done.created:
        return None
    await _refuse_overtaken(work, command, done.event)
    if not done.changed:
        await replace(work, command, done.event)
        return None
    return approval


def _of_switch(approval: OrganizerApproval) -> str:
    return f"organizer:{approval.approver}"


async def policy_now(work: Work, held: HeldAction) -> str:
    """The rules by which the action would wait today. Raises Refused if its key has ended or is stopped."""
    found = []
    if HoldReason.ORGANIZER in held.reasons:
        approval = await work.unit.organizer_approval(held.organizer)
        found.append(_of_switch(approval) if approval else "")
    if set(held.reasons) - {HoldReason.ORGANIZER}:
        found.append(policies.policy(await standing_of(work.unit, held.actor, work.now)))
    return " ".join(found)


async def hold(
    work: Work, command: Command[Done], waits: MustWait, head: str = "", *, ask: bool = True
) -> HeldAction:
    """Keep a command that waits, in place of older edits of the same, and ask whoever decides.

    Asking twice holds once. `head`: the signed head of the record, for the mail that asks. `ask`: false sends no
    mail. Raises Refused: SEQUENCE_MISMATCH if the event changed since the trial.
    """
    event = await work.unit.event(waits.kept.event_uid) if waits.kept.event_uid else None
    _refuse_changed(waits.done, event)
    kept = waits.kept.model_copy(update={"sequence": event.sequence if event else -1})
    if again := await _waits_already(work, kept):
        return again
    held = HeldAction(
        id=work.randomness.word(ID_LENGTH),
        code=work.randomness.word(TOKEN_LENGTH),
        actor=work.actor,
        organizer=waits.organizer,
        key_name=work.bounds.keys[-1].name if work.bounds.keys else "",
        attended=work.bounds.attended and HoldReason.ORGANIZER not in waits.reasons,
        address=await _decider(work, waits),
        command=kept,
        digest=kept.digest,
        reasons=waits.reasons,
        preview=waits.preview,
        words=waits.words,
        created=work.now,
        expires=work.now + EXPIRES,
    )
    if HoldReason.ORGANIZER in waits.reasons and isinstance(waits.done, EventDone):
        await replace(work, command, waits.done.event)
    await work.unit.add_held(held)
    if held.address and ask:
        await approval_mails.ask(work, held, head)
    return held


def _refuse_changed(done: Done, event: Event | None) -> None:
    if isinstance(done, EventDone) and done.old and (event is None or event.sequence != done.old.sequence):
        raise Refused(Code.SEQUENCE_MISMATCH, "The event has just changed.", "Ask again.")


async def _waits_already(work: Work, kept: HeldCommand) -> HeldAction | None:
    waiting = await work.unit.waiting_for(kept.event_uid, WAITING_MAX)
    alike = (h for h in waiting if h.digest == kept.digest and _faceless(h.actor) == _faceless(work.actor))
    return next((h for h in alike if h.state_at(work.now) is HeldState.WAITING), None)


def _faceless(actor: Actor) -> Actor:
    """The same by whichever face it came."""
    return actor.model_copy(update={"face": ""})


async def _decider(work: Work, waits: MustWait) -> str:
    """Who is asked by mail; empty if a key may read that mail, so that the operator decides.

    If both the organizer's switch and a key have it wait, the key's owner decides.
    """
    if set(waits.reasons) == {HoldReason.ORGANIZER}:
        approval = await work.unit.organizer_approval(waits.organizer)
        address = (approval.approver if approval else "") or waits.organizer
    else:
        address = work.bounds.owner
    return "" if not address or await read_by_a_key(work, address) else address


async def replace(work: Work, command: Command[Done], event: Event) -> None:
    """Replace older edits that wait: those of the same date, or all if the new one is of the whole event."""
    for held in await _edits(work, event):
        if not _date(command) or _date(kept_command(held)) == _date(command):
            replaced = {"state": HeldState.REPLACED, "decided": work.now}
            await work.unit.save_held(held.model_copy(update=replaced))


async def _edits(work: Work, event: Event) -> list[HeldAction]:
    """Edits by the organizer's calendar client that wait."""
    waiting = await work.unit.waiting_for(event.uid, WAITING_MAX)
    return [held for held in waiting if HoldReason.ORGANIZER in held.reasons]


async def _refuse_overtaken(work: Work, command: Command[Done], event: Event) -> None:
    """Mails overtake each other: an older edit takes no newer one's place (RFC 5546, 2.1.5)."""
    source = _source(command)
    for held in await _edits(work, event):
        other = kept_command(held)
        newer = _source(other)
        if not source or not newer or (_date(other) and _date(other) != _date(command)):
            continue
        if _place(source) < _place(newer):
            raise Refused(Code.STALE, "A newer edit of this event waits for approval.")


def _place(source: RevisionSource) -> tuple[int, float]:
    return source.sequence, source.noted.timestamp() if source.noted else 0.0


def _source(command: Command[Done]) -> RevisionSource | None:
    return getattr(command, "source", None)


def _date(command: Command[Done]) -> str:
    """Which date of a series a command speaks of; empty for the whole event."""
    override = getattr(command, "override", None)
    found = override.recurrence_id if override else getattr(command, "recurrence_id", None)
    return found.isoformat() if found else ""


def kept_command(held: HeldAction) -> Command[Done]:
    """The command as it was asked for."""
    return COMMANDS[held.command.name].model_validate_json(held.command.arguments)
