"""Undo a change, while its time lasts and no one has been mailed about it."""

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
    """What can be undone now, newest first."""

    undos: list[UndoableInfo]


async def list_undos(call: Call[Nothing, Body]) -> Undos:
    """List the changes that can still be undone, newest first."""
    done = await call.apply(ShowUndos())
    return Undos(undos=[undoable_info(one) for one in done.undos])


async def take_back(call: Call[OfUndo, Body]) -> Undone:
    """Undo a request whose answer has `undo`, while its time lasts: its mails are not sent, and the event is as before.
    It is refused once someone was mailed. Safe to repeat. The key also needs the verb of the request that is undone."""
    return undone(await call.apply(UndoCommand(undo_id=call.query.undo_id)))


_UNDO = "/v1/undo"
ENDPOINTS = (
    Endpoint("GET", _UNDO, list_undos, Undos, Verb.READ, "agents", Nothing, tool="undo"),
    Endpoint("POST", f"{_UNDO}/{{undo_id}}", take_back, Undone, Verb.READ, "agents", OfUndo, tool="undo"),
)
