"""Forgets the people whom a shop asks to forget: again and again, until it has happened or cannot."""

from __future__ import annotations

import logging

from engine.commands.orders.ordering import AskToForget, SettleRedaction
from engine.engine import SYSTEM, Engine
from engine.inbox.forgetting import forget
from engine.model.forgetting import DOMAIN
from engine.model.plans import REDACTION_OPEN, SHOP, Redaction
from engine.refusals import Code, Refused

log = logging.getLogger(__name__)

_AT_ONCE = 20
_OPEN = 1_000
_PURCHASES = 1_000_000


async def step(engine: Engine) -> int:
    """Forget the people whose requests can be carried out now; returns how many were."""
    gone = 0
    waiting = await engine.store.redactions(_OPEN, open_only=True)
    # Those with whom it failed before come last, so that they hold up nobody.
    for redaction in sorted(waiting, key=lambda one: REDACTION_OPEN.index(one.code))[:_AT_ONCE]:
        if redaction.address == SHOP:
            await _begin_shop(engine)
            continue
        code = await _forgotten(engine, redaction)
        gone += not code
        if code != redaction.code or not code:
            await engine.apply(SettleRedaction(address=redaction.address, code=code), SYSTEM)
    return gone


async def _begin_shop(engine: Engine) -> None:
    """Ask for everybody to be forgotten who bought in the shop."""
    for buyer in {one.buyer for one in await engine.store.purchases(_PURCHASES)}:
        if buyer and not buyer.endswith(f"@{DOMAIN}"):
            await engine.apply(AskToForget(address=buyer), SYSTEM)
    await engine.apply(SettleRedaction(address=SHOP), SYSTEM)


async def _forgotten(engine: Engine, asked: Redaction) -> str:
    """Empty once the person is forgotten; else the code of what stands against it."""
    try:
        await forget(engine, asked.address, SYSTEM)
    except Refused as refused:
        if refused.code is not Code.BUSY:
            log.warning("a shop asks for somebody to be forgotten who cannot be: %s", refused.code)
        return refused.code.value
    except Exception:
        if asked.code != Code.INTERNAL:
            log.exception("forgetting somebody failed; trying again, after the others")
        return Code.INTERNAL.value
    return ""
