"""The tool that explains: what one person was sent for one event, and what came back."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Spec, reads
from cis_mcp.mcp.tools.event_arguments import Uid
from cis_mcp.mcp.tools.explanation_results import Explained, explained, page_of, story, waits_in
from cis_mcp.mcp.tools.fitting import fitted
from cis_mcp.mcp.tools.results import one_line
from engine.engine import Explanation
from engine.model.campaigns import Campaign, CampaignState
from engine.model.events import Event

_CAMPAIGNS_SEEN = 50
_UNDER_WAY = {CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED}


class ExplainSendArguments(Arguments):
    """Arguments of explain_send."""

    uid: Uid
    email: str = Field(description="the person's address", max_length=1_000, examples=["ann@example.com"])
    limit: int = Field(50, description="messages, and receipts, at most; the newest", ge=1, le=100)
    cursor: str | None = Field(
        None, description="next_cursor of the page before, for older ones", max_length=200
    )


async def explain_send(call: CallContext, arguments: ExplainSendArguments) -> Reply:
    """Explain what one person was sent for an event and what came back: every message with each attempt and
    the mail server's answer, every receipt and whether it counted, and what is still owed. For everybody use
    list_attendees and get_campaign."""
    event = await call.engine.event(arguments.uid, call.actor)
    explanation = await call.engine.explain(arguments.uid, arguments.email, call.actor)
    campaigns = await _waited_in(call, explanation)
    being_written = await _being_written(call, event)

    async def page(limit: int) -> Reply:
        data = explained(
            event, explanation, campaigns, being_written, page_of(explanation, limit, arguments.cursor)
        )
        return Reply("\n".join(story(data, one_line(event.summary))), data)

    return await fitted(arguments.limit, page)


async def _waited_in(call: CallContext, explanation: Explanation) -> dict[str, Campaign]:
    """The campaigns in which messages are still owed, by id."""
    ids = {waits_in(one.message) for one in explanation.history} - {None}
    found = [await call.engine.store.campaign(campaign_id) for campaign_id in ids if campaign_id]
    return {campaign.id: campaign for campaign in found if campaign}


async def _being_written(call: CallContext, event: Event) -> list[str]:
    """The organizer's newest campaigns for `event` that have not written all their messages yet."""
    newest = await call.engine.store.campaigns(event.organizer, _CAMPAIGNS_SEEN)
    under_way = [c.id for c in newest if c.event_uid == event.uid and c.state in _UNDER_WAY]
    counts = {campaign_id: await call.engine.store.campaign_counts(campaign_id) for campaign_id in under_way}
    return [campaign_id for campaign_id in under_way if counts[campaign_id].get("waiting")]


TOOLS = (Spec(explain_send, "Explain what was sent", ExplainSendArguments, Explained, reads()),)
