"""A mail that does several things: whether it may reach so many people is decided before the first is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine.commands.base import Done, Work
from engine.commands.intake import NoChange
from engine.commands.mails import first_proof
from engine.commands.mails.first_proof import GROWN, IntendedChange
from engine.engine import SYSTEM, Engine
from engine.inbox.handling.once import limited
from engine.inbox.handling.received import Outcome, ReceivedMail

Rehearsal = Callable[[ReceivedMail], Awaitable[Sequence[Outcome]]]


async def weighed(engine: Engine, received: ReceivedMail, rehearsal: Rehearsal) -> ReceivedMail:
    """The mail, to be carried out part by part. Raises NewProof where all together would reach too many.

    `rehearsal` does everything to a mail with which all is undone again; most mails have a known proof and need none.
    """
    if (
        received.rehearsed
        or received.weighed
        or not limited(engine.settings, received)
        or await _known(engine, received)
    ):
        return received
    outcomes = await rehearsal(received.model_copy(update={"rehearsed": True}))
    await reserved(engine, received, [doing for outcome in outcomes for doing in outcome.doings])
    return received.model_copy(update={"weighed": True})


async def _known(engine: Engine, received: ReceivedMail) -> bool:
    proven, before = received.proven, engine.clock() - GROWN
    return await engine.store.knows_proof(proven.organizer, proven.digests, before)


async def reserved(engine: Engine, received: ReceivedMail, doings: Sequence[IntendedChange]) -> None:
    """Count the people in the store, where other mails' are counted. Raises NewProof."""

    async def also(work: Work, _: Done) -> None:
        await first_proof.reserve(work, received.proven, doings)

    await engine.apply(NoChange(), SYSTEM, also=also)
