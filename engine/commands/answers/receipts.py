"""Record attendees' answers, for an event or for one of its instances."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from engine.commands import composing, notices, series
from engine.commands.agents.messages import keep_comment
from engine.commands.answers.answering import Answering, Respondent, whose
from engine.commands.answers.delegations import delegated
from engine.commands.base import Done, Work
from engine.commands.invites.invites import invite_message
from engine.commands.invites.places import holds_place, places_left, went_unreached
from engine.model.answers import InstanceAnswer, Receipt
from engine.model.codes import whole_blanked
from engine.model.events import Event
from engine.model.messages import Kind
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Code

_SLOW_CLOCK = timedelta(minutes=5)
"""By how much a client's clock may be slow, where its DTSTAMP alone tells which revision it answers."""


class ReceiptDone(Done):
    """The receipt as recorded, and whose it is; `receipt.counted` tells whether it changed anything."""

    receipt: Receipt
    attendee: Attendee
    event: Event


class RecordReceipt(Answering[ReceiptDone]):
    """Record an answer to an invite.

    An answer that neither its token nor its sender proves is recorded and does not count (promise 9).
    """

    partstat: Partstat

    async def carry_out(self, work: Work) -> ReceiptDone:
        """Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, NO_SENDER, INVALID_ADDRESS."""
        return await recorded(work, self, await whose(work, self), self.partstat)


async def recorded(work: Work, said: Answering[Done], who: Respondent, partstat: Partstat) -> ReceiptDone:
    """Record the answer `partstat` of `who`, and count it where it is the newest and answers what stands."""
    if who.attendee.withdrawn is not None and who.proven and partstat.holds_place:
        who = await _reached_after_all(work, who)
    last = await _last(work, who.attendee, _instance(who.event, said.recurrence_id))
    receipt = _receipt(work, said, who, partstat, last)
    code, counts = await _verdict(work, said, who, receipt, last)
    receipt = receipt.model_copy(update={"counted": counts, "code": code})
    if who.added and counts:
        await work.unit.add_attendees([who.attendee])
    await work.unit.record_receipt(receipt)
    if who.proven:
        await keep_comment(work, who.attendee, who.event.organizer, receipt.comment)
    attendee = who.attendee
    if counts:
        attendee = await _proved(work, who)
        attendee = await _counted(work, attendee, receipt, _zone(said, who))
        await delegated(work, said, who, partstat)
    elif code == Code.EVENT_FULL and not who.added:
        attendee = await _turned_away(work, who.event, attendee)
    return ReceiptDone(receipt=receipt, attendee=attendee, event=who.event)


async def _reached_after_all(work: Work, who: Respondent) -> Respondent:
    """Who answers although their invite bounced, as where a copy of it did, has a place again if one is left."""
    known = who.attendee
    if not await went_unreached(work, known) or await places_left(work, who.event) == 0:
        return who
    back = known.model_copy(update={"withdrawn": None})
    await work.unit.change_attendee(known, back)
    return replace(who, attendee=back)


def _zone(said: Answering[Done], who: Respondent) -> str:
    """The answerer's zone: what their client wrote, unless it repeats ours; else what was known before."""
    repeated = said.zone in {"", "UTC", who.event.span.timezone} or said.zone.startswith("Etc/")
    return who.attendee.zone if repeated else said.zone


async def _proved(work: Work, who: Respondent) -> Attendee:
    """The attendee; who turned up by mail that nothing proved hears of changes once they are proven.

    Whoever answers for themselves is answered for by nobody from then on.
    """
    if who.proven and who.delegator is None and who.attendee.origin is Origin.SHARED:
        await work.unit.end_proxy(who.attendee.event_uid, who.attendee.email)
    if who.attendee.proven or not who.proven:
        return who.attendee
    proven = who.attendee.model_copy(update={"proven": True})
    await work.unit.change_attendee(who.attendee, proven)
    return proven


class _Last(NamedTuple):
    """SEQUENCE and DTSTAMP of the answer that counts so far, or of the invite that asked anew (`invited`)."""

    sequence: int
    dtstamp: datetime | None
    invited: bool = False


async def _last(work: Work, attendee: Attendee, recurrence_id: date | datetime | None) -> _Last:
    if recurrence_id is None:
        invited = attendee.receipt_arrived is None
        return _Last(attendee.receipt_sequence, attendee.receipt_dtstamp, invited)
    answer = await work.unit.instance_answer(attendee.event_uid, attendee.email, recurrence_id)
    return _Last(answer.sequence, answer.dtstamp) if answer else _Last(-1, None)


def _receipt(work: Work, said: Answering[Done], who: Respondent, partstat: Partstat, last: _Last) -> Receipt:
    event = who.event
    recurrence_id = _instance(event, said.recurrence_id)
    return Receipt(
        event_uid=who.attendee.event_uid,
        email=who.attendee.email,
        partstat=partstat,
        sequence=answered_sequence(event, said, recurrence_id, last.sequence),
        unnumbered=said.sequence is None,
        dtstamp=said.given(work.now),
        arrived=work.now,
        prodid=said.prodid[:200],
        comment=whole_blanked(said.comment[:2000]),
        recurrence_id=recurrence_id,
        sent_by=said.sent_by if len(said.sent_by) <= 320 else "",
    )


def _instance(event: Event, recurrence_id: date | datetime | None) -> date | datetime | None:
    """The instance that an answer is for; the only one of an event that does not recur is the event."""
    if recurrence_id is None:
        return None
    recurrence_id = series.aligned(event.span, recurrence_id)
    return recurrence_id if event.recurring or recurrence_id != event.span.start else None


