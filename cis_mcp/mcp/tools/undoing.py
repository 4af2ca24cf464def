"""The tool that takes a change back whole."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import ACTING, CallContext, Reply, Result, Spec, writes
from cis_mcp.views.events import event_lines
from cis_mcp.views.undo import undone_line
from engine.commands.agents.undoing import UndoCommand


class UndoArguments(Arguments):
    """Arguments of undo."""

    id: str = Field(description="id from the undo of an answer", min_length=1, max_length=40)


class UndoneResult(Result):
    """What was taken back."""

    uid: str = Field(description="event that it was about; empty: none, or several")
    sequence: int | None = Field(description="revision of the event now; null: it was not changed")
    withdrawn: int = Field(description="people who hear nothing of it")
    repeated: bool = Field(description="true: it had been taken back before")


async def undo(call: CallContext, arguments: UndoArguments) -> Reply:
    """Take back whole what a call did whose answer has undo, while its time lasts: its mails don't leave, the event is
    as before. Once someone was mailed it is refused: use update_event or cancel_event with dry_run to see what a
    correction costs."""
    done = await call.apply(UndoCommand(undo_id=arguments.id))
    changed = done.event if done.undone.before else None
    data = UndoneResult(
        uid=done.undone.event_uid,
        sequence=changed.sequence if changed else None,
        withdrawn=done.withdrawn,
        repeated=done.repeated,
    )
    lines = [undone_line(done), *(event_lines(changed) if changed else [])]
    return Reply("\n".join(lines), data)


TOOLS = (
    Spec(
        undo,
        "Take back a change",
        UndoArguments,
        UndoneResult,
        writes(idempotent=True),
        ACTING,
        beside=True,
    ),
)
