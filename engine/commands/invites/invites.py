"""Invite one person to one event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import Field

from engine.commands import text
from engine.commands.agents import bounds, budgets
from engine.commands.base import Command, Done, Work
from engine.commands.composing import given, personal_values
from engine.commands.invites.handing_over import refuse_waiting
from engine.commands.invites.places import places_left, refuse_full
from engine.commands.person_limit import refuse_person_limit
from engine.commands.plan_limits import plan_of
from engine.commands.randomness import RECEIPT_TOKEN_LENGTH, word_in_order
from engine.commands.revisions import revised
from engine.itip import personal
from engine.mail.locale import choosing
from engine.model.base import varied
from engine.model.events import Event
from engine.model.list_rows import Recipient
from engine.model.messages import Kind, Message
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Code, Refused
from engine.store.rules import person


class InviteDone(Done):
    """The attendee, and the message that carries the invite; `already` where it was sent before.

    `was`: the attendee before, of somebody who was in the event without an invite.
    """

    attendee: Attendee
    message: Message | None
    already: bool = False
    was: Attendee | None = None


class SendInvite(Command[InviteDone]):
    """Send one person a personal invite; asking twice sends once, save for origin `test` to the caller."""

    uid: str
    email: str
    name: str = ""
    fields: Mapping[str, str] = Field(default_factory=dict)
    origin: Origin = Origin.API
    note: str = Field("", description="a personal line above the text of the mail")
    handed_over: bool = Field(
        False, description="the caller sends the mail itself: it counts as sent, and never leaves from here"
    )
    prompted: bool = Field(False, description="a stranger asks: on a page, by a link, by a trigger")

    async def carry_out(self, work: Work) -> InviteDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, EVENT_FULL, INVALID_ADDRESS, MISSING_FIELD,
        ATTENDEE_BLOCKED, ADDRESS_SUPPRESSED, PERSON_LIMIT, INVITE_LIMIT_REACHED, …"""
        work.require("send")
        event = await work.standing_event(self.uid)
        email = text.address(self.email)
        _refuse_own(work, email)
        await refuse_barred(work, event.organizer, email)
        note = text.note(self.note)
        known = await work.unit.attendee(event.uid, email)
        was = known if known and known.withdrawn is None else None
        again = self.origin is Origin.TEST and _callers_own(work, event, email)
        before = await self._sent_before(work, known) if known and not again else None
        await self._refuse_out_of_bounds(work, event, email, known, new=before is None)
        if before is None:
            await refuse_full(work, event, known)
            await refuse_person_limit(work, email, prompted=self.prompted)
        if self.handed_over:
            await refuse_waiting(work, event, email, new=before is None)
        if known:
            known = await _welcomed(work, known)
        if known and before:
            self._refuse_second_way(before)
            return InviteDone(attendee=known, message=before, already=True)
        if known:
            known = await self._as_asked(work, event, known)
        if known and known.withdrawn is not None:
            event, known = await _invited_again(work, event, known)
        attendee = known or await self._new_attendee(work, event, email)
        # A stranger waits in front of a page; nobody would take back what they asked for.
        due = None if self.prompted else work.not_before(work.settings.undo_s)
        message = invite_message(work, event, attendee, test=again, due=due)
        own = {"note": note, "prompted": self.prompted}
        await work.unit.add_messages([message.model_copy(update=own)], priority=0)
        owed = await work.unit.last_message(event.uid, email)
        if owed and self.handed_over:
            await work.unit.hand_over(owed, work.now)
            owed = await work.unit.last_message(event.uid, email)
        return InviteDone(attendee=attendee, message=owed, was=was)

    def _refuse_second_way(self, before: Message) -> None:
        """What left from here is not handed over as well: the person would get it twice."""
        if self.handed_over and before.code != Code.HANDED_OVER:
            raise Refused(
                Code.ALREADY_INVITED,
                "This server has already mailed them this event, or is about to.",
                "There is nothing to send; or withdraw their invite first.",
            )

    async def _refuse_out_of_bounds(
        self, work: Work, event: Event, email: str, known: Attendee | None, *, new: bool
    ) -> None:
        standing = await bounds.standing_for(work, event)
        if not standing.bounded:
            return
        bounds.refuse_recipient(work, standing, self.email)
        bounds.refuse_recipient(work, standing, email)
        asked = self._merged(known) if known and new else known
        values = personal_values(asked) if asked else given(email, self.name, self.fields)
        bounds.refuse_links(work, standing, [*bounds.personal_texts(event, values), self.note])
        if new:
            await budgets.refuse_mail(work, standing, email)

    async def _sent_before(self, work: Work, known: Attendee) -> Message | None:
        """The message after which nothing more is owed to `known`, or None."""
        if known.withdrawn is not None:
            return None
        message = await work.unit.last_message(known.event_uid, known.email)
        return None if message is None or await self._lost(work, message) else message

    async def _lost(self, work: Work, message: Message) -> bool:
        """True if nothing is on its way and nothing ever arrived: then asking again sends again (promise 3)."""
        return not message.state.pending and message.email not in await work.unit.notified(
            message.event_uid or "", [message.email]
        )

    async def _new_attendee(self, work: Work, event: Event, email: str) -> Attendee:
        if self.origin.limited:
            await refuse_over_limit(work, event, 1)
        fields = self._fields()
        attendee = new_attendee(work, event, email, text.name(self.name), self.origin, fields)
        personal.personalize(event, personal_values(attendee))
        await work.unit.add_attendees([attendee])
        return attendee

    async def _as_asked(self, work: Work, event: Event, known: Attendee) -> Attendee:
        """Who is in the event already, by the name and with the fields that are given now, which fill its texts."""
        asked = self._merged(known)
        personal.personalize(event, personal_values(asked))
        if asked != known:
            await work.unit.change_attendee(known, asked)
        return asked

    def _merged(self, known: Attendee) -> Attendee:
        fields = text.fields({**known.fields, **self._fields()})
        return known.model_copy(update={"name": text.name(self.name) or known.name, "fields": fields})

    def _fields(self) -> dict[str, str]:
        fields = text.fields(dict(self.fields))
        if text.LANGUAGE in self.fields:
            fields[text.LANGUAGE] = choosing.require(self.fields[text.LANGUAGE])
        return fields


