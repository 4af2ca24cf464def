"""The campaign of a list that a mail brings: drafted and started at once."""

from __future__ import annotations

from engine.commands import notices
from engine.commands.base import Work
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.mail.locale.language import Language
from engine.model.messages import Notice
from engine.refusals import Code, Refused

_PROBLEMS_SHOWN = 200


class DraftAndStart(DraftCampaign):
    """A mailed list is drafted and started in one transaction, unless its organizer looks at each list first."""

    async def carry_out(self, work: Work) -> CampaignDone:
        """Raises Refused like both, and EMPTY_LIST naming each row where none can be invited."""
        done = await super().carry_out(work)
        if not done.campaign.valid:
            raise Refused(Code.EMPTY_LIST, await _why_nobody(work, done))
        profile = await work.unit.organizer_profile(done.event.organizer)
        if profile is not None and profile.drafts:
            return done
        start = ControlCampaign(campaign_id=done.campaign.id, action=CampaignAction.START, confirmed=True)
        return await start.carry_out(work)


def list_waits(done: CampaignDone, page: str, language: Language) -> Notice:
    """A mailed list is a draft, and somebody is to look at it."""
    event, campaign, say = done.event, done.campaign, language.say
    waits = say(
        "Your list for “{title}” waits as a draft: {valid} of {total} rows can be invited. Nothing was sent.",
        title=event.summary,
        valid=language.number(campaign.valid),
        total=language.number(campaign.total),
    )
    where = say("The operator can start it.")
    if page:
        where = f"{say('To look at it and to start it, open:')}\n{page}"
    return Notice(subject=say("Bulk Invite Status"), text=f"{waits}\n{where}\nuid: {event.uid}\n")


async def _why_nobody(work: Work, done: CampaignDone) -> str:
    skipped = await work.unit.skipped(done.campaign.id, _PROBLEMS_SHOWN)
    return "\n".join(["No row can be invited.", *map(notices.skipping, skipped)])
