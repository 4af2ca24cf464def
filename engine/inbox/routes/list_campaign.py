"""The campaign of a list that a mail brings: drafted and started at once."""

from __future__ import annotations

from engine.commands import notices
from engine.commands.base import Work
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.refusals import Code, Refused

_PROBLEMS_SHOWN = 200


class DraftAndStart(DraftCampaign):
    """A mailed list needs no second look: it is drafted and started in one transaction."""

    async def carry_out(self, work: Work) -> CampaignDone:
        """Raises Refused like both, and EMPTY_LIST naming each row where none can be invited."""
        done = await super().carry_out(work)
        if not done.campaign.valid:
            raise Refused(Code.EMPTY_LIST, await _why_nobody(work, done))
        start = ControlCampaign(campaign_id=done.campaign.id, action=CampaignAction.START, confirmed=True)
        return await start.carry_out(work)


async def _why_nobody(work: Work, done: CampaignDone) -> str:
    skipped = await work.unit.skipped(done.campaign.id, _PROBLEMS_SHOWN)
    return "\n".join(["No row can be invited.", *map(notices.skipping, skipped)])
