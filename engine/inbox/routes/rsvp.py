"""Mail to rsvp@ and rsvp+token@: receipts, proposals, and requests to send an event again."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from typing import TypeVar

from engine.commands.answers.automatic import RecordAutomaticReply
from engine.commands.answers.proposals import ProposalDone, RecordProposal
from engine.commands.answers.receipts import ReceiptDone, RecordReceipt
from engine.commands.answers.refreshing import Refresh, RefreshDone
from engine.commands.base import Command, Done
from engine.engine import Engine
from engine.inbox.intake.once import apply_once
from engine.inbox.intake.reading import calendar_of
from engine.inbox.intake.received import (
    MailAction,
    Outcome,
    ReceivedMail,
    ignored,
    named,
    quarantined,
    set_aside,
)
from engine.inbox.routes import reports
from engine.inbox.routes.respondent import Answerer, answerer, mailbox
from engine.itip.message import ItipEvent, ItipMessage
from engine.mail.incoming import proof
from engine.model.actors import Actor
from engine.model.answers import ProposalState
from engine.model.people import Attendee, Partstat, Party
from engine.refusals import Code, Refused

D = TypeVar("D", bound=Done)

_WORDS = {
    "yes": Partstat.ACCEPTED,
    "accepted": Partstat.ACCEPTED,
    "no": Partstat.DECLINED,
    "declined": Partstat.DECLINED,
    "maybe": Partstat.TENTATIVE,
    "tentative": Partstat.TENTATIVE,
    "tentatively": Partstat.TENTATIVE,
}
_SUBJECT = re.compile(
    r"(?:(?:re|aw|sv|antw):\s*)?(?:event\s+)?(yes|no|maybe|accepted|declined|tentative|tentatively)"
    r"\s*(?:[:\uff1a,.!\u2013\u2014-]|$)",
    re.IGNORECASE,
)
"""The word alone, or as our links and calendar programs write it; not “No longer at Example Inc”."""
_BY_MAIL = "mail"
"""PRODID of an answer by plain mail, from a client that shows no buttons."""
_UNSAID = Partstat.NEEDS_ACTION
_WORDS_READ = 1_000
"""Characters of an automatic mail that are looked at."""
_ANSWERS_MAX = 500
"""Answers in one mail: a series with this many single instances is answered by nobody."""


async def take(engine: Engine, taken: ReceivedMail) -> Outcome:
    """Record what an attendee, or an attendee's mail server, sent back."""
    mail = taken.mail
    if mail.report:
        return await reports.take(engine, taken)
    if mail.calendars:
        try:
            taken, message = calendar_of(taken)
        except Refused as refused:
            return quarantined(refused.code, str(refused))
        return taken.told(await take_answers(engine, taken, message))
    if mail.automatic:
        return await _automatic(engine, taken)
    return await _by_words(engine, taken)


async def _automatic(engine: Engine, taken: ReceivedMail) -> Outcome:
    """An absence note and the like answer nothing; at a token they are kept with its attendee."""
    told = ignored(Code.AUTOMATIC_MAIL, "An automatic mail without a calendar, such as an absence note.")
    if not taken.mailbox.token:
        return told
    command = RecordAutomaticReply(
        token=taken.mailbox.token,
        title=taken.mail.subject[:_WORDS_READ],
        words=taken.mail.text[:_WORDS_READ],
    )
    actor = Actor(kind="attendee", address=taken.mail.from_address)
    return await apply_once(engine, taken, command, actor, outcome=lambda _: told, no=lambda _: told)


