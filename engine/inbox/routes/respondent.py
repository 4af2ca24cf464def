"""Who answers in a REPLY or COUNTER: read from its ATTENDEEs and its sender; the command judges what that proves."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from engine.commands.answers.answering import Role
from engine.itip.message import ItipAttendee, ItipEvent
from engine.model.base import Value
from engine.model.people import Partstat, Party


class Answerer(Value):
    """Who answers; no address where the calendar names no one, and no `partstat` where it says no answer."""

    address: str = ""
    name: str = ""
    partstat: Partstat | None = None
    sent_by: str = ""
    delegates: tuple[Party, ...] = ()
    role: Role = Role.HOLDER


def answerer(event: ItipEvent, sender: Party, own: Collection[str], holder: str = "") -> Answerer:
    """Who answers with `event` in a mail from `sender`, at the token of `holder` where it came to one.

    Clients name the organizer, which is one of our `own` mailboxes, beside the one who answers (Google), the
    delegator beside the delegate (RFC 5546, 4.2.5), and, where an invite was forwarded, the one who was invited
    beside the guest.
    """
    people = [a for a in event.attendees if mailbox(a.address) not in own]
    if not people:
        return Answerer(name=sender.name, partstat=event.nameless)
    line = _at_token(people, sender, holder) if holder else _line(people, sender)
    beside = any(a.address == holder for a in people) and line.address != holder
    return _of(line, _role(line, holder, beside=beside))


def _line(people: Sequence[ItipAttendee], sender: Party) -> ItipAttendee:
    """The sender's own line, else the one that they answer for as an assistant, else the first."""
    theirs = next((a for a in people if a.address == sender.address), None)
    assistant = next((a for a in people if a.sent_by == sender.address), None)
    return theirs or assistant or people[0]


def _at_token(people: Sequence[ItipAttendee], sender: Party, holder: str) -> ItipAttendee:
    theirs = next((a for a in people if a.address == sender.address), None)
    delegate = next((a for a in people if holder in a.delegated_from and a.address != holder), None)
    if delegate and (delegate is theirs or delegate.partstat is not Partstat.NEEDS_ACTION):
        return delegate
    mine = next((a for a in people if a.address == holder), None)
    return theirs or mine or people[0]


def _role(line: ItipAttendee, holder: str, *, beside: bool) -> Role:
    if holder and holder in line.delegated_from:
        return Role.DELEGATE
    return Role.FORWARDED if beside else Role.HOLDER


def _of(line: ItipAttendee, role: Role) -> Answerer:
    return Answerer(
        address=line.address,
        name=line.name,
        partstat=line.partstat,
        sent_by=line.sent_by,
        delegates=tuple(Party(address=to) for to in line.delegated_to),
        role=role,
    )


def mailbox(address: str) -> str:
    """The address without what stands behind its plus sign."""
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0]}@{host}"
