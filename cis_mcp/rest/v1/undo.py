"""Take back whole what was done, while its time lasts and nobody has heard of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Nothing, Query
from cis_mcp.views.base import Data
from cis_mcp.views.undo import UndoableInfo, Undone, undoable_info, undone
from engine.commands.approvals.undoing import ShowUndos, UndoCommand
from engine.model.verbs import Verb


class OfUndo(Query):
    """The undo in the path."""

    undo_id: Annotated[str, Field(min_length=1, max_length=40)]


class Undos(Data):
    """What can be taken back now, newest first."""

    undos: list[UndoableInfo]


async def list_undos(call: Call[Nothing, Body]) -> Undos:
    """List what can still be taken back whole, newest first."""
    done = await call.apply(ShowUndos())
    return Undos(undos=[undoable_info(one) for one in done.undos])


async def take_back(call: Call[OfUndo, Body]) -> Undone:
    """Take back whole what a request did whose answer has `undo`, while its time lasts: its mails do not leave, the
    event is as before. Once someone was mailed it is refused. Safe to repeat. The key needs the verb of what is taken
    back as well."""
    return undone(await call.apply(UndoCommand(undo_id=call.query.undo_id)))


_UNDO = "/v1/undo"
ENDPOINTS = (
    Endpoint("GET", _UNDO, list_undos, Undos, Verb.READ, "agents", Nothing, tool="undo"),
    Endpoint("POST", f"{_UNDO}/{{undo_id}}", take_back, Undone, Verb.READ, "agents", OfUndo, tool="undo"),
)
