"""The tool that shows an invite before it is sent."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads
from cis_mcp.views.forecast import InvitePreview, lines, preview


class PreviewInviteArguments(Arguments):
    """Arguments of preview_invite."""

    uid: str = Field(description="uid or id of the event", max_length=200)
    email: str = Field(
        description="who would be invited; nothing is sent", max_length=1_000, examples=["ann@example.com"]
    )


class PreviewResult(InvitePreview, Result):
    """An invite as it would leave, and how clients will show it."""


async def preview_invite(call: CallContext, arguments: PreviewInviteArguments) -> Reply:
    """Show what someone would get if they were invited, and how Gmail, Outlook, Apple, Thunderbird, Yahoo and Zoho
    will treat it: buttons, whether it enters the calendar automatically, changes, cancellations, first contact.
    Each statement names its source; without a source it is “not known”. Warns if the mail may not arrive. Sends
    nothing."""
    shown = await preview(call.engine, call.actor, arguments.uid, arguments.email)
    return Reply("\n".join(lines(shown)), PreviewResult(**shown.model_dump()))


TOOLS = (Spec(preview_invite, "Preview an invite", PreviewInviteArguments, PreviewResult, reads()),)
