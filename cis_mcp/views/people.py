"""The results of reminding and withdrawing, as data."""

from __future__ import annotations

from pydantic import Field

from cis_mcp.views.base import Data
from engine.commands.invites.reminding import RemindDone
from engine.commands.invites.withdrawing import WithdrawDone
from engine.model.addresses import masked_address


class LeftOut(Data):
    """People who are not reminded, for one reason."""

    reason: str
    people: int
    emails: list[str] = Field(description="the first 20, masked")


class Reminded(Data):
    """What a reminder did, or would do."""

    uid: str
    reminded: int = Field(description="people who are reminded, or would be")
    emails: list[str] = Field(description="the first 20, masked")
    left_out: list[LeftOut]
    campaign_id: str = Field(description="the campaign that reminds them; empty: none")
    dry_run: bool


class Withdrawn(Data):
    """What a withdrawal did."""

    uid: str
    email: str
    mailed: bool = Field(description="true: a cancellation is sent; false: they had never got an invite")
    already: bool = Field(description="true: they were already out; nothing was done")
    message_id: str


def reminded(done: RemindDone, *, dry_run: bool) -> Reminded:
    """Who is reminded, and who is left out and why."""
    return Reminded(
        uid=done.event.uid,
        reminded=done.reminded,
        emails=[masked_address(email) for email in done.emails],
        left_out=[
            LeftOut(reason=g.reason, people=g.people, emails=[masked_address(e) for e in g.emails])
            for g in done.left_out
        ],
        campaign_id=done.campaign_id,
        dry_run=dry_run,
    )


def withdrawn(done: WithdrawDone) -> Withdrawn:
    """Who was taken out, and whether they are mailed a cancellation."""
    return Withdrawn(
        uid=done.event.uid,
        email=done.attendee.email,
        mailed=done.message is not None and done.message.kind == "withdrawal",
        already=done.already,
        message_id=done.message.message_id if done.message else "",
    )
