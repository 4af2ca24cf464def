"""Mail to rsvp@ and rsvp+token@: receipts, proposals, bounces; and to unsubscribe+token@."""

from __future__ import annotations

import re

from engine.commands.base import Command, Done, Refusal
from engine.commands.receipts import (
    ReceiptDone,
    RecordBounce,
    RecordProposal,
    RecordReceipt,
    Unsubscribe,
)
from engine.engine import Engine
from engine.inbox.once import apply_once
from engine.inbox.taken import Action, Outcome, Taken, ignored, quarantined, refused
from engine.itip import read as itip_read
from engine.itip.message import ItipAttendee, ItipEvent, ItipMessage
from engine.model import Actor, Partstat
from engine.refusals import Code

_WORDS = {
    "yes": Partstat.ACCEPTED,
    "accepted": Partstat.ACCEPTED,
    "no": Partstat.DECLINED,
    "declined": Partstat.DECLINED,
    "maybe": Partstat.TENTATIVE,
    "tentative": Partstat.TENTATIVE,
}
_SUBJECT = re.compile(r"(?:re:\s*)?(yes|no|maybe|accepted|declined|tentative)\b", re.IGNORECASE)
_BY_MAIL = "mail"
"""PRODID of an answer by plain mail, from a client that shows no buttons."""


async def take(engine: Engine, taken: Taken) -> Outcome:
    """Record what an attendee, or an attendee's mail server, sent back."""
    mail = taken.mail
    if mail.report:
        return await _bounce(engine, taken)
    if mail.calendars:
        part = mail.calendars[0]
        message = itip_read.read(part.content, method_hint=part.method_hint)
        return await take_answers(engine, taken, message)
    if mail.automatic:
        return ignored(Code.AUTOMATIC_MAIL, "An automatic mail without a calendar, such as an absence note.")
    return await _by_words(engine, taken)


async def take_answers(engine: Engine, taken: Taken, message: ItipMessage) -> Outcome:
    """Record each answer of a REPLY; note the proposal of a COUNTER for the organizer."""
    if message.method == "COUNTER":
        return await _proposal(engine, taken, message.events[0])
    if message.method != "REPLY":
        why = f"A calendar with METHOD:{message.method} is no answer to an invite."
        return quarantined(Code.UNSUPPORTED_METHOD, why)
    outcome = refused(Code.NOT_AN_EVENT, "The calendar holds no event.")
    for event in message.events:
        outcome = await _receipt(engine, taken, event, message.prodid)
    return outcome


async def _receipt(engine: Engine, taken: Taken, event: ItipEvent, prodid: str) -> Outcome:
    answerer = _answerer(taken, event)
    partstat = answerer.partstat if answerer else _in_subject(taken.mail.subject)
    if partstat is None:
        return quarantined(Code.INVALID_CALENDAR, "The answer does not say Yes, No or Maybe.")
    command = RecordReceipt(
        token=taken.mailbox.token,
        uid=event.uid,
        email=answerer.address if answerer else taken.mail.from_address,
        name=(answerer.name if answerer else "") or taken.mail.from_name,
        partstat=partstat,
        sequence=event.sequence,
        dtstamp=event.dtstamp,
        prodid=prodid,
        comment=event.comment,
        recurrence_id=event.recurrence_id,
        authenticated=_proven(taken, answerer),
    )
    return await _record(engine, taken, command, part=f"{event.uid[:200]}:{event.recurrence_id or ''}")


def _answerer(taken: Taken, event: ItipEvent) -> ItipAttendee | None:
    """Who of the attendees answers: Google names the organizer beside the one who does."""
    domain = engine_domain(taken)
    others = [a for a in event.attendees if a.address.rpartition("@")[2] != domain]
    same = [a for a in event.attendees if a.address == taken.mail.from_address]
    found = same or others or list(event.attendees)
    return found[0] if found else None


def engine_domain(taken: Taken) -> str:
    return next(iter(taken.own)).rpartition("@")[2]


