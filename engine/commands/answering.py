"""Who answers an invite: by token, by address, in another's place, or as a guest whom nobody invited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic

from engine.commands import text
from engine.commands.base import Command, D_co, Done, Work, unknown_event
from engine.commands.invites import new_attendee
from engine.model import Attendee, Event, Instant, Origin, Party
from engine.refusals import Code, Refused


class Role(StrEnum):
    """In which role somebody answers at a receipt address."""

    HOLDER = "holder"
    DELEGATE = "delegate"
    GUEST = "guest"


class Answering(Command[D_co], Generic[D_co]):
    """What an answer says of who gives it: its token, else the event's uid and the answerer's address.

    `email` is whom the answer names, `sender` whom its mail is from, proven where `authenticated`. Who answers at
    somebody else's token does so as a `role`: in the holder's place, or as a guest.
    """

    token: str = ""
    role: Role = Role.HOLDER
    uid: str = ""
    email: str = ""
    name: str = ""
    sender: str = ""
    authenticated: bool = False
    sequence: int | None = None
    dtstamp: datetime | None = None
    prodid: str = ""
    comment: str = ""
    recurrence_id: Instant | None = None
    sent_by: str = ""
    delegates: tuple[Party, ...] = ()


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose answer it is. `added`: an attendee that the store does not hold yet. `holder`: whose place it takes."""

    attendee: Attendee
    event: Event
    added: bool
    proven: bool
    holder: Attendee | None = None


async def whose(work: Work, said: Answering[Done]) -> Whose:
    """Whose answer it is, in the order of interop 2.2: token, named address, sender, somebody new.

    Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, NO_SENDER, INVALID_ADDRESS.
    """
    if said.token:
        return await _at_token(work, said)
    event = await _event(work, said.uid)
    if not said.email and not said.sender:
        raise Refused(Code.NO_SENDER, "The receipt names nobody who answers.")
    for email in dict.fromkeys(a for a in (said.email, said.sender) if a):
        found = await work.unit.attendee(event.uid, text.address(email))
        if found:
            return Whose(found, event, added=False, proven=_from(said, found.email))
    # Of two addresses that we do not know, the one that is proven is the one to count.
    email = said.sender if said.authenticated and said.sender else said.email or said.sender
    return _new(work, said, event, text.address(email))


async def _at_token(work: Work, said: Answering[Done]) -> Whose:
    holder = await work.unit.attendee_by_token(said.token)
    if holder is None:
        raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this receipt address.")
    event = await _event(work, holder.event_uid)
    if said.role is Role.HOLDER:
        return Whose(holder, event, added=False, proven=True)
    email = text.address(said.email)
    # The token proves a delegate as well as its holder, who gave it away; a guest must prove who they are.
    delegate = said.role is Role.DELEGATE
    found = await work.unit.attendee(event.uid, email)
    place = holder if delegate else None
    if found:
        proven = delegate or _from(said, email)
        return Whose(found, event, added=False, proven=proven, holder=place)
    return _new(work, said, event, email, holder=place)


def _new(
    work: Work, said: Answering[Done], event: Event, email: str, holder: Attendee | None = None
) -> Whose:
    attendee = new_attendee(work, event, email, short_name(said.name), Origin.SHARED, {})
    proven = holder is not None or _from(said, email)
    return Whose(attendee, event, added=True, proven=proven, holder=holder)


def _from(said: Answering[Done], email: str) -> bool:
    """True where it is proven that the answer comes from `email` (B5)."""
    return said.authenticated and said.sender.lower() in {"", email}


def short_name(name: str) -> str:
    """A name that came by mail, on one line and no longer than names may be."""
    return " ".join(name.split())[: text.NAME_MAX]


async def _event(work: Work, uid: str) -> Event:
    if not uid:
        raise Refused(
            Code.MISSING_UID_IN_CALENDAR, "The answer names no event, and came to no receipt address."
        )
    event = await work.unit.event(uid) or await work.unit.event(uid.lower())
    if event is None:
        raise unknown_event(uid)
    return event
