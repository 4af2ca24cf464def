"""Carry a command out for a mail exactly once: the change, the note and the notice are one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from engine.commands import confirmation_mails, notices
from engine.commands.answers import confirmations
from engine.commands.approvals import approval_mails
from engine.commands.base import Command, Done, Work
from engine.commands.intake import NoticeToSender, note
from engine.commands.mails import first_proof
from engine.commands.operators import registration
from engine.commands.prompting import Cause, prompted
from engine.engine import Engine
from engine.inbox.handling.received import (
    MailAction,
    Outcome,
    ReceivedMail,
    turned_down,
    waiting_for_approval,
)
from engine.model.actors import Actor
from engine.model.messages import Notice
from engine.refusals import Code, Refused
from engine.settings import Settings
from engine.store.protocol import AlreadyTakenIn

D = TypeVar("D", bound=Done)

ALREADY_RECEIVED = Outcome(action=MailAction.IGNORED, code=Code.NO_CHANGE.value, detail="taken in before")
_DOINGS = frozenset(
    {MailAction.CREATED, MailAction.UPDATED, MailAction.CANCELLED, MailAction.CAMPAIGN, MailAction.BATCH}
)


class _Rehearsed(Exception):  # noqa: N818 -- reads as what it is
    """What was to be seen was seen, and is undone."""


async def apply_once(
    engine: Engine,
    received: ReceivedMail,
    command: Command[D],
    actor: Actor,
    *,
    outcome: Callable[[D], Outcome],
    notice: Callable[[D], Notice | None] | None = None,
    part: str = "",
    no: Callable[[Refused], Outcome] = turned_down,
    recall: bool = False,
) -> Outcome:
    """Apply the command, and return the outcome of the mail or of this part; safe to repeat after any crash.

    `no`: what becomes of it if the command is refused. `recall`: of a part that was taken in before, return what was
    noted of it, so that the whole can still be told of. Raises NewProof if it would reach more people than a mail
    with a new proof may.
    """
    became = ALREADY_RECEIVED
    name = received.intake(became, engine.clock(), part).id

    async def before(work: Work) -> None:
        if await work.unit.taken_in(name):
            raise AlreadyTakenIn(name)

    async def also(work: Work, done: D) -> None:
        nonlocal became
        became = waiting_for_approval(done.held) if done.held else _flagged(received, outcome(done))
        if received.rehearsed:
            became = became.model_copy(update={"doings": first_proof.doings(done)})
            raise _Rehearsed
        if actor.kind == "organizer":
            await _judge_proof(work, received, done, became)
        answer = await _notice(work, received, done, notice)
        reply = await _reply(work, received, became, answer) if answer else None
        await note(work, received.intake(became, work.now, part), reply)
        await _ask(work, became)

    try:
        await engine.apply(command, actor, before=before, also=also)
    except AlreadyTakenIn:
        return await _recalled(engine, received, name) if recall else ALREADY_RECEIVED
    except _Rehearsed:
        return became
    except Refused as refused:
        return no(refused)
    return became


async def _recalled(engine: Engine, received: ReceivedMail, name: str) -> Outcome:
    """What an earlier run, or another process, noted of a part of the mail."""
    (note,) = [note for note in await engine.store.notes(name) if note.id == name]
    return received.recalled(note)


async def _notice(
    work: Work, received: ReceivedMail, done: D, notice: Callable[[D], Notice | None] | None
) -> Notice | None:
    """What the sender hears; of a change that they are asked about themselves, nothing besides."""
    if done.held and done.held.address == received.mail.from_address:
        return None
    if done.held:
        return approval_mails.waits(done.held, await notices.language_of(work, done.held.organizer))
    return notice(done) if notice else None


async def _reply(
    work: Work, received: ReceivedMail, became: Outcome, notice: Notice
) -> NoticeToSender | None:
    """What the organizer hears of a change, whatever sent it; or the answer to a sender who can be answered.

    Of proven changes one mail a minute leaves. All else is few: a proven mail may be relayed again and again by
    whoever has it, and what nothing proves (`CIS_SENDER_AUTH`) names whom it likes; there the words are our own.
    """
    to, proven = received.mail.from_address, received.verdict.passed or received.verdict.google_calendar
    changed = _changed(received, became)
    if to in received.own or not (changed or received.answerable):
        return None
    if not (changed and proven) and not await _bounded(work, to, became, proven=proven):
        return None
    if received.flagged and not proven:
        what = f"{became.action.value} {became.code}".strip()
        notice = confirmation_mails.unproven(what, became.uid, await notices.language_of(work, to))
    return NoticeToSender(to=to, notice=notice)


def _changed(received: ReceivedMail, became: Outcome) -> bool:
    """True if something may have been changed: a code says so of a table, and of what is flagged."""
    unhindered = not became.code or received.flagged or became.action is MailAction.BATCH
    return became.action in _DOINGS and unhindered


async def _bounded(work: Work, to: str, became: Outcome, *, proven: bool) -> bool:
    """True if an answer to a mail that changed nothing may be owed."""
    idle = became.action in {MailAction.REFUSED, MailAction.QUARANTINED, MailAction.IGNORED} or bool(
        became.code
    )
    if proven and not idle:
        return True
    return await prompted(work, Cause.REPEAT if proven else Cause.NOTICE, to, to)


def limited(settings: Settings, received: ReceivedMail) -> bool:
    """True if the mail may reach few people only while its proofs are new (`CIS_FIRST_PROOF_MAX`)."""
    return bool(settings.first_proof_max) and settings.sender_auth != "off" and not received.vouched


async def _judge_proof(work: Work, received: ReceivedMail, done: Done, became: Outcome) -> None:
    """Hold a mail that reaches too many people for what proves it; note what proved one that is carried out."""
    if limited(work.settings, received) and not received.weighed:
        await first_proof.weigh(work, received.proven, first_proof.doings(done))
    if became.action in _DOINGS and received.verdict.passed and not received.vouched:
        await first_proof.learn(work, received.proven)


async def _ask(work: Work, became: Outcome) -> None:
    if became.ask:
        await confirmations.ask(work, became.ask)
    if became.applicant:
        await registration.apply_for(work, became.applicant)
    if became.held:
        await first_proof.ask(work, became.held)


def _flagged(received: ReceivedMail, outcome: Outcome) -> Outcome:
    """`outcome` with the code that says that nothing proved the mail, where it changed something all the same."""
    if not received.flagged or outcome.action not in _DOINGS or outcome.code:
        return outcome
    return outcome.model_copy(update={"code": Code.SENDER_UNAUTHENTICATED.value})