async def _verdict(
    work: Work, said: Answering[Done], who: Respondent, receipt: Receipt, last: _Last
) -> tuple[str, bool]:
    """Why a receipt is flagged, if it is, and whether it counts (promises 8 and 9)."""
    if not who.proven and (who.foreign or work.settings.sender_auth == "enforce"):
        return Code.SENDER_UNAUTHENTICATED.value, False
    if who.attendee.withdrawn is not None:
        return Code.INVITE_WITHDRAWN.value, False
    if receipt.recurrence_id is not None and not series.stands(who.event, receipt.recurrence_id):
        return Code.UNKNOWN_INSTANCE.value, False
    if outdated(who.event, said, receipt.recurrence_id) or await _older(work, said, who.event, receipt, last):
        return Code.STALE.value, False
    if receipt.recurrence_id is None and await _finds_no_place(work, who, receipt.partstat):
        return Code.EVENT_FULL.value, False
    flagged = not who.proven and work.settings.sender_auth == "flag"
    return (Code.SENDER_UNAUTHENTICATED.value if flagged else ""), True


async def _finds_no_place(work: Work, who: Respondent, partstat: Partstat) -> bool:
    """True for a Yes or Maybe of who has no place, as after a No, where none is free any more."""
    has_one = not who.added and holds_place(who.attendee)
    return partstat.holds_place and not has_one and await places_left(work, who.event) == 0


async def _turned_away(work: Work, event: Event, attendee: Attendee) -> Attendee:
    """The attendee without the event: their calendar says Yes to a place that somebody else has by now."""
    gone = attendee.model_copy(update={"withdrawn": work.now})
    await work.unit.withdraw_for_person(event.uid, attendee.email, Code.EVENT_FULL, work.now)
    await work.unit.change_attendee(attendee, gone)
    message = invite_message(work, event, gone, kind=Kind.WITHDRAWAL)
    language = notices.spoken(
        composing.reader_language(attendee, await work.unit.organizer_language(event.organizer))
    )
    if attendee.partstat is Partstat.DELEGATED:
        note = language.say("You had delegated, and your place is no longer free.")
    else:
        note = language.say("You had said No, and your place was given to someone else since.")
    # prompted: by this the person is told from one whom the organizer took out, and may book again
    own = {"note": note, "prompted": True}
    await work.unit.add_messages([message.model_copy(update=own)], priority=0)
    return gone


def outdated(event: Event, said: Answering[Done], recurrence_id: date | datetime | None) -> bool:
    """True if it answers a revision since which the event, or the instance, has moved."""
    if said.sequence is not None:
        return said.sequence < series.moved_with(event, recurrence_id)
    return bool(said.dtstamp and event.moved_at and said.dtstamp < event.moved_at - _SLOW_CLOCK)


def answered_sequence(
    event: Event, said: Answering[Done], recurrence_id: date | datetime | None, last: int
) -> int:
    """SEQUENCE of the revision that is answered; `last`: that of the answer before, which this one follows.

    An answer without one counts for the oldest revision that it can be for: the next may come from a calendar that
    few revisions reached. One that is ahead must not lock out every later answer.
    """
    sequence = said.sequence
    if sequence is None:
        sequence = max(last, series.moved_with(event, recurrence_id))
    return max(0, min(sequence, event.sequence))


async def _older(work: Work, said: Answering[Done], event: Event, receipt: Receipt, last: _Last) -> bool:
    """True if a newer receipt was counted; of equal ones the later counts.

    An answer without SEQUENCE, which may have waited through revisions, is told by its time alone, and what follows
    it too, unless it answers a revision that was made later.
    """
    if last.dtstamp is None or said.sequence is None:
        return last.dtstamp is not None and receipt.dtstamp < last.dtstamp
    # What answers a new invite bears its SEQUENCE, whatever the client's clock says.
    since = last.dtstamp - _SLOW_CLOCK if last.invited else last.dtstamp
    if (receipt.sequence, receipt.dtstamp) < (last.sequence, since):
        return True
    revised = said.sequence == event.sequence and event.dtstamp > last.dtstamp
    if receipt.dtstamp >= since or last.invited or revised:
        return False
    return await _follows_unnumbered(work, receipt)


async def _follows_unnumbered(work: Work, receipt: Receipt) -> bool:
    """True if the answer that counts so far was given without a SEQUENCE."""
    counted = await work.unit.counted_receipt(receipt.event_uid, receipt.email, receipt.recurrence_id)
    return counted is not None and counted.unnumbered


async def _counted(work: Work, attendee: Attendee, receipt: Receipt, zone: str) -> Attendee:
    """Count a receipt: an answer for one instance stands beside the answer for the series."""
    if receipt.recurrence_id is not None:
        await work.unit.save_instance_answer(
            InstanceAnswer(
                event_uid=receipt.event_uid,
                email=receipt.email,
                recurrence_id=receipt.recurrence_id,
                partstat=receipt.partstat,
                sequence=receipt.sequence,
                dtstamp=receipt.dtstamp,
                arrived=receipt.arrived,
            )
        )
        new = attendee.model_copy(update={"zone": zone})
        if zone != attendee.zone:
            await work.unit.change_attendee(attendee, new)
        return new
    new = attendee.model_copy(
        update={
            "partstat": receipt.partstat,
            "prodid": receipt.prodid or attendee.prodid,
            "zone": zone,
            "receipt_sequence": receipt.sequence,
            "receipt_dtstamp": receipt.dtstamp,
            "receipt_arrived": receipt.arrived,
        }
    )
    await work.unit.change_attendee(attendee, new)
    return new
