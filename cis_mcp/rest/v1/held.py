"""What waits for approval, and who decides it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Cursor, Limit, Query
from cis_mcp.views.base import Data
from cis_mcp.views.held import HeldInfo, held_info
from engine.commands.approvals.deciding import WHY_MAX, Decide
from engine.model import cursors
from engine.model.held import Channel
from engine.model.verbs import Verb


class OfHeld(Query):
    """The held action in the path."""

    held_id: Annotated[str, Field(min_length=1, max_length=40)]


class ListingHeld(Query):
    """A page of held actions."""

    waiting: bool = Field(True, description="false: also those that are decided, void or expired")
    limit: Limit = 20
    cursor: Cursor = None


class Decision(Body):
    """Yes or No."""

    decision: Literal["approve", "refuse"]
    why: str = Field("", description="the reason; required to refuse", max_length=WHY_MAX)


class HeldActions(Data):
    """Held actions, newest first."""

    held_actions: list[HeldInfo]
    next_cursor: str | None


async def list_held_actions(call: Call[ListingHeld, Body]) -> HeldActions:
    """List the requests that wait for approval, newest first."""
    asked = call.query
    before: tuple[float, str] | None = None
    if asked.cursor:
        at, name = cursors.opened(asked.cursor, float, str)
        before = float(str(at)), str(name)
    found = await call.engine.held_actions(
        call.actor, waiting=asked.waiting, limit=asked.limit + 1, before=before
    )
    last = found[asked.limit - 1] if len(found) > asked.limit else None
    now = call.engine.clock()
    return HeldActions(
        held_actions=[held_info(held, held.state_at(now), call.actor) for held in found[: asked.limit]],
        next_cursor=cursors.written(last.created.timestamp(), last.id) if last else None,
    )


async def show_held_action(call: Call[OfHeld, Body]) -> HeldInfo:
    """Show a request that waits for approval, or its outcome. Nothing is sent before the approval."""
    held = await call.engine.held_action(call.query.held_id, call.actor)
    return held_info(held, held.state_at(call.engine.clock()), call.actor)


async def decide(call: Call[OfHeld, Decision]) -> HeldInfo:
    """Approve or refuse what another key of your address asked for; an approval carries out exactly what was shown.
    Never what this key, or one above or below it, asked for. Safe to repeat."""
    command = Decide(
        held_id=call.query.held_id,
        approve=call.body.decision == "approve",
        why=call.body.why,
        channel=Channel.KEY,
    )
    action = (await call.apply(command)).action
    return held_info(action, action.state_at(call.engine.clock()))


_HELD = "/v1/held-actions"
ENDPOINTS = (
    Endpoint(
        "GET",
        _HELD,
        list_held_actions,
        HeldActions,
        Verb.READ,
        "agents",
        ListingHeld,
        tool="get_held_action",
    ),
    Endpoint(
        "GET",
        f"{_HELD}/{{held_id}}",
        show_held_action,
        HeldInfo,
        Verb.READ,
        "agents",
        OfHeld,
        tool="get_held_action",
    ),
    Endpoint(
        "POST",
        f"{_HELD}/{{held_id}}/decision",
        decide,
        HeldInfo,
        Verb.APPROVE,
        "agents",
        OfHeld,
        Decision,
        tool="decide_held_action",
        tier="extended",
        undoable=True,
    ),
)
