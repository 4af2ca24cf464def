"""Whether a proven mail is a command to us: a signature proves who wrote it, not to whom, nor that it was meant so."""

from __future__ import annotations

from engine.inbox.intake.received import Outcome, ReceivedMail, quarantined
from engine.itip.message import ItipMessage
from engine.mail.incoming import proof
from engine.refusals import Code


def by_google(taken: ReceivedMail, message: ItipMessage) -> bool:
    """True where Google's calendar sent its user's own event, or one that they act for."""
    sender = taken.mail.from_address
    own = [
        event.sent_by == sender or (event.organizer is not None and event.organizer.address == sender)
        for event in message.events
    ]
    return taken.verdict.google_calendar and bool(own) and all(own)


def objection(
    taken: ReceivedMail, ours: frozenset[str], message: ItipMessage | None = None
) -> Outcome | None:
    """What becomes of a mail that its sender wrote to others, or that may be read as they never meant it.

    `ours`: the addresses that take commands. Its owner is asked; what nobody proves is none of this.
    """
    verdict = taken.verdict
    if not taken.enforce or verdict.released or verdict.confirmed_by:
        return None
    attendees = [a.address for event in message.events for a in event.attendees] if message else []
    grounds = [verdict.grounds] if verdict.passed else []
    grounds += [verdict.google_grounds] if message and by_google(taken, message) else []
    whys = [proof.objection(each, taken.mail, ours, attendees) for each in grounds]
    return _ask(taken, f"The mail waits for its owner: {whys[0]}.") if whys and "" not in whys else None


def quoted(taken: ReceivedMail) -> Outcome | None:
    """What becomes of a calendar that stands among words, where others wrote too: it changes nothing by itself."""
    if not (taken.quoted and taken.enforce) or taken.verdict.released or taken.verdict.confirmed_by:
        return None
    return _ask(
        taken, "The mail waits for its owner: its calendar stands among words, or in a mail attached to it."
    )


def _ask(taken: ReceivedMail, why: str) -> Outcome:
    return quarantined(Code.SENDER_UNAUTHENTICATED, why, taken.waiting("organizer", taken.mail.from_address))
