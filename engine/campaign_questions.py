"""Questions about campaigns: their progress, and what went wrong."""

from __future__ import annotations

from datetime import datetime

from engine.commands.campaigns.campaigns import unknown_campaign
from engine.do_not_mail import refuse_unreading
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.campaigns import Campaign
from engine.model.list_rows import Recipient
from engine.model.messages import Message
from engine.model.queries import EventName
from engine.ownership import of_others, own_alone
from engine.store.protocol import Store

_SKIPPED_SHOWN = 100
_FAILURES_SHOWN = 10


class CampaignView(Value):
    """A campaign with its counts by ledger state, and the first of what went wrong."""

    campaign: Campaign
    counts: dict[str, int]
    skipped: tuple[Recipient, ...] = ()
    failures: tuple[Message, ...] = ()
    event: EventName | None = None


class CampaignQuestions:
    """The questions about campaigns."""

    store: Store

    async def campaign(
        self, campaign_id: str, actor: Actor, *, skipped: int = _SKIPPED_SHOWN, skipped_after: int = 0
    ) -> CampaignView:
        """A campaign with its counts and the first `skipped` rows after one. Raises Refused: UNKNOWN_CAMPAIGN."""
        campaign = await self.campaign_alone(campaign_id, actor)
        return CampaignView(
            campaign=campaign,
            counts=await self.store.campaign_counts(campaign_id),
            skipped=tuple(await self.store.skipped(campaign_id, skipped, skipped_after)),
            failures=tuple(await self.store.failures(campaign_id, _FAILURES_SHOWN)),
            event=(await self.store.event_names([campaign.event_uid])).get(campaign.event_uid),
        )

    async def campaigns(
        self, actor: Actor, limit: int = 50, before: tuple[datetime, str] | None = None
    ) -> list[CampaignView]:
        """The actor's newest campaigns; `before`: of those older than the one with this `created` and id."""
        refuse_unreading(actor)
        found = await self.store.campaigns(own_alone(actor), limit, before)
        names = await self.store.event_names({c.event_uid for c in found})
        return [
            CampaignView(
                campaign=c, counts=await self.store.campaign_counts(c.id), event=names.get(c.event_uid)
            )
            for c in found
        ]

    async def newest_campaigns(
        self, actor: Actor, limit: int, organizer: str | None = None
    ) -> list[Campaign]:
        """The newest campaigns without their counts: the actor's, or those of one organizer whom they may see.

        Raises Refused: NOT_ALLOWED.
        """
        refuse_unreading(actor)
        if organizer is not None and not actor.owns(organizer):
            raise of_others("key")
        return await self.store.campaigns(organizer or own_alone(actor), limit)

    async def campaign_alone(self, campaign_id: str, actor: Actor) -> Campaign:
        """A campaign without its counts: one row, by its key. Raises Refused: NOT_ALLOWED, UNKNOWN_CAMPAIGN."""
        refuse_unreading(actor)
        campaign = await self.store.campaign(campaign_id)
        if campaign is None or not actor.owns(campaign.organizer):
            raise unknown_campaign(campaign_id)
        return campaign

    async def campaign_counts(self, campaign: Campaign, actor: Actor) -> dict[str, int]:
        """How many of a campaign's messages are in each state. Raises Refused: NOT_ALLOWED, UNKNOWN_CAMPAIGN."""
        refuse_unreading(actor)
        if not actor.owns(campaign.organizer):
            raise unknown_campaign(campaign.id)
        return await self.store.campaign_counts(campaign.id)
