"""The bounds that hold for an actor, read anew for each command, so that a narrowed bound applies at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.model.actors import Actor
from engine.model.keys import UNBOUNDED, Key, Standing
from engine.refusals import Code, Refused
from engine.store.protocol import Unit

STOPPED = "stopped"
"""The bound by which a stopped key is refused."""


async def standing_of(unit: Unit, actor: Actor, now: datetime) -> Standing:
    """The keys whose bounds hold for `actor`, as they are now. Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS."""
    if actor.kind == "organizer":
        return await _of_mail(unit, actor.address, now)
    if not actor.chain:
        return UNBOUNDED
    found = await unit.standing(actor.chain)
    if len(found.keys) < len(set(actor.chain)) or found.ended(now):
        raise Refused(Code.NOT_ALLOWED, "This key has ended.", "Ask the operator for a new one.")
    if found.stopped:
        raise key_stopped()
    return found


def key_stopped() -> Refused:
    """The refusal of all that a stopped key asks for (OUT_OF_BOUNDS)."""
    return Refused(
        Code.OUT_OF_BOUNDS,
        "This key is stopped: it can change nothing, and its mail waits.",
        "Ask its owner to resume it.",
        bound=STOPPED,
    )


async def acting_for(unit: Unit, address: str) -> list[Key]:
    """The keys that act for `address`, ended ones among them; those of the reference API act for nobody by name."""
    return [key for key in await unit.keys_for(address) if not key.api]


async def live(unit: Unit, keys: Iterable[Key], now: datetime) -> list[Key]:
    """Those of `keys` that have not ended, nor a key above them."""
    return [
        key
        for key in keys
        if not (key.ended(now) or (key.above and (await unit.standing(key.above)).ended(now)))
    ]


async def _of_mail(unit: Unit, address: str, now: datetime) -> Standing:
    """Mail from an address for which keys act stays within the bounds of all that are live.

    Else an agent that may read that mailbox would write mails where its key is refused. Where none is live, it waits.
    """
    bounded = [key for key in await acting_for(unit, address) if key.bounds]
    if not bounded:
        return UNBOUNDED
    acting = await live(unit, bounded, now)
    found = await unit.standing(list(dict.fromkeys(one for key in acting for one in key.chain)))
    if not acting or found.stopped:
        return Standing((), {}, unkeyed=tuple(bounded))
    return found
