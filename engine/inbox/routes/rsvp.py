"""Mail to rsvp@ and rsvp+token@: receipts, proposals, and requests to send an event again."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import TypeVar

from engine.commands.answers.automatic import RecordAutomaticReply
from engine.commands.answers.proposals import ProposalDone, RecordProposal
from engine.commands.answers.receipts import ReceiptDone, RecordReceipt
from engine.commands.answers.refreshing import Refresh, RefreshDone
from engine.commands.base import Command, Done
from engine.engine import Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.reading import calendar_of
from engine.inbox.handling.received import (
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
from engine.mail.locale.language import TAGS, language
from engine.model.actors import Actor
from engine.model.answers import ProposalState
from engine.model.base import varied
from engine.model.people import Attendee, Partstat, Party
from engine.refusals import Code, Refused

D = TypeVar("D", bound=Done)

_ENGLISH = {
    "yes": Partstat.ACCEPTED,
    "accepted": Partstat.ACCEPTED,
    "no": Partstat.DECLINED,
    "declined": Partstat.DECLINED,
    "maybe": Partstat.TENTATIVE,
    "tentative": Partstat.TENTATIVE,
    "tentatively": Partstat.TENTATIVE,
}
_ANSWERED = {Partstat.ACCEPTED: "Yes", Partstat.DECLINED: "No", Partstat.TENTATIVE: "Maybe"}

_FIRST = threading.Lock()


@cache
def _answers() -> tuple[Mapping[str, Partstat], re.Pattern[str]]:
    """What answers by mail are called, by us in each language and by calendar programs, and where they stand.

    The word alone, or as our links and calendar programs write it; not “No longer at Example Inc”, nor “Non-profit”.
    """
    ours = {language(tag).say(word).lower(): partstat for tag in TAGS for partstat, word in _ANSWERED.items()}
    known = _ENGLISH | ours
    words = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    prefix = r"(?:(?:re|aw|sv|antw|rv|tr|r|res|rif|رد):\s*)?(?:event\s+)?"
    ends = r"\s*[:\uff1a,]|\s*[.!]+(?=\s|$)|\s+[\u2013\u2014-]|[\u2013\u2014-](?=\s|$)|\s*$"
    return known, re.compile(rf"{prefix}({words})(?:{ends})", re.IGNORECASE)


_BY_MAIL = "mail"
"""PRODID of an answer by plain mail, from a client that shows no buttons."""
_UNANSWERED = Partstat.NEEDS_ACTION
_WORDS_READ = 1_000
"""Characters of an automatic mail that are looked at."""
_ANSWERS_MAX = 500
"""Answers in one mail: a series with this many single instances is answered by no one."""


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Record what an attendee, or an attendee's mail server, sent back."""
    mail = received.mail
    if mail.report:
        return await reports.handle(engine, received)
    if mail.calendars:
        try:
            received, message = calendar_of(received)
        except Refused as refused:
            return quarantined(refused.code, str(refused))
        return received.reported(await handle_answers(engine, received, message))
    if mail.automatic:
        return await _automatic(engine, received)
    return await _by_words(engine, received)


async def _automatic(engine: Engine, received: ReceivedMail) -> Outcome:
    """An absence note and the like answer nothing; at a token they are kept with its attendee."""
    outcome = ignored(Code.AUTOMATIC_MAIL, "An automatic mail without a calendar, such as an absence note.")
    if not received.mailbox.token:
        return outcome
    command = RecordAutomaticReply(
        token=received.mailbox.token,
        title=received.mail.subject[:_WORDS_READ],
        words=received.mail.text[:_WORDS_READ],
    )
    actor = Actor(kind="attendee", address=received.mail.from_address)
    return await apply_once(engine, received, command, actor, outcome=lambda _: outcome, no=lambda _: outcome)


async def handle_answers(engine: Engine, received: ReceivedMail, message: ItipMessage) -> Outcome:
    """Record each answer of a REPLY, keep the proposals of a COUNTER, send again what a REFRESH asks for."""
    holder = await _holder(engine, received)
    message = _answering(message, received.own, holder) if holder else message
    if message.method not in ANSWERING:
        why = f"A calendar with METHOD:{message.method} is no answer to an invite."
        return quarantined(Code.UNSUPPORTED_METHOD, why)
    received = varied(received, answers=len(message.events))
    outcomes = []
    for event in message.events[:_ANSWERS_MAX]:
        sender = Party(address=received.mail.from_address, name=received.mail.from_name)
        who = answerer(event, sender, received.own, holder.email if holder else "")
        fields = _answer_fields(received, event, who, message)
        outcomes.append(await _ANSWERS[message.method](engine, received, event, who, fields))
    return _one(outcomes)


