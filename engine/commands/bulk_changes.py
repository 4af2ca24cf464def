"""Change many messages: some in the unit of the command that asks for it, the rest by a job."""

from __future__ import annotations

from engine.commands.base import Command, Work
from engine.commands.notifying import Progress
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.events import Event
from engine.refusals import Code


async def begin(work: Work, change: BulkChange) -> None:
    """Apply the first part of a change, and keep the rest for the job; one of the same scope that was kept ends."""
    await work.unit.end_bulk_change(change)
    await _go_on(work, change)


async def withdraw_event(work: Work, event: Event, code: Code) -> None:
    """Withdraw the calendar messages of all revisions before this one of an event."""
    change = BulkChange(
        action=BulkAction.WITHDRAW, event_uid=event.uid, code=code.value, before=event.sequence
    )
    unfinished = await work.unit.bulk_change(change.scope)
    if unfinished and unfinished.action is BulkAction.OWE_AGAIN and unfinished.since:
        work.withdrawn_since.append(unfinished.since)
    await begin(work, change)


class ContinueBulkChange(Command[Progress]):
    """Apply the next part of the change that has waited longest."""

    async def carry_out(self, work: Work) -> Progress:
        """Change one part; `worked` is false if no change waits. Refuses nothing."""
        change = await work.unit.next_bulk_change()
        if change is None:
            return Progress(worked=False)
        await _go_on(work, change)
        return Progress(worked=True)


async def _go_on(work: Work, change: BulkChange) -> None:
    cursor = await work.unit.change_messages(change, work.now)
    if cursor is None:
        await work.unit.end_bulk_change(change)
    else:
        await work.unit.keep_bulk_change(change.model_copy(update={"cursor": cursor}))