async def take_answers(engine: Engine, taken: ReceivedMail, message: ItipMessage) -> Outcome:
    """Record each answer of a REPLY, keep the proposals of a COUNTER, send again what a REFRESH asks for."""
    holder = await engine.store.attendee_by_token(taken.mailbox.token) if taken.mailbox.token else None
    message = _answering(message, taken.own, holder) if holder else message
    if message.method not in ANSWERING:
        why = f"A calendar with METHOD:{message.method} is no answer to an invite."
        return quarantined(Code.UNSUPPORTED_METHOD, why)
    taken = taken.model_copy(update={"answers": len(message.events)})
    outcomes = []
    for event in message.events[:_ANSWERS_MAX]:
        sender = Party(address=taken.mail.from_address, name=taken.mail.from_name)
        who = answerer(event, sender, taken.own, holder.email if holder else "")
        said = _said(taken, event, who, message)
        outcomes.append(await _ANSWERS[message.method](engine, taken, event, who, said))
    return _one(outcomes)


def _answering(message: ItipMessage, own: Collection[str], holder: Attendee) -> ItipMessage:
    """The message as a REPLY, if its METHOD is missing or wrong though it answers the invite whose token it came to.

    Some programs send their copy of the event instead. It must name that event: people have other events, too.
    """
    if message.method not in {"PUBLISH", "REQUEST"}:
        return message
    answers = [e for e in message.events if e.uid.lower() == holder.event_uid and _answered(e, own)]
    return message.model_copy(update={"method": "REPLY", "events": tuple(answers)}) if answers else message


def _answered(event: ItipEvent, own: Collection[str]) -> bool:
    """True if somebody's answer stands in the event, the organizer's own left out."""
    said = [a.partstat for a in event.attendees if mailbox(a.address) not in own]
    return any(partstat not in {None, _UNSAID} for partstat in (*said, event.nameless))


def _one(outcomes: list[Outcome]) -> Outcome:
    """One outcome for all that a mail says: what waits for a person first, else the answer for the series."""
    aside = [o for o in outcomes if o.aside or o.action is MailAction.REFUSED]
    return (aside or outcomes)[0]


def _said(taken: ReceivedMail, event: ItipEvent, who: Answerer, message: ItipMessage) -> dict[str, object]:
    """What every answer says: who gives it, to which revision, and when."""
    return {
        "token": taken.mailbox.token,
        "uid": event.uid,
        "email": who.address,
        "name": who.name or (taken.mail.from_name if who.address == taken.mail.from_address else ""),
        "sender": taken.mail.from_address,
        "authenticated": _proven(taken, event.organizer),
        "role": who.role,
        "sequence": event.sequence,
        "dtstamp": event.dtstamp,
        "prodid": message.prodid,
        # who confirmed an answer has not seen what else its mail says
        "comment": "" if taken.verdict.confirmed_by else event.comment,
        "recurrence_id": event.recurrence_id,
        "sent_by": who.sent_by,
        "delegates": who.delegates,
    }


def _proven(taken: ReceivedMail, organizer: Party | None = None) -> bool:
    """True where the answer is proven to be of the From address, and was written to us.

    What Google's calendar signs proves its From: that is the address of the user's own account, whatever else the
    calendar names. An answer to somebody else's invitation may bear our UID and be relayed; then it names us nowhere.
    """
    verdict = taken.verdict
    if verdict.confirmed_by or verdict.released:
        return True
    named = [organizer.address] if organizer else []
    claims = ((verdict.passed, verdict.grounds), (verdict.google_calendar, verdict.google_grounds))
    return not taken.quoted and any(
        holds and not proof.objection(grounds, taken.mail, taken.own, named) for holds, grounds in claims
    )


async def _receipt(
    engine: Engine, taken: ReceivedMail, event: ItipEvent, who: Answerer, said: dict[str, object]
) -> Outcome:
    partstat = who.partstat
    if partstat in {None, _UNSAID}:
        partstat = _in_subject(taken.mail.subject) or partstat
    if partstat is None:
        return quarantined(Code.INVALID_CALENDAR, "The answer does not say Yes, No or Maybe.")
    command = RecordReceipt.model_validate({**said, "partstat": partstat})
    return await _record(engine, taken, command, part=_part(event))


def _part(event: ItipEvent) -> str:
    return f"{named(event.uid)}:{event.recurrence_id or ''}"


def _in_subject(subject: str) -> Partstat | None:
    match = _SUBJECT.match(subject.strip())
    return _WORDS[match.group(1).lower()] if match else None