async def _holder(engine: Engine, received: ReceivedMail) -> Attendee | None:
    token = received.mailbox.token
    if not token:
        return None
    return (received.holders or {}).get(token) or await engine.store.attendee_by_token(token)


def _answering(message: ItipMessage, own: Collection[str], holder: Attendee) -> ItipMessage:
    """The message as a REPLY, if its METHOD is missing or wrong though it answers the invite whose token it came to.

    Some programs send their copy of the event instead. It must name that event: people have other events, too.
    """
    if message.method in _OTHERWISE:
        return message
    answers = [e for e in message.events if e.uid.lower() == holder.event_uid and _answered(e, own)]
    return message.model_copy(update={"method": "REPLY", "events": tuple(answers)}) if answers else message


def _answered(event: ItipEvent, own: Collection[str]) -> bool:
    """True if someone's answer stands in the event, the organizer's own left out."""
    fields = [a.partstat for a in event.attendees if mailbox(a.address) not in own]
    return any(partstat not in {None, _UNANSWERED} for partstat in (*fields, event.nameless))


def _one(outcomes: list[Outcome]) -> Outcome:
    """One outcome for all that a mail says: what waits for a person first, else the answer for the series."""
    aside = [o for o in outcomes if o.aside or o.action is MailAction.REFUSED]
    return (aside or outcomes)[0]


def _answer_fields(
    received: ReceivedMail, event: ItipEvent, who: Answerer, message: ItipMessage
) -> dict[str, object]:
    """What every answer says: who gives it, to which revision, and when."""
    return {
        "token": received.mailbox.token,
        "uid": event.uid,
        "email": who.address,
        "name": who.name or (received.mail.from_name if who.address == received.mail.from_address else ""),
        "sender": received.mail.from_address,
        "authenticated": _proven(received, event.organizer),
        "role": who.role,
        "sequence": event.sequence,
        "dtstamp": event.dtstamp,
        "arrived": received.arrived,
        "prodid": message.prodid,
        # who confirmed an answer has not seen what else its mail says
        "comment": "" if received.verdict.confirmed_by else event.comment,
        "recurrence_id": event.recurrence_id,
        "sent_by": who.sent_by,
        "zone": event.span.timezone if event.span and not event.span.all_day else "",
        "delegates": who.delegates,
    }


def _proven(received: ReceivedMail, organizer: Party | None = None) -> bool:
    """True if the answer is proven to be of the From address, and was written to us.

    What Google's calendar signs proves its From: that is the address of the user's own account, whatever else the
    calendar names. An answer to someone else's invitation may bear our UID and be relayed; then it names us nowhere.
    """
    verdict = received.verdict
    if verdict.confirmed_by or verdict.released:
        return True
    named = [organizer.address] if organizer else []
    claims = ((verdict.passed, verdict.grounds), (verdict.google_calendar, verdict.google_grounds))
    return not received.quoted and any(
        holds and not proof.objection(grounds, received.mail, received.own, named)
        for holds, grounds in claims
    )


async def _receipt(
    engine: Engine, received: ReceivedMail, event: ItipEvent, who: Answerer, fields: dict[str, object]
) -> Outcome:
    partstat = who.partstat
    if partstat in {None, _UNANSWERED}:
        partstat = await _answer_in(received.mail.subject, event.summary) or partstat
    if partstat is None:
        return quarantined(Code.INVALID_CALENDAR, "The answer does not say Yes, No or Maybe.")
    command = RecordReceipt.model_validate({**fields, "partstat": partstat})
    return await _record(engine, received, command, part=_part(event))


def _part(event: ItipEvent) -> str:
    return f"{named(event.uid)}:{event.recurrence_id or ''}"


async def _answer_in(subject: str, title: str = "") -> Partstat | None:
    """As `answer_in`, in a thread: the first time, it reads the catalogs of all languages, once for all who wait."""

    def told() -> Partstat | None:
        with _FIRST:
            _answers()
        return answer_in(subject, title)

    return await asyncio.to_thread(told)


def answer_in(subject: str, title: str = "") -> Partstat | None:
    """What the subject of a plain mail answers, in whichever language; None if it answers nothing.

    `title`: of the event, which a reply repeats: “Re: No. 9 reunion” says neither Yes nor No.
    """
    known, pattern = _answers()
    subject, title = " ".join(subject.split()), " ".join(title.split())
    match = pattern.match(subject)
    if match is None or _only_repeats(subject[match.start(1) :], title):
        return None
    return known[match.group(1).lower()]


