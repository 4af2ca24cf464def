"""The tool that undoes a change."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import ACTING, CallContext, Reply, Spec, writes
from cis_mcp.views.events import event_lines
from cis_mcp.views.undo import Undone, undone, undone_line
from engine.commands.approvals.undoing import UndoCommand


class UndoArguments(Arguments):
    """Arguments of undo."""

    id: str = Field(description="id in undo of a call's result", min_length=1, max_length=40)


async def undo(call: CallContext, arguments: UndoArguments) -> Reply:
    """Undo a call whose result has undo, before its time is up: its mails are not sent, and the event is as it was.
    Refused once anyone has been mailed: use update_event or cancel_event with dry_run to see whom a correction
    would mail."""
    done = await call.apply(UndoCommand(undo_id=arguments.id))
    changed = done.event if done.undone.before else None
    lines = [undone_line(done), *(event_lines(changed) if changed else [])]
    return Reply("\n".join(lines), undone(done))


TOOLS = (
    Spec(
        undo,
        "Undo a change",
        UndoArguments,
        Undone,
        writes(idempotent=True),
        ACTING,
        beside=True,
    ),
)
