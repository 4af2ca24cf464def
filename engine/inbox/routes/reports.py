"""Reports on mail that we sent (bounces, complaints, read receipts), and mail to unsubscribe+token@."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.commands.answers.deliveries import (
    MailReportDone,
    RecordBounce,
    RecordComplaint,
    RecordProgress,
    Unsubscribe,
    UnsubscribeDone,
)
from engine.commands.base import Command
from engine.engine import Engine
from engine.inbox.handling.once import apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, ignored, quarantined, set_aside
from engine.mail.incoming import proof
from engine.mail.incoming.content import DeliveryReport, Fate, Reported
from engine.model.actors import Actor
from engine.refusals import Code, Refused

_TOKENED = ("rsvp", "unsubscribe")
_SERVICES = {"sns.amazonaws.com", "sns.amazonaws.com.cn"}


async def handle(engine: Engine, received: ReceivedMail) -> Outcome:
    """Record what a report says, where it proves that it speaks of a message of ours.

    It does by the token of the envelope, which the report came to or quotes, by our Message-ID, or by the id
    of the mail service. All are unguessable, so that a forged report by a stranger suppresses no one, and one by
    whoever has an invite touches that invite's organizer alone.
    """
    report = received.mail.report
    assert report is not None
    token = received.mailbox.token or _quoted_token(report, engine.settings.domain)
    holder = await engine.store.attendee_by_token(token) if token else None
    about = _about(report, holder.email if holder else "")
    decisive = _most_specific(about)
    if decisive is None or decisive.fate not in {Fate.FAILED, Fate.COMPLAINED}:
        return _uneventful(decisive)
    proven = bool(report.transport_id) and _by_service(received)
    command = _command(report, about, decisive, token, proven=proven)
    code = Code.COMPLAINED.value if decisive.fate is Fate.COMPLAINED else ""
    return await _record(engine, received, command, code)


class ServiceReport(NamedTuple):
    """What a mail service told us over a way that proves it: the command, whom it is of, and its code.

    `once`: it is counted, so that it may be recorded only once.
    """

    command: Command[MailReportDone]
    address: str
    code: str
    once: bool = True


async def service_report(engine: Engine, report: DeliveryReport) -> ServiceReport | None:
    """The command for an event that the service itself handed us; None for one that changes nothing."""
    token = _quoted_token(report, engine.settings.domain)
    holder = await engine.store.attendee_by_token(token) if token else None
    about = _about(report, holder.email if holder else "")
    decisive = _most_specific(about)
    if decisive is not None and decisive.fate in {Fate.DELIVERED, Fate.DELAYED}:
        return ServiceReport(_progress(report, decisive, token), decisive.recipient, "", once=False)
    if decisive is None or decisive.fate not in {Fate.FAILED, Fate.COMPLAINED}:
        return None
    code = Code.COMPLAINED.value if decisive.fate is Fate.COMPLAINED else ""
    return ServiceReport(_command(report, about, decisive, token, proven=True), decisive.recipient, code)


def _command(
    report: DeliveryReport, about: Sequence[Reported], decisive: Reported, token: str, *, proven: bool
) -> Command[MailReportDone]:
    names = {
        "token": token,
        "message_id": report.message_id,
        "transport_id": report.transport_id,
        "detail": decisive.diagnostic,
    }
    if decisive.fate is Fate.COMPLAINED:
        # Many services leave out who complained, so that the token or the id alone tells.
        return RecordComplaint(**names, proven=proven)
    return RecordBounce(
        **names,
        recipients=tuple(
            r.recipient for r in about if (r.fate, r.permanent) == (decisive.fate, decisive.permanent)
        ),
        proven=proven,
        permanent=decisive.permanent,
        status=decisive.status,
    )


def _progress(report: DeliveryReport, decisive: Reported, token: str) -> RecordProgress:
    return RecordProgress(
        token=token,
        message_id=report.message_id,
        transport_id=report.transport_id,
        recipients=(decisive.recipient,),
        status=decisive.status,
        detail=decisive.diagnostic,
        delivered=decisive.fate is Fate.DELIVERED,
        proven=True,
    )


def _about(report: DeliveryReport, holder: str) -> Sequence[Reported]:
    """What a report says of the token's holder; all of it if there is none, or it speaks of others alone."""
    return [r for r in report.recipients if holder and r.recipient == holder] or report.recipients


