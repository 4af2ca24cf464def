"""Who answers an invite: by token, by address, in another's place, or as a guest whom nobody invited."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic

from engine.commands import answer_notices, notices, notifying, text
from engine.commands.base import Command, D_co, Done, Work, unknown_event
from engine.commands.invites.invites import new_attendee
from engine.commands.prompting import Cause, prompted
from engine.model.events import Event
from engine.model.people import Attendee, Origin, Party
from engine.model.times import Instant
from engine.refusals import Code, Refused

_LINK = re.compile(r"://|\bwww\.|@|[\w-]\.[\w-]{2}", re.IGNORECASE)
"""What mail clients make a link of."""


class Role(StrEnum):
    """The role in which a mail names the person who answers at a receipt address; it proves nothing."""

    HOLDER = "holder"
    DELEGATE = "delegate"
    FORWARDED = "forwarded"


class Answering(Command[D_co], Generic[D_co]):
    """What an answer says about who gives it: its token, or the event's uid and the answerer's address.

    `email` is whom the answer names, `sender` whom its mail is from, proven where `authenticated`. `role`:
    it names them beside the token's holder, or as whom the holder sends (DELEGATED-FROM).
    """

    token: str = ""
    uid: str = ""
    email: str = ""
    name: str = ""
    sender: str = ""
    authenticated: bool = False
    role: Role = Role.HOLDER
    sequence: int | None = None
    dtstamp: datetime | None = None
    arrived: datetime | None = None
    """When its mail came in, which may have waited since; None: now."""
    prodid: str = ""
    comment: str = ""
    recurrence_id: Instant | None = None
    sent_by: str = ""
    zone: str = ""
    """The zone of the times in it, as the answering client wrote them."""
    delegates: tuple[Party, ...] = ()

    def given(self, now: datetime) -> datetime:
        """When the answer was given: by its DTSTAMP, and never later than it came in.

        A client's clock may be wrong; one that is ahead must not lock out every later answer.
        """
        arrived = min(self.arrived or now, now)
        return min(self.dtstamp or arrived, arrived).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Respondent:
    """Whose answer it is.

    `added`: an attendee that the store does not hold yet. `foreign`: an attendee other than the token's holder,
    who counts only where they are proven, whatever the settings say. `delegator`: the holder who sends them.
    """

    attendee: Attendee
    event: Event
    added: bool
    proven: bool
    foreign: bool = False
    delegator: Attendee | None = None


async def whose(work: Work, said: Answering[Done]) -> Respondent:
    """The respondent, by the first of these that identifies one: token, named address, sender, a new attendee.

    Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, NO_SENDER, INVALID_ADDRESS.
    """
    if said.token:
        return await _at_token(work, said)
    event = await _event(work, said.uid)
    if not said.email and not said.sender:
        raise Refused(Code.NO_SENDER, "The reply does not say who answers.")
    for email in dict.fromkeys(a for a in (said.email, said.sender) if a):
        found = await work.unit.attendee(event.uid, text.address(email))
        if found:
            return Respondent(found, event, added=False, proven=_from(said, found.email))
    # Of two addresses that we do not know, the one that is proven is the one to count.
    email = said.sender if said.authenticated and said.sender else said.email or said.sender
    return _new(work, said, event, text.address(email))


async def _at_token(work: Work, said: Answering[Done]) -> Respondent:
    """A token proves its holder, under one other address at most, and whom the holder sent; nobody else."""
    holder = await work.unit.attendee_by_token(said.token)
    if holder is None:
        raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent from this receipt address.")
    event = await _event(work, holder.event_uid)
    email = _usable(said.email)
    if email in {"", holder.email}:
        return Respondent(holder, event, added=False, proven=True)
    found = await work.unit.attendee(event.uid, email)
    if found:
        return await _another(work, said, event, holder, found)
    if said.role is Role.HOLDER and await _is_alias(work, holder, email):
        return Respondent(holder, event, added=False, proven=True)
    if said.role is Role.HOLDER:
        await _tell_of_several(work, event, holder)
    return _new(work, said, event, email, delegator=holder if said.role is Role.DELEGATE else None)


async def _tell_of_several(work: Work, event: Event, holder: Attendee) -> None:
    """Tell the organizer that more people answer than were invited: not who, for those are strangers' words."""
    if holder.origin is not Origin.SHARED and await prompted(
        work, Cause.SEVERAL, holder.email, event.organizer
    ):
        language = await notices.language_of(work, event.organizer)
        notice = answer_notices.several_answer(event, holder, language)
        await notifying.notify(work, event.organizer, notice, event.uid)


async def _another(
    work: Work, said: Answering[Done], event: Event, holder: Attendee, found: Attendee
) -> Respondent:
    """An attendee answers at the token of another: whom its holder sent and we invited for it, or by own proof."""
    known = await work.unit.delegations(event.uid, holder.email)
    sent = any(d.added and (d.delegator, d.delegate) == (holder.email, found.email) for d in known)
    themselves = _from(said, found.email)
    delegator = holder if sent and not themselves else None
    return Respondent(found, event, added=False, proven=sent or themselves, foreign=True, delegator=delegator)


async def _is_alias(work: Work, holder: Attendee, email: str) -> bool:
    """True for the first address that no attendee has: a second one shows that a list was invited."""
    known = await work.unit.alias(holder.event_uid, holder.email)
    if not known:
        await work.unit.add_alias(holder.event_uid, holder.email, email)
    return known in {"", email}


def _usable(email: str) -> str:
    """`email` as an address that can be mailed; empty if it is none."""
    try:
        return text.address(email) if email else ""
    except Refused:
        return ""


def _new(
    work: Work, said: Answering[Done], event: Event, email: str, delegator: Attendee | None = None
) -> Respondent:
    proven = _from(said, email)
    name = plain_name(said.name) if proven else ""
    attendee = new_attendee(work, event, email, name, Origin.SHARED, {})
    attendee = attendee.model_copy(update={"proven": proven})
    return Respondent(attendee, event, added=True, proven=proven, delegator=delegator)


def _from(said: Answering[Done], email: str) -> bool:
    """True if it is proven that the answer comes from `email` (promise 9)."""
    return said.authenticated and said.sender.lower() in {"", email}


def plain_name(name: str) -> str:
    """A name that came by mail, on one line and within the limit; empty if a client would turn it into a link."""
    name = " ".join(name.split())
    return "" if len(name) > text.NAME_MAX or _LINK.search(name) else name


async def _event(work: Work, uid: str) -> Event:
    if not uid:
        raise Refused(
            Code.MISSING_UID_IN_CALENDAR, "The answer names no event and was not sent to a receipt address."
        )
    event = await work.unit.event(uid) or await work.unit.event(uid.lower())
    if event is None:
        raise unknown_event(uid)
    return event
