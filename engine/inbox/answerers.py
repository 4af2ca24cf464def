"""Who answers in a REPLY or COUNTER, and in which role: read from its ATTENDEEs, its sender and its token."""

from __future__ import annotations

from collections.abc import Collection

from engine.commands.answering import Role
from engine.itip.message import ItipAttendee, ItipEvent
from engine.model import Partstat, Party, Value


class Answerer(Value):
    """Who answers; `partstat` is None where the calendar names nobody, and so no answer."""

    role: Role = Role.HOLDER
    address: str
    name: str = ""
    partstat: Partstat | None = None
    sent_by: str = ""
    delegates: tuple[Party, ...] = ()


def answerer(event: ItipEvent, sender: Party, own: Collection[str], holder: str = "") -> Answerer:
    """Who answers with `event` in a mail from `sender`, at the token of `holder` where it came to one.

    Clients name the organizer, which is one of our `own` mailboxes, beside the one who answers (Google), the
    delegator beside the delegate (RFC 5546, 4.2.5), and, where an invite was forwarded, the one who was invited
    beside the guest. At a token everybody else counts as its holder under another address.
    """
    people = [a for a in event.attendees if mailbox(a.address) not in own]
    if not people:
        return Answerer(address=sender.address, name=sender.name)
    theirs = next((a for a in people if a.address == sender.address), None)
    if not holder:
        assistant = next((a for a in people if a.sent_by == sender.address), None)
        return _of(theirs or assistant or people[0], event)
    delegate = next((a for a in people if holder in a.delegated_from and a.address != holder), None)
    if delegate and (delegate is theirs or delegate.partstat is not Partstat.NEEDS_ACTION):
        return _of(delegate, event, Role.DELEGATE)
    mine = next((a for a in people if a.address == holder), None)
    if mine and theirs and mine is not theirs:
        return _of(theirs, event, Role.GUEST)
    return _of(mine or theirs or people[0], event)


def _of(line: ItipAttendee, event: ItipEvent, role: Role = Role.HOLDER) -> Answerer:
    names = {a.address: a.name for a in event.attendees}
    return Answerer(
        role=role,
        address=line.address,
        name=line.name,
        partstat=line.partstat,
        sent_by=line.sent_by,
        delegates=tuple(Party(address=to, name=names.get(to, "")) for to in line.delegated_to),
    )


def mailbox(address: str) -> str:
    """The address without what stands behind its plus sign."""
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0]}@{host}"
