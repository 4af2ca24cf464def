"""Show the mail to any row of a list, as it would leave now."""

from __future__ import annotations

from typing import ClassVar

from engine.commands.base import Command, Done, Work
from engine.commands.campaigns.campaigns import as_attendee, unknown_campaign
from engine.commands.invites.samples import invite_sample
from engine.model.held import SampleMail
from engine.model.list_rows import Recipient
from engine.refusals import Code, Refused


class RowSample(Done):
    """A row of a list with its verdict, and its mail; None if the row is skipped."""

    recipient: Recipient
    mail: SampleMail | None


class SampleRow(Command[RowSample]):
    """Show one row of a list and the mail that it would get; changes nothing."""

    free: ClassVar[bool] = True
    in_record: ClassVar[bool] = False

    campaign_id: str
    row: int

    async def carry_out(self, work: Work) -> RowSample:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_CAMPAIGN, INVALID_ARGUMENT, MISSING_FIELD."""
        work.require("read")
        campaign = await work.unit.campaign(self.campaign_id)
        if campaign is None or not work.actor.owns(campaign.organizer):
            raise unknown_campaign(self.campaign_id)
        found = await work.unit.recipient(campaign.id, self.row)
        if found is None:
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"The list has no row {self.row}.",
                f"Its rows are 1 to {campaign.total}.",
            )
        if found.code:
            return RowSample(recipient=found, mail=None)
        event = await work.owned_event(campaign.event_uid)
        attendee = as_attendee(found, event, work.now, campaign.origin)
        return RowSample(recipient=found, mail=await invite_sample(work, attendee))