def _proven(taken: Taken, answerer: ItipAttendee | None) -> bool:
    """True where the answer is from whom it names, and that is proven (B5)."""
    same = answerer is None or answerer.address == taken.mail.from_address
    return same and (taken.verdict.passed or taken.verdict.google_calendar)


def _in_subject(subject: str) -> Partstat | None:
    match = _SUBJECT.match(subject.strip())
    return _WORDS[match.group(1).lower()] if match else None


async def _by_words(engine: Engine, taken: Taken) -> Outcome:
    """An answer by plain mail, as the links in our invites write it: the word is in the Subject."""
    partstat = _in_subject(taken.mail.subject)
    if not taken.mailbox.token or partstat is None:
        return quarantined(Code.NO_CALENDAR, "The mail is no answer that can be understood.")
    command = RecordReceipt(
        token=taken.mailbox.token,
        email=taken.mail.from_address,
        partstat=partstat,
        prodid=_BY_MAIL,
        comment=taken.mail.text[:500],
    )
    return await _record(engine, taken, command, part="words")


async def _record(engine: Engine, taken: Taken, command: RecordReceipt, part: str) -> Outcome:
    def outcome(done: ReceiptDone) -> Outcome:
        receipt = done.receipt
        answer = receipt.partstat.label
        return Outcome(action=Action.RECEIPT, uid=done.event.uid, code=receipt.code, detail=answer)

    actor = _attendee(taken)
    return _kept(await apply_once(engine, taken, command, actor, outcome=outcome, part=part))


def _attendee(taken: Taken) -> Actor:
    return Actor(kind="attendee", address=taken.mail.from_address)


def _kept(became: Outcome | Refusal) -> Outcome:
    """An answer that belongs to nothing of ours waits for a person; it is never dropped (rule 1)."""
    return quarantined(became.code, str(became)) if isinstance(became, Refusal) else became


async def _proposal(engine: Engine, taken: Taken, event: ItipEvent) -> Outcome:
    command = RecordProposal(
        token=taken.mailbox.token,
        uid=event.uid,
        email=taken.mail.from_address,
        authenticated=_proven(taken, None),
        span=event.span,
        comment=event.comment,
    )
    return await _simple(engine, taken, command, Action.COUNTER)


async def _bounce(engine: Engine, taken: Taken) -> Outcome:
    """A mail server gave a message back: the token in its envelope tells which (RFC 3464)."""
    report = taken.mail.report
    assert report is not None
    if not taken.mailbox.token:
        return ignored(Code.AUTOMATIC_MAIL, "A delivery report that belongs to none of our messages.")
    if report.action == "complaint":
        # Who calls an invite spam wants no more of them (RFC 5965).
        return await _unsubscribe(engine, taken)
    if report.action.lower() != "failed":
        return ignored(Code.AUTOMATIC_MAIL, f"A delivery report: {report.action}.")
    permanent = report.status.startswith("5")
    command = RecordBounce(
        token=taken.mailbox.token, permanent=permanent, status=report.status, detail=report.diagnostic
    )
    return await _simple(engine, taken, command, Action.BOUNCE)


async def take_unsubscribe(engine: Engine, taken: Taken) -> Outcome:
    """Any mail to unsubscribe+token@ stops that organizer's mail; its token says whose (RFC 2369)."""
    if taken.mail.report or not taken.mailbox.token:
        return ignored(Code.AUTOMATIC_MAIL, "No request to unsubscribe.")
    return await _unsubscribe(engine, taken)


async def _unsubscribe(engine: Engine, taken: Taken) -> Outcome:
    return await _simple(engine, taken, Unsubscribe(token=taken.mailbox.token), Action.UNSUBSCRIBED)


async def _simple(engine: Engine, taken: Taken, command: Command[Done], action: Action) -> Outcome:
    outcome = Outcome(action=action)
    return _kept(await apply_once(engine, taken, command, _attendee(taken), outcome=lambda _: outcome))
