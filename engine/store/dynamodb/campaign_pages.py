"""Campaigns in pages, and their failed messages."""

from __future__ import annotations

from datetime import datetime

from engine.model.campaigns import Campaign
from engine.model.messages import Message
from engine.store.dynamodb.campaigns import CAMPAIGNS, CampaignQuestions
from engine.store.dynamodb.owed import INVITEES, mixed
from engine.store.dynamodb.rows import pointed


class CampaignPages(CampaignQuestions):
    """Questions about many campaigns, or about many messages of one."""

    async def campaigns(
        self, organizer: str | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Campaign]:
        """The newest campaigns, newest first; `before`: only those older than the one with this `created` and id."""
        found: list[Campaign] = []
        async for kept in self.rows.each_by(
            CAMPAIGNS, "age", "all" if organizer is None else f"of {organizer}"
        ):
            campaign = kept.campaign
            if before is None or (campaign.created, campaign.id) < before:
                found.append(campaign)
            if len(found) == limit:
                break
        return found

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        """The first messages of a campaign that failed."""
        entries = await self.items.query(INVITEES.listing("failed", campaign_id), limit=limit)
        items = await self.items.get_many([pointed(entry) for entry in entries])
        return [owed.message for owed in mixed(entries, items)]