def _by_service(received: ReceivedMail) -> bool:
    """True if Amazon SNS is proven to have sent the report, and to us."""
    if not received.verdict.passed or received.mail.from_address.partition("@")[2] not in _SERVICES:
        return False
    return not proof.objection(received.verdict.grounds, received.mail, received.own)


def _most_specific(recipients: Sequence[Reported]) -> Reported | None:
    """What decides, where several are told of: a complaint, then a permanent failure, then any."""
    order = (Fate.COMPLAINED, Fate.FAILED, *Fate)
    return min(recipients, key=lambda r: (order.index(r.fate), not r.permanent), default=None)


def _uneventful(decisive: Reported | None) -> Outcome:
    if decisive is not None and decisive.fate is Fate.READ:
        return ignored(Code.READ_RECEIPT, "A read receipt; it answers no invite.")
    fate = decisive.fate.value if decisive is not None else "it does not say what happened to the mail"
    return ignored(Code.AUTOMATIC_MAIL, f"A delivery report: {fate}.")


def _quoted_token(report: DeliveryReport, domain: str) -> str:
    """The token in an address of ours that the report quotes; empty if there is none."""
    for address in report.senders:
        local, _, host = address.rpartition("@")
        name, _, token = local.partition("+")
        if host == domain and name in _TOKENED and token:
            return token
    return ""


async def _record(
    engine: Engine, received: ReceivedMail, command: Command[MailReportDone], code: str = ""
) -> Outcome:
    def outcome(done: MailReportDone) -> Outcome:
        uid = (done.message.event_uid or "") if done.message else ""
        return Outcome(action=MailAction.BOUNCE, uid=uid, code=code if done.changed else Code.NO_CHANGE.value)

    def no(_: Refused) -> Outcome:
        return ignored(Code.AUTOMATIC_MAIL, "A delivery report about a mail that this server did not send.")

    return await apply_once(engine, received, command, _attendee(received), outcome=outcome, no=no)


async def handle_for_operator(engine: Engine, received: ReceivedMail) -> Outcome:
    """Mail to postmaster@ and abuse@: reports about mail of ours are recorded, the rest is for a person."""
    if received.mail.report:
        outcome = await handle(engine, received)
        if outcome.action is not MailAction.IGNORED or outcome.code == Code.READ_RECEIPT:
            return outcome
    return quarantined(Code.FOR_OPERATOR, "The mail waits for the operator to read it.")


async def handle_for_nobody(engine: Engine, received: ReceivedMail) -> Outcome:
    """An answer to a mail of ours: reports are recorded; who has more to say is none of ours to read."""
    if received.mail.report:
        return await handle(engine, received)
    return ignored(Code.AUTOMATIC_MAIL, "No one reads this mailbox.")


async def handle_unsubscribe(engine: Engine, received: ReceivedMail) -> Outcome:
    """Any mail to unsubscribe+token@ stops that organizer's mail; its token says whose (RFC 2369)."""
    if received.mail.report:
        return ignored(Code.AUTOMATIC_MAIL, "No request to unsubscribe.")
    if not received.mailbox.token:
        why = "Someone wants to unsubscribe and does not say from which organizer: the mail waits for the operator."
        return quarantined(Code.FOR_OPERATOR, why)

    def outcome(_: UnsubscribeDone) -> Outcome:
        return Outcome(action=MailAction.UNSUBSCRIBED)

    command = Unsubscribe(token=received.mailbox.token)
    return await apply_once(engine, received, command, _attendee(received), outcome=outcome, no=set_aside)


def _attendee(received: ReceivedMail) -> Actor:
    return Actor(kind="attendee", address=received.mail.from_address)
