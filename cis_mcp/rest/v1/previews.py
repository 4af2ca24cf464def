"""An invite before it is sent."""

from __future__ import annotations

from cis_mcp.rest.endpoint import Call, Endpoint
from cis_mcp.rest.models import Body, Email, OfEvent
from cis_mcp.views.forecast import InvitePreview, preview
from engine.model.verbs import Verb


class ForWhom(OfEvent):
    """Whose invite."""

    email: Email


async def preview_invite(call: Call[ForWhom, Body]) -> InvitePreview:
    """Show what someone would get if they were invited, and how mail and calendar programs will treat it. Each
    statement names its source; what no source tells is “not known”. Sends nothing."""
    return await preview(call.engine, call.actor, call.query.uid, call.query.email)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/events/{uid}/attendees/{email}/preview",
        preview_invite,
        InvitePreview,
        Verb.READ,
        "people",
        ForWhom,
        tool="preview_invite",
        tier="extended",
    ),
)
