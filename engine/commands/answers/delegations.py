"""Delegations: the delegate becomes an attendee and answers for themselves (RFC 5546, 3.2.2.3)."""

from __future__ import annotations

from engine.commands import answer_notices, notices, notifying, text
from engine.commands.agents import bounds, budgets
from engine.commands.answers.answering import Answering, Respondent
from engine.commands.base import Done, Work
from engine.commands.invites.invites import invite_message, invites_left, new_attendee
from engine.commands.invites.places import places_left
from engine.commands.person_limit import PersonLimit
from engine.commands.prompting import Cause, prompted
from engine.model.answers import Delegation
from engine.model.events import Event
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Refused

DELEGATES_MAX = 3
"""People whom somebody who was invited may send in their place: each of them is mailed at a stranger's word."""
_NAMED_MAX = 20
"""Addresses of one answer that are looked at."""


async def delegated(work: Work, said: Answering[Done], who: Respondent, partstat: Partstat) -> None:
    """Store a delegation, and invite the delegate.

    Only attendees whom the organizer invited may delegate: not a delegate, and not a guest who was not invited.
    """
    if who.delegator and await _left(work, who.delegator) > 0:
        await _note(work, who.delegator, who.attendee.email, added=False)
    if partstat is not Partstat.DELEGATED or not who.proven or not await _may_send(work, who):
        return
    for party in said.delegates[:_NAMED_MAX]:
        await _delegate(work, who.event, who.attendee, party.address)


async def _may_send(work: Work, who: Respondent) -> bool:
    event = who.event
    if who.attendee.origin is Origin.SHARED or event.cancelled or event.finished(work.now):
        return False
    return not await work.unit.suspended(event.organizer)


async def _left(work: Work, delegator: Attendee) -> int:
    """How many more `delegator` may send."""
    if delegator.origin is Origin.SHARED:
        return 0
    known = await work.unit.delegations(delegator.event_uid, delegator.email)
    return DELEGATES_MAX - sum(d.delegator == delegator.email for d in known)


async def _delegate(work: Work, event: Event, delegator: Attendee, address: str) -> None:
    """Invite one delegate, by address alone: a name would be a stranger's words in our mail."""
    email = _mailable(work, address)
    if not email or email == delegator.email or await _left(work, delegator) <= 0:
        return
    if await work.unit.attendee(event.uid, email):
        # Whoever is invited already answers for themselves.
        await _note(work, delegator, email, added=False)
        return
    if not await _within_bounds(work, event, email):
        await _note(work, delegator, email, added=False)
        await _notify(work, event, delegator)
        return
    if not await _may_be_invited(work, event, email):
        return
    delegate = new_attendee(work, event, email, "", Origin.SHARED, {})
    await work.unit.add_attendees([delegate])
    await _note(work, delegator, email, added=True)
    message = invite_message(work, event, delegate).model_copy(update={"prompted": True})
    await work.unit.add_messages([message], priority=0)


async def _may_be_invited(work: Work, event: Event, email: str) -> bool:
    """True within every bound: the person's wish, the event's invites, and what strangers may make us send."""
    if await work.unit.barred(event.organizer, [email]):
        return False
    if 0 in {await invites_left(work, event), await places_left(work, event)}:
        return False
    if not (await PersonLimit.of(work, [email], prompted=True)).take(email):
        return False
    return await prompted(work, Cause.DELEGATE, email, event.organizer)


async def _within_bounds(work: Work, event: Event, email: str) -> bool:
    """True if the keys that made the event may mail `email` once more: a stranger names nobody beyond their bounds."""
    standing = await bounds.standing_for(work, event)
    try:
        bounds.refuse_recipient(work, standing, email)
        await budgets.refuse_mail(work, standing, email)
    except Refused:
        return False
    return True


async def _notify(work: Work, event: Event, delegator: Attendee) -> None:
    """Tell who answers for the event's key, or its organizer, that a delegate lies beyond its bounds."""
    to = (await bounds.standing_for(work, event)).owner or event.organizer
    if await prompted(work, Cause.NOTICE, to, event.organizer):
        notice = answer_notices.delegate_outside(event, delegator, await notices.language_of(work, to))
        await notifying.notify(work, to, notice, event.uid)


async def _note(work: Work, delegator: Attendee, email: str, *, added: bool) -> None:
    await work.unit.add_delegation(
        Delegation(
            event_uid=delegator.event_uid,
            delegator=delegator.email,
            delegate=email,
            at=work.now,
            added=added,
        )
    )


def _mailable(work: Work, address: str) -> str:
    """`address` where mail can go to it, and it is none of our own mailboxes; else nothing."""
    try:
        email = text.address(address)
    except Refused:
        return ""
    return "" if work.settings.is_own_mailbox(email) else email
