"""Who sends another in their place: the delegate becomes an attendee and answers by themselves (RFC 5546, 3.2.2.3)."""

from __future__ import annotations

from engine.commands import text
from engine.commands.answering import Answering, Whose, short_name
from engine.commands.base import Done, Work
from engine.commands.invites import invite_message, new_attendee
from engine.model import Attendee, Delegation, Event, Origin, Partstat, Party
from engine.refusals import Refused

DELEGATES_MAX = 3
"""People whom one attendee may send in their place: each of them is mailed at a stranger's word."""


async def delegated(work: Work, said: Answering[Done], who: Whose, partstat: Partstat) -> None:
    """Note who answers in whose place, and invite those whom an attendee delegates to."""
    if who.holder and who.holder.email != who.attendee.email:
        await _note(work, who.holder, who.attendee.email)
    if partstat is Partstat.DELEGATED:
        for party in said.delegates[:DELEGATES_MAX]:
            await _delegate(work, who.event, who.attendee, party)


async def _delegate(work: Work, event: Event, delegator: Attendee, party: Party) -> None:
    email = _mailable(work, party.address)
    known = await work.unit.delegations(event.uid, delegator.email)
    sent = [d.delegate for d in known if d.delegator == delegator.email]
    if not email or email == delegator.email or email in sent or len(sent) >= DELEGATES_MAX:
        return
    if await work.unit.barred(event.organizer, [email]):
        return
    await _note(work, delegator, email)
    if await work.unit.attendee(event.uid, email) is None:
        delegate = new_attendee(work, event, email, short_name(party.name), Origin.SHARED, {})
        await work.unit.add_attendees([delegate])
        if not (event.cancelled or event.finished(work.now)):
            await work.unit.add_messages([invite_message(work, event, delegate)], priority=0)


async def _note(work: Work, delegator: Attendee, email: str) -> None:
    await work.unit.add_delegation(
        Delegation(event_uid=delegator.event_uid, delegator=delegator.email, delegate=email, at=work.now)
    )


def _mailable(work: Work, address: str) -> str:
    """`address` where mail can go to it, and it is none of our own mailboxes; else nothing."""
    try:
        email = text.address(address)
    except Refused:
        return ""
    return "" if work.settings.is_own_mailbox(email) else email
