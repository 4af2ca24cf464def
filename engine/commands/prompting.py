"""Limits on mail that strangers prompt, so that no one is flooded, and not in an organizer's name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from engine.commands.base import Work
from engine.mail.incoming.dmarc import organizational_domain
from engine.model.counters import Prompt
from engine.store.rules import person

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


class Cause(StrEnum):
    """The kind of mail that a stranger's mail prompts.

    REPEAT: a notice that a proven mail changed nothing; whoever has such a mail may relay it again and again.
    SEVERAL: a notice that several people answer one invite.
    SIGN_IN: a link that anybody may ask for on a page; SIGN_IN_PROVEN: one for which its reader has written.
    """

    QUESTION = "question"
    NOTICE = "notice"
    REPEAT = "repeat"
    REFRESH = "refresh"
    PROPOSAL = "proposal"
    DELEGATE = "delegate"
    SEVERAL = "several"
    SIGN_IN = "sign_in"
    SIGN_IN_PROVEN = "sign_in_proven"


@dataclass(frozen=True, slots=True)
class _Bound:
    """Mails to one address in a `period`; to one registered domain, for one organizer, and in all, in an hour."""

    address: int
    period: timedelta
    domain: int
    organizer: int
    all: int


_BOUNDS = {
    Cause.QUESTION: _Bound(1, _DAY, domain=10, organizer=20, all=100),
    Cause.NOTICE: _Bound(10, _HOUR, domain=20, organizer=20, all=100),
    Cause.REPEAT: _Bound(20, _HOUR, domain=200, organizer=20, all=2_000),
    Cause.REFRESH: _Bound(10, _HOUR, domain=100, organizer=100, all=1_000),
    Cause.PROPOSAL: _Bound(30, _HOUR, domain=300, organizer=30, all=1_000),
    Cause.SEVERAL: _Bound(1, _DAY, domain=20, organizer=20, all=100),
    Cause.DELEGATE: _Bound(20, _DAY, domain=60, organizer=60, all=200),
    Cause.SIGN_IN: _Bound(20, _DAY, domain=100, organizer=20, all=1_000),
    Cause.SIGN_IN_PROVEN: _Bound(20, _DAY, domain=100, organizer=20, all=1_000),
}


async def prompted(work: Work, cause: Cause, address: str, organizer: str) -> bool:
    """Count one more mail to `address` on behalf of `organizer`; False, and none is counted, past a bound."""
    host = address.rpartition("@")[2]
    domain = organizational_domain(host) or host
    prompt = Prompt(
        kind=cause.value, address=person(address), domain=domain, organizer=organizer, at=work.now
    )
    bound = _BOUNDS[cause]
    lately = await work.unit.prompts(prompt, work.now - _HOUR)
    before = await work.unit.prompts(prompt, work.now - bound.period)
    counts = (before.address, lately.domain, lately.organizer, lately.all)
    limits = (bound.address, bound.domain, bound.organizer, bound.all)
    if any(count >= limit for count, limit in zip(counts, limits, strict=True)):
        return False
    await work.unit.add_prompt(prompt)
    return True
