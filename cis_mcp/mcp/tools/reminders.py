"""The tools for some of an event's attendees: remind them, or withdraw one's invite."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Spec, writes
from cis_mcp.mcp.tools.event_arguments import Note, Uid
from cis_mcp.views.chosen import chosen
from cis_mcp.views.events import one_line, quoted
from cis_mcp.views.people import Reminded, Withdrawn, reminded, withdrawn
from engine.commands.invites.reminding import Remind, RemindDone
from engine.commands.invites.withdrawing import WithdrawDone, WithdrawInvite
from engine.model.messages import Chosen

REASONS = {
    "declined": "said No",
    "delegated": "sent someone else",
    "barred": "unsubscribed or takes no mail",
    "bounced": "mail to them came back",
    "not_invited": "have not got the invite yet",
    "reminded_often": "were reminded three times",
    "reminded_today": "were reminded within a day",
    "person_limit": "have already received as many mails today as one person may",
}
"""The texts for why people get no reminder."""


class RemindArguments(Arguments):
    """Arguments of remind."""

    uid: Uid
    who: list[Annotated[str, Field(max_length=1_000)]] = Field(
        default=["noaction"],
        description="answers (noaction, tentative, accepted) or addresses of attendees",
        examples=[["noaction", "tentative"]],
    )
    note: Note = None
    dry_run: bool = Field(False, description="true: only show who would be reminded, and who not and why")


class WithdrawInviteArguments(Arguments):
    """Arguments of withdraw_invite."""

    uid: Uid
    email: str = Field(description="whom to take out", max_length=1_000, examples=["ann@example.com"])
    note: Note = None


async def remind(call: CallContext, arguments: RemindArguments) -> Reply:
    """Mail attendees the event once more, by default those who have not answered. A person is reminded at most once
    a day and three times per event, never after a No or a bounce; the result says who was left out and why. Use
    dry_run first."""
    who = chosen(arguments.who)
    assert isinstance(who, Chosen), "a list names attendees"
    command = Remind(uid=arguments.uid, who=who, note=arguments.note or "", dry_run=arguments.dry_run)
    done = await call.apply(command)
    data = reminded(done, dry_run=arguments.dry_run)
    return Reply("\n".join(_reminded(done, data)), data)


def _reminded(done: RemindDone, data: Reminded) -> list[str]:
    head = "Dry run, nothing was sent: would be reminded" if data.dry_run else "Reminded"
    named = (
        f" ({', '.join(data.emails)}{', …' if data.reminded > len(data.emails) else ''})"
        if data.emails
        else ""
    )
    lines = [f"{head}: {data.reminded}{named}, of {quoted(one_line(done.event.summary))}."]
    lines += [f"- {g.people} left out, {REASONS[g.reason]}: {', '.join(g.emails)}" for g in data.left_out]
    return [*lines, *([f"Follow it with get_campaign {data.campaign_id}."] if data.campaign_id else [])]


async def withdraw_invite(call: CallContext, arguments: WithdrawInviteArguments) -> Reply:
    """Take one person out of an event: their calendar entry is cancelled, they no longer count and get no further
    updates, and no one else is mailed. send_invite invites them again. To cancel the event for everyone use
    cancel_event."""
    command = WithdrawInvite(uid=arguments.uid, email=arguments.email, note=arguments.note or "")
    done = await call.apply(command)
    data = withdrawn(done)
    return Reply(_withdrawn(done, data), data)


def _withdrawn(done: WithdrawDone, data: Withdrawn) -> str:
    if data.already:
        return f"{data.email} had already been taken out. Nothing was sent now."
    event = quoted(one_line(done.event.summary))
    if data.mailed:
        return f"Taken out of {event}: {data.email} gets a cancellation; no one else is mailed."
    return f"Taken out of {event}: {data.email}. No invite had reached them, so nothing is mailed."


TOOLS = (
    Spec(
        remind,
        "Remind attendees",
        RemindArguments,
        Reminded,
        writes(mails=True),
        "send",
        also="read",
    ),
    Spec(
        withdraw_invite,
        "Take one person out",
        WithdrawInviteArguments,
        Withdrawn,
        writes(destructive=True, idempotent=True, mails=True),
        "send",
    ),
)
