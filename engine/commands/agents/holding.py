"""Hold a command that waits for an approval: what it would do is seen, undone, and kept with its hash.

The command is tried in a unit of work of its own. What the trial shows decides whether it waits: then everything is
undone, and one row is kept that can carry out the very same later.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel

from engine.commands.agents import approval_mails, previews
from engine.commands.agents.readable import read_by_a_key
from engine.commands.base import Command, Done, Work
from engine.commands.events.events import CancelEvent, EventDone, UpdateEvent
from engine.commands.events.instances import AddInstance, CancelInstance, ChangeInstance
from engine.commands.events.revisions import Source
from engine.commands.randomness import TOKEN_LENGTH, RecordedRandomness
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
_WAITING_MAX = 100
"""Actions about one event that are looked at; each edit of it replaces those before, so there are few."""

_CHANGES = (UpdateEvent, CancelEvent, ChangeInstance, CancelInstance, AddInstance)
"""What an organizer's calendar client may ask for, beside making events."""
COMMANDS: dict[str, type[BaseModel]] = {command.__name__: command for command in _CHANGES}
"""Commands that may wait, by the name under which they are kept."""


class MustWait(Exception):  # noqa: N818 -- the trial is undone, and the command waits
    """A command waits for an approval; `done` is what it would come to."""

    def __init__(
        self, done: Done, kept: HeldCommand, reasons: tuple[HoldReason, ...], seen: HeldPreview
    ) -> None:
        super().__init__("it waits for an approval")
        self.done, self.kept, self.reasons, self.preview = done, kept, reasons, seen
        self.words: tuple[str, ...] = ()


async def weigh(work: Work, command: Command[Done], done: Done) -> None:
    """Judge a command by what its trial came to. Raises MustWait; Refused: STALE."""
    if work.approved or work.actor.kind != "organizer" or not isinstance(command, _CHANGES):
        return
    assert isinstance(done, EventDone)
    approval = await work.unit.organizer_approval(work.actor.address)
    if approval is None or command.dry_run or done.created or command.source is None:
        return
    await _refuse_overtaken(work, command, done.event)
    if not done.changed:
        await replace(work, command, done.event)
        return
    kept = HeldCommand(
        name=type(command).__name__,
        arguments=command.model_dump_json(exclude_defaults=True),
        event_uid=done.event.uid,
        sequence=done.old.sequence if done.old else -1,
        policy=_policy(approval),
    )
    waits = MustWait(done, kept, (HoldReason.ORGANIZER,), await previews.preview(work, command, done))
    if isinstance(work.randomness, RecordedRandomness):
        waits.words = tuple(work.randomness.words)
    raise waits


def _policy(approval: OrganizerApproval) -> str:
    return f"organizer:{approval.approver}"


async def policy_now(work: Work, held: HeldAction) -> str:
    """The rule by which the action would wait today; empty if it would not."""
    approval = await work.unit.organizer_approval(held.organizer)
    return _policy(approval) if approval else ""


async def hold(work: Work, command: Command[Done], waits: MustWait) -> HeldAction:
    """Keep a command that waits, in place of older edits of the same, and ask whoever decides."""
    organizer = work.actor.address
    held = HeldAction(
        id=work.randomness.word(ID_LENGTH),
        code=work.randomness.word(TOKEN_LENGTH),
        actor=work.actor,
        organizer=organizer,
        address=await _decider(work, organizer),
        command=waits.kept,
        digest=waits.kept.digest,
        reasons=waits.reasons,
        preview=waits.preview,
        words=waits.words,
        created=work.now,
        expires=work.now + EXPIRES,
    )
    if isinstance(waits.done, EventDone):
        await replace(work, command, waits.done.event)
    await work.unit.add_held(held)
    if held.address:
        await approval_mails.ask(work, held)
    return held


async def _decider(work: Work, organizer: str) -> str:
    """Who is asked by mail; empty where a key may read that mail, so that the operator decides."""
    approval = await work.unit.organizer_approval(organizer)
    address = (approval.approver if approval else "") or organizer
    return "" if await read_by_a_key(work, address) else address


async def replace(work: Work, command: Command[Done], event: Event) -> None:
    """A newer edit takes the place of those that wait: of its date, or, if it is of the whole event, of all."""
    for held in await work.unit.waiting_for(event.uid, _WAITING_MAX):
        if held.actor.kind == "organizer" and (
            not _date(command) or _date(kept_command(held)) == _date(command)
        ):
            await work.unit.save_held(
                held.model_copy(update={"state": HeldState.REPLACED, "decided": work.now})
            )


async def _refuse_overtaken(work: Work, command: Command[Done], event: Event) -> None:
    """Mails overtake each other: an older edit takes no newer one's place (RFC 5546, 2.1.5)."""
    source = _source(command)
    for held in await work.unit.waiting_for(event.uid, _WAITING_MAX):
        other = kept_command(held)
        newer = _source(other)
        if not source or not newer or (_date(other) and _date(other) != _date(command)):
            continue
        if _place(source) < _place(newer):
            raise Refused(Code.STALE, "A newer edit of this event waits for an approval.")


def _place(source: Source) -> tuple[int, float]:
    return source.sequence, source.noted.timestamp() if source.noted else 0.0


def _source(command: Command[Done]) -> Source | None:
    return getattr(command, "source", None)


def _date(command: Command[Done]) -> str:
    """Which date of a series a command speaks of; empty for the whole event."""
    override = getattr(command, "override", None)
    found = override.recurrence_id if override else getattr(command, "recurrence_id", None)
    return found.isoformat() if found else ""


def kept_command(held: HeldAction) -> Command[Done]:
    """The command as it was asked for."""
    found = COMMANDS[held.command.name].model_validate_json(held.command.arguments)
    assert isinstance(found, Command)
    return found
