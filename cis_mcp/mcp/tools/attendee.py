"""The tool that shows one person at one event: the answer, every mail, and the servers' replies."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Spec, reads
from cis_mcp.mcp.tools.event_arguments import Uid
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.views.day_limit import day_limit
from cis_mcp.views.timeline import AttendeeStory, attendee_story, page_of, story, waits_in
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event
from engine.questions import Explanation

_CAMPAIGNS_SEEN = 50
_UNDER_WAY = {CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED}


class GetAttendeeArguments(Arguments):
    """Arguments of get_attendee."""

    uid: Uid
    email: str = Field(description="the person's address", max_length=1_000, examples=["ann@example.com"])
    limit: int = Field(
        50, description="how many messages, and how many receipts, at most; the newest", ge=1, le=100
    )
    cursor: str | None = Field(
        None, description="next_cursor of the previous page: older ones", max_length=200
    )


async def get_attendee(call: CallContext, arguments: GetAttendeeArguments) -> Reply:
    """Show one person's history at one event: the answer and to which revision, every message with the mail
    server's reply, comments, proposed times, and what is still to come. For when someone says they “never
    got it”."""
    event = await call.engine.event(arguments.uid, call.actor)
    explanation = await call.engine.explain(event.uid, arguments.email, call.actor)
    campaigns = await _waited_in(call, explanation)
    being_written = await _being_written(call, event)

    async def page(limit: int) -> Reply:
        shown = page_of(explanation, limit, arguments.cursor)
        data = attendee_story(event, explanation, campaigns, being_written, shown)
        lines = story(data, event)
        if any(one.message.state.pending for one in explanation.history) and (
            why := await day_limit(call.engine)
        ):
            lines.append(f"It waits, since {why}.")
        return Reply("\n".join(lines), data)

    return await fitted(arguments.limit, page)


async def _waited_in(call: CallContext, explanation: Explanation) -> dict[str, Campaign]:
    """The campaigns in which messages are still owed, by id."""
    ids = {waits_in(one.message) for one in explanation.history} - {None}
    found = [await call.engine.campaign_alone(campaign_id, call.actor) for campaign_id in ids if campaign_id]
    return {campaign.id: campaign for campaign in found}


async def _being_written(call: CallContext, event: Event) -> list[str]:
    """The organizer's newest campaigns for `event` that have not written all their messages yet."""
    newest = await call.engine.newest_campaigns(call.actor, _CAMPAIGNS_SEEN, event.organizer)
    under_way = [c for c in newest if c.event_uid == event.uid and c.state in _UNDER_WAY]
    counts = {c.id: await call.engine.campaign_counts(c, call.actor) for c in under_way}
    return [campaign_id for campaign_id, found in counts.items() if found.get("waiting")]


TOOLS = (Spec(get_attendee, "Show one attendee", GetAttendeeArguments, AttendeeStory, reads()),)
