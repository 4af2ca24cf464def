"""Tell whoever mailed a list what became of it."""

from __future__ import annotations

from engine.commands import notices, notifying
from engine.commands.base import Work
from engine.model.campaigns import Campaign, CampaignState

_OVER = frozenset({CampaignState.FINISHED, CampaignState.CANCELLED})
"""States of which somebody was told already."""


async def report(work: Work, campaign: Campaign, before: CampaignState = CampaignState.RUNNING) -> None:
    """Report to whoever mailed the list of a campaign how far it came, and why it stopped if it did, once.

    `before`: the state that it was in.
    """
    if not campaign.report_to or before in _OVER:
        return
    counts = await work.unit.campaign_counts(campaign.id)
    skipped = await work.unit.skipped(campaign.id, notices.SKIPPED_SHOWN)
    event = await work.unit.event(campaign.event_uid)
    title, language = event.summary if event else "", await notices.language_of(work, campaign.report_to)
    notice = notices.campaign_report(campaign, title, counts, skipped, language)
    await notifying.notify(work, campaign.report_to, notice, campaign.event_uid)