def _callers_own(work: Work, event: Event, email: str) -> bool:
    """True for an address of the caller's: the organizer, who asks, or who answers for the key that asks."""
    own = {work.actor.address, event.organizer, work.bounds.owner} - {""}
    return person(email) in {person(address) for address in own}


async def _welcomed(work: Work, known: Attendee) -> Attendee:
    """The attendee; whoever merely turned up is invited by this, and hears of changes from now on.

    A delegate is the organizer's own guest then, for whom nobody else answers.
    """
    if known.origin is Origin.SHARED:
        await work.unit.end_proxy(known.event_uid, known.email)
    if not known.proven:
        known = known.model_copy(update={"proven": True})
        await work.unit.add_attendees([known])
    return known


async def _invited_again(work: Work, event: Event, attendee: Attendee) -> tuple[Event, Attendee]:
    """The event at a new revision, of which nobody else hears, and the attendee as if newly invited (promise 3).

    Their calendar holds the cancellation of the revision before; answers from before that no longer count.
    """
    # Nobody else hears of this revision: their mails still tell what the one before it changed.
    event = revised(event, event, work.now).model_copy(update={"earlier": event.earlier})
    await work.unit.save_event(event)
    anew = attendee.model_copy(
        update={
            "withdrawn": None,
            "partstat": Partstat.NEEDS_ACTION,
            "receipt_sequence": event.sequence,
            "receipt_dtstamp": work.now,
            "receipt_arrived": None,
        }
    )
    await work.unit.change_attendee(attendee, anew)
    return event, anew


def new_attendee(
    work: Work, event: Event, email: str, name: str, origin: Origin, fields: Mapping[str, str]
) -> Attendee:
    """An attendee with a fresh token."""
    return Attendee(
        event_uid=event.uid,
        email=email,
        token=word_in_order(work.randomness, work.now, RECEIPT_TOKEN_LENGTH),
        name=name,
        origin=origin,
        fields=fields,
        created=work.now,
    )


