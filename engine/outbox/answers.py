"""The answer to an attempt to send: sent, failed, or when to try again."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from engine.mail.incoming import sesnotice
from engine.model.claims import Claim, SendResult
from engine.model.messages import MessageState
from engine.outbox.transport import Accepted, Rejected
from engine.refusals import Code

_RETRY_FIRST = timedelta(seconds=30)
_RETRY_LONGEST = timedelta(hours=4)
_GIVE_UP = timedelta(hours=72)


def accepted(claim: Claim, outcome: Accepted) -> SendResult:
    return SendResult(
        message_id=claim.message.id,
        state=MessageState.SENT,
        text=outcome.answer,
        transport_id=outcome.transport_id or sesnotice.named(outcome.answer),
        lease=claim.lease,
    )


def refused(claim: Claim, rejected: Rejected, now: datetime, pause: float = 0.0) -> SendResult:
    """The answer to a message that did not go: try later, or give up.

    `pause`: seconds that the server as a whole is given; then the mail itself was not judged.
    """
    if rejected.permanent:
        return failed(claim, Code.REJECTED_BY_SERVER, rejected.answer)
    wait = (
        jittered(timedelta(seconds=max(1.0, pause))) if rejected.server else backoff(claim.message.attempts)
    )
    if now + wait > give_up_at(claim, now):
        return failed(claim, Code.RETRIES_EXHAUSTED, rejected.answer, in_doubt=rejected.in_doubt)
    return SendResult(
        message_id=claim.message.id,
        state=MessageState.DEFERRED,
        text=rejected.answer,
        due=now + wait,
        untried=rejected.server and not rejected.in_doubt,
        lease=claim.lease,
        in_doubt=rejected.in_doubt,
    )


def failed(claim: Claim, code: Code, text: str, *, in_doubt: bool = False) -> SendResult:
    return SendResult(
        message_id=claim.message.id,
        state=MessageState.FAILED,
        code=code.value,
        lease=claim.lease,
        text=text,
        in_doubt=in_doubt,
    )


def released(claim: Claim, due: datetime | None = None) -> SendResult:
    """The message was not tried; it waits for another dispatcher, or until `due`."""
    return SendResult(message_id=claim.message.id, state=MessageState.QUEUED, due=due, lease=claim.lease)


def backoff(attempts: int) -> timedelta:
    """The delay after this many attempts: it doubles, with jitter, so that retries spread out."""
    return jittered(min(_RETRY_FIRST * 2 ** min(attempts, 20), _RETRY_LONGEST))


def jittered(wait: timedelta) -> timedelta:
    longer: timedelta = wait * random.uniform(0.75, 1.25)  # noqa: S311 -- spreads load, guards nothing
    return longer


def give_up_at(claim: Claim, now: datetime) -> datetime:
    """72 hours after the first attempt, or when the event is over, whichever comes first."""
    latest = (claim.first_tried or now) + _GIVE_UP
    closes_at = claim.event.closes_at if claim.event and claim.message.kind.calendar else None
    return min(latest, closes_at) if closes_at else latest
