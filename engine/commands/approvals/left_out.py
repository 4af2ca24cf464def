"""Hold the texts that were left out of an event: an approval brings them in, with the hosts that they link to."""

from __future__ import annotations

from dataclasses import replace

from engine.commands.approvals import policies, previews
from engine.commands.approvals.holding import WAITING_MAX, MustWait, hold, kept_command
from engine.commands.base import Work
from engine.commands.events.events import UpdateEvent
from engine.model.held import LEFT_OUT_AT_ONCE, HeldCommand, HeldState, HoldReason, LeftOutTexts


async def hold_left_out(work: Work) -> None:
    """Hold what commands of this unit left out, in place of what was held of the same events before."""
    left = [one for one in work.left_out if one.hosts and one.event_uid]
    for one in left[:LEFT_OUT_AT_ONCE]:
        await _hold(work, one)


async def _hold(work: Work, left: LeftOutTexts) -> None:
    command = UpdateEvent(
        uid=left.event_uid, verbatim=True, hosts=left.hosts, overrides=left.dates or None, **left.texts
    )
    asking = replace(work, approved=True)
    seen = await command.model_copy(update={"dry_run": True}).carry_out(asking)
    if not seen.changed:
        return
    await _replace(work, left.event_uid)
    kept = HeldCommand(
        name=type(command).__name__,
        arguments=command.model_dump_json(exclude_defaults=True),
        event_uid=left.event_uid,
        policy=policies.policy(work.bounds),
    )
    waits = MustWait(seen, kept, (HoldReason.LINKS,), await previews.preview(work, command, seen))
    waits.organizer = seen.event.organizer
    # Told of by the digest, the console and the outcome: a mail for each entry of a calendar would be a flood.
    await hold(work, command, waits, ask=False)


async def _replace(work: Work, uid: str) -> None:
    for held in await work.unit.waiting_for(uid, WAITING_MAX):
        command = kept_command(held)
        if isinstance(command, UpdateEvent) and command.hosts:
            replaced = {"state": HeldState.REPLACED, "decided": work.now}
            await work.unit.save_held(held.model_copy(update=replaced))