def new_attendees(work: Work, event: Event, listed: Sequence[Recipient], origin: Origin) -> list[Attendee]:
    """Attendees for rows of a list, which were validated when it was drafted."""
    if not listed:
        return []
    pattern = new_attendee(work, event, listed[0].email, "", origin, {})
    tokens = [word_in_order(work.randomness, work.now, RECEIPT_TOKEN_LENGTH) for _ in listed]
    return [
        varied(pattern, email=row.email, token=token, name=row.name, fields=row.fields)
        for row, token in zip(listed, tokens, strict=True)
    ]


def invite_message(
    work: Work,
    event: Event,
    attendee: Attendee,
    *,
    kind: Kind = Kind.INVITE,
    test: bool = False,
    campaign_id: str | None = None,
    key: str | None = None,
    due: datetime | None = None,
) -> Message:
    """The ledger row that owes `attendee` the event as it is now, from `due` on or at once.

    `key`: whose bounds hold, else those of the cause.
    """
    return Message(
        kind=kind,
        email=attendee.email,
        organizer=event.organizer,
        message_id=work.new_message_id(),
        event_uid=event.uid,
        method=kind.method,
        sequence=event.sequence,
        repeat=work.randomness.word(8) if test else "",
        campaign_id=campaign_id,
        created=work.now,
        due=due or work.now,
        key=work.caused_by(event) if key is None else key,
    )


def invite_messages(work: Work, attendees: Sequence[Attendee], pattern: Message) -> list[Message]:
    """The ledger rows that owe `attendees` what `pattern` owes one of them."""
    return [varied(pattern, email=a.email, message_id=work.new_message_id()) for a in attendees]


def _refuse_own(work: Work, email: str) -> None:
    """Refuse our own mailboxes: an invite to create@ would come back as one more event."""
    if work.settings.is_own_mailbox(email):
        raise Refused(
            Code.INVALID_ADDRESS,
            f"{email} is an address of this server, not a person's.",
            "Invite people.",
        )


async def refuse_barred(work: Work, organizer: str, email: str) -> None:
    """Refuse an address that has unsubscribed from the organizer, or is on the do-not-mail list (promise 7)."""
    code = (await work.unit.barred(organizer, [email])).get(email)
    if code is Code.ATTENDEE_BLOCKED:
        raise Refused(code, "This person has unsubscribed from this organizer.", "Leave them out.")
    if code is Code.ADDRESS_SUPPRESSED:
        raise Refused(code, "This address is on the do-not-mail list, or mail to it bounced.")


async def refuse_over_limit(work: Work, event: Event, more: int) -> None:
    """Refuse if `more` limited invites would pass `CIS_INVITE_LIMIT` (promise 7)."""
    left = await invites_left(work, event)
    if left is not None and more > left:
        raise Refused(
            Code.INVITE_LIMIT_REACHED,
            f"This event may send {await _invites_allowed(work, event)} bulk invites; {left} are left.",
            "The operator can raise CIS_INVITE_LIMIT, or the limit of the organizer's plan.",
        )


async def room_left(work: Work, event: Event, origin: Origin) -> tuple[int | None, Code]:
    """How many more a list may invite, None for any number, and the code of what keeps the others out."""
    limit = await invites_left(work, event) if origin.limited else None
    free = await places_left(work, event)
    if free is not None and (limit is None or free < limit):
        return free, Code.EVENT_FULL
    return limit, Code.INVITE_LIMIT_REACHED


async def invites_left(work: Work, event: Event) -> int | None:
    """How many limited invites `event` may still send; None if there is no limit."""
    allowed = await _invites_allowed(work, event)
    if not allowed:
        return None
    used = await work.unit.limited_invites(event.uid)
    return max(0, allowed - used)


async def _invites_allowed(work: Work, event: Event) -> int:
    """What the organizer's plan allows, or without one `CIS_INVITE_LIMIT`; 0: no limit."""
    plan, _ = await plan_of(work, event.organizer)
    return plan.invites if plan else work.settings.invite_limit