def _by_subject(taken: ReceivedMail) -> ReceivedMail:
    """The mail, of which its Subject alone decides what it says."""
    mail = taken.mail.model_copy(update={"deciding": frozenset({"subject"}), "framed": False})
    return taken.model_copy(update={"mail": mail})


async def _by_words(engine: Engine, taken: ReceivedMail) -> Outcome:
    """An answer by plain mail, as the links in our invites write it: the word is in the Subject."""
    partstat = _in_subject(taken.mail.subject)
    if not taken.mailbox.token or partstat is None:
        return quarantined(Code.NO_CALENDAR, "The mail is no answer that can be understood.")
    command = RecordReceipt(
        token=taken.mailbox.token,
        email=taken.mail.from_address,
        sender=taken.mail.from_address,
        name=taken.mail.from_name,
        authenticated=_proven(_by_subject(taken)),
        partstat=partstat,
        prodid=_BY_MAIL,
        comment="" if taken.verdict.confirmed_by else taken.mail.text[:500],
    )
    return await _record(engine, taken, command, part="words")


async def _record(engine: Engine, taken: ReceivedMail, command: RecordReceipt, part: str) -> Outcome:
    def outcome(done: ReceiptDone) -> Outcome:
        receipt = done.receipt
        answer = receipt.partstat.label
        ask = None
        if receipt.code == Code.SENDER_UNAUTHENTICATED and not receipt.counted:
            # Of several answers a question could name but one, and a Yes to it would count them all.
            asked = answer if taken.answers == 1 else ""
            ask = taken.waiting("attendee", done.attendee.email, done.event.uid, asked)
        return Outcome(
            action=MailAction.RECEIPT, uid=done.event.uid, code=receipt.code, detail=answer, ask=ask
        )

    return await _kept(engine, taken, command, outcome, part)


def _attendee(taken: ReceivedMail) -> Actor:
    return Actor(kind="attendee", address=taken.mail.from_address)


async def _kept(
    engine: Engine, taken: ReceivedMail, command: Command[D], outcome: Callable[[D], Outcome], part: str
) -> Outcome:
    """An answer that belongs to nothing of ours waits for a person; it is never dropped (promise 1)."""
    return await apply_once(
        engine, taken, command, _attendee(taken), outcome=outcome, part=part, no=set_aside
    )


async def _proposal(
    engine: Engine, taken: ReceivedMail, event: ItipEvent, who: Answerer, said: dict[str, object]
) -> Outcome:
    """Keep the other time that is proposed. Google's says REPLY on its part and COUNTER inside."""
    proposed = {"span": event.span, "location": event.location, "partstat": who.partstat or _UNSAID}
    command = RecordProposal.model_validate({**said, **proposed})

    def outcome(done: ProposalDone) -> Outcome:
        state = done.proposal.state
        code = "" if state is ProposalState.OPEN else Code.STALE.value
        return Outcome(action=MailAction.COUNTER, uid=done.event.uid, code=code, detail=state.value)

    return await _kept(engine, taken, command, outcome, _part(event))


async def _refresh(
    engine: Engine, taken: ReceivedMail, event: ItipEvent, who: Answerer, said: dict[str, object]
) -> Outcome:
    def outcome(done: RefreshDone) -> Outcome:
        code = "" if done.message else Code.NO_CHANGE.value
        return Outcome(action=MailAction.REFRESHED, uid=done.event.uid, code=code)

    def no(why: Refused) -> Outcome:
        return ignored(why.code, str(why)) if why.code is Code.TOO_SOON else set_aside(why)

    command = Refresh.model_validate(said)
    return await apply_once(
        engine, taken, command, _attendee(taken), outcome=outcome, part=_part(event), no=no
    )


_ANSWERS = {"REPLY": _receipt, "COUNTER": _proposal, "REFRESH": _refresh}
ANSWERING = frozenset(_ANSWERS)
"""Methods that attendees send."""
