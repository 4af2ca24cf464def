"""Changes that can be undone, as data and text."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.events import utc
from engine.commands.approvals.undoing import UndoDone
from engine.model.undo import Undo, Undoable


class UndoInfo(Data):
    """How to undo a change."""

    id: str = Field(description="give it to undo")
    until: str


class Undone(Data):
    """What was undone."""

    uid: str = Field(description="the event concerned; empty: none, or several")
    sequence: int | None = Field(description="revision of the event now; null: it was not changed")
    withdrawn: int = Field(description="people who are not mailed")
    repeated: bool = Field(description="true: it had already been undone")


def undone(done: UndoDone) -> Undone:
    """An undone change as data."""
    changed = done.event if done.undone.before else None
    return Undone(
        uid=done.undone.event_uid,
        sequence=changed.sequence if changed else None,
        withdrawn=done.withdrawn,
        repeated=done.repeated,
    )


class UndoableInfo(Data):
    """A change that can still be undone."""

    id: str
    command: str = Field(description="what was asked")
    uid: str = Field(description="the event concerned; empty: none, or several")
    asked: str
    until: str


def undoable_info(undoable: Undoable) -> UndoableInfo:
    """A change that can be undone, as data."""
    return UndoableInfo(
        id=undoable.id,
        command=undoable.command,
        uid=undoable.event_uid,
        asked=utc(undoable.asked),
        until=utc(undoable.until),
    )


def undo_info(undo: Undo) -> UndoInfo:
    """How, and until when, a change can be undone, as data."""
    return UndoInfo(id=undo.id, until=utc(undo.until))


def undo_line(undo: Undo) -> str:
    """A sentence that a change can be undone, and until when."""
    return (
        f"You can undo all of it until {undo.until:%H:%M:%S} UTC, before anybody is notified: undo {undo.id}."
    )


def line(undoable: Undoable) -> str:
    """A change that can be undone, on one line."""
    about = f", event {undoable.event_uid}" if undoable.event_uid else ""
    return (
        f"{undoable.id}  until {undoable.until:%Y-%m-%d %H:%M:%S} UTC  {undoable.command}{about}, "
        f"for {undoable.organizer}"
    )


def undone_line(done: UndoDone) -> str:
    """What was undone."""
    if done.repeated:
        return "It was undone before; nothing was done now."
    return f"Undone. Mails withdrawn: {done.withdrawn}."
