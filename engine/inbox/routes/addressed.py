"""Whether a proven mail is meant as a command to us: a signature proves who wrote it, not for whom."""

from __future__ import annotations

from engine.inbox.handling.received import Outcome, ReceivedMail, quarantined
from engine.itip.message import ItipMessage
from engine.mail.incoming import proof
from engine.refusals import Code


def by_google(received: ReceivedMail, message: ItipMessage) -> bool:
    """True if Google's calendar sent its user's own event, or one that they act for."""
    sender = received.further or received.mail.from_address
    own = [
        event.sent_by == sender or (event.organizer is not None and event.organizer.address == sender)
        for event in message.events
    ]
    return received.verdict.google_calendar and bool(own) and all(own)


def objection(
    received: ReceivedMail, ours: frozenset[str], message: ItipMessage | None = None
) -> Outcome | None:
    """What becomes of a mail that its sender wrote to others, or that may be read as they never meant it.

    `ours`: the addresses that take commands. Its owner is asked; what no one proves is none of this.
    """
    verdict = received.verdict
    if not received.enforce or verdict.released or verdict.confirmed_by:
        return None
    attendees = [a.address for event in message.events for a in event.attendees] if message else []
    grounds = [verdict.grounds] if verdict.passed else []
    grounds += [verdict.google_grounds] if message and by_google(received, message) else []
    whys = [proof.objection(each, received.mail, ours, attendees) for each in grounds]
    return _ask(received, f"The mail waits for its owner: {whys[0]}.") if whys and "" not in whys else None


def written_to(received: ReceivedMail, ours: frozenset[str]) -> bool:
    """True for a proven mail whose proof shows that it was written to one of `ours`.

    Whoever has a mail can hand it to us, also one that its sender wrote to somebody else.
    """
    verdict = received.verdict
    if not received.enforce or verdict.released or verdict.confirmed_by:
        return verdict.passed
    return verdict.passed and not proof.objection(verdict.grounds, received.mail, ours)


def quoted(received: ReceivedMail) -> Outcome | None:
    """What becomes of a calendar that stands among words, where others wrote too: it changes nothing on its own."""
    if (
        not (received.quoted and received.enforce)
        or received.verdict.released
        or received.verdict.confirmed_by
    ):
        return None
    return _ask(
        received,
        "The mail waits for its owner: its calendar is quoted in text, or in a mail attached to it.",
    )


def _ask(received: ReceivedMail, why: str) -> Outcome:
    return quarantined(
        Code.SENDER_UNAUTHENTICATED, why, received.waiting("organizer", received.mail.from_address)
    )