def _only_repeats(subject: str, title: str) -> bool:
    """True if `subject`, which begins like an answer, begins so because the event's title does."""
    _, pattern = _answers()
    named = pattern.match(title)
    if named is None or not subject.casefold().startswith(title.casefold()):
        return False
    answer = pattern.match(subject)
    # our links write “Yes: ” before each title, also before “Yes”
    return answer is None or not subject[answer.end() :].strip().casefold().startswith(title.casefold())


def _by_subject(received: ReceivedMail) -> ReceivedMail:
    """The mail, of which its Subject alone decides what it says."""
    mail = received.mail.model_copy(update={"deciding": frozenset({"subject"}), "framed": False})
    return received.model_copy(update={"mail": mail})


async def _by_words(engine: Engine, received: ReceivedMail) -> Outcome:
    """An answer by plain mail, as the links in our invites write it: the word is in the Subject."""
    holder = await _holder(engine, received) if await _answer_in(received.mail.subject) else None
    event = await engine.store.event(holder.event_uid) if holder else None
    partstat = await _answer_in(received.mail.subject, event.summary if event else "")
    if not received.mailbox.token or partstat is None:
        return quarantined(Code.NO_CALENDAR, "The mail is not an answer that the server understands.")
    command = RecordReceipt(
        token=received.mailbox.token,
        email=received.mail.from_address,
        sender=received.mail.from_address,
        name=received.mail.from_name,
        authenticated=_proven(_by_subject(received)),
        partstat=partstat,
        arrived=received.arrived,
        prodid=_BY_MAIL,
        comment="" if received.verdict.confirmed_by else received.mail.text[:500],
    )
    return await _record(engine, received, command, part="words")


async def _record(engine: Engine, received: ReceivedMail, command: RecordReceipt, part: str) -> Outcome:
    def outcome(done: ReceiptDone) -> Outcome:
        receipt = done.receipt
        answer = receipt.partstat.label
        ask = None
        if receipt.code == Code.SENDER_UNAUTHENTICATED and not receipt.counted:
            # Of several answers a question could name but one, and a Yes to it would count them all.
            asked = answer if received.answers == 1 else ""
            ask = received.waiting("attendee", done.attendee.email, done.event.uid, asked)
        return Outcome(
            action=MailAction.RECEIPT, uid=done.event.uid, code=receipt.code, detail=answer, ask=ask
        )

    return await _kept(engine, received, command, outcome, part)


def _attendee(received: ReceivedMail) -> Actor:
    return Actor(kind="attendee", address=received.mail.from_address)


async def _kept(
    engine: Engine, received: ReceivedMail, command: Command[D], outcome: Callable[[D], Outcome], part: str
) -> Outcome:
    """An answer that belongs to nothing of ours waits for a person; it is never dropped (promise 1)."""
    return await apply_once(
        engine, received, command, _attendee(received), outcome=outcome, part=part, no=set_aside
    )


async def _proposal(
    engine: Engine, received: ReceivedMail, event: ItipEvent, who: Answerer, fields: dict[str, object]
) -> Outcome:
    """Keep the other time that is proposed. Google's says REPLY on its part and COUNTER inside."""
    proposed = {"span": event.span, "location": event.location, "partstat": who.partstat or _UNANSWERED}
    command = RecordProposal.model_validate({**fields, **proposed})

    def outcome(done: ProposalDone) -> Outcome:
        state = done.proposal.state
        code = "" if state is ProposalState.OPEN else Code.STALE.value
        return Outcome(action=MailAction.COUNTER, uid=done.event.uid, code=code, detail=state.value)

    return await _kept(engine, received, command, outcome, _part(event))


async def _refresh(
    engine: Engine, received: ReceivedMail, event: ItipEvent, who: Answerer, fields: dict[str, object]
) -> Outcome:
    def outcome(done: RefreshDone) -> Outcome:
        code = "" if done.message else Code.NO_CHANGE.value
        return Outcome(action=MailAction.REFRESHED, uid=done.event.uid, code=code)

    def no(why: Refused) -> Outcome:
        return ignored(why.code, str(why)) if why.code is Code.TOO_SOON else set_aside(why)

    command = Refresh.model_validate(fields)
    return await apply_once(
        engine, received, command, _attendee(received), outcome=outcome, part=_part(event), no=no
    )


_ANSWERS = {"REPLY": _receipt, "COUNTER": _proposal, "REFRESH": _refresh}
ANSWERING = frozenset(_ANSWERS)
"""Methods that attendees send."""
_OTHERWISE = ANSWERING | {"CANCEL", "DECLINECOUNTER"}
"""Methods that mean something else than Yes, No or Maybe, or mean it already."""
