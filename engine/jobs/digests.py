"""Daily, from `CIS_DIGEST_HOUR` on, mails each owner of keys what their agents did and are waiting for."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.commands.agents.digests import OweDigest, digest_text
from engine.commands.notices import spoken
from engine.engine import SYSTEM, Engine
from engine.jobs.accounts import key_day
from engine.jobs.turns import each
from engine.model.keys import Key

_DAY = timedelta(days=1)
_WAITING_MAX = 100


def due(engine: Engine, last: datetime | None) -> bool:
    """True if the hour for today's digests has come and they have not been written since."""
    now, hour = engine.clock(), engine.settings.digest_hour
    if hour < 0 or now.hour < hour:
        return False
    return last is None or last.date() < now.date() or last.hour < hour


async def step(engine: Engine) -> int:
    """Write today's digest for every owner who has none yet; return how many were written."""
    now = engine.clock()
    keys = [key for key in await engine.store.keys() if key.owner]
    owners = sorted({key.owner for key in keys})
    return sum(
        await each(_owe(engine, owner, [k for k in keys if k.owner == owner], now) for owner in owners)
    )


async def _owe(engine: Engine, owner: str, keys: list[Key], now: datetime) -> bool:
    """Owe the digest of all since the last one; True if there was something to say."""
    async with engine.store.unit() as unit:
        since = await unit.last_digest(owner) or now - _DAY
    lately = [key for key in keys if not key.ended(since)]
    if not lately:
        return False
    text = await _text(engine, owner, lately, since, now)
    return (await engine.apply(OweDigest(owner=owner, until=now, text=text), SYSTEM)).worked


async def _text(engine: Engine, owner: str, keys: list[Key], since: datetime, now: datetime) -> str:
    days = [await key_day(engine, key, now, since) for key in keys]
    waiting = await engine.store.held_actions(None, waiting=True, limit=_WAITING_MAX, asked=owner)
    waiting = [held for held in waiting if held.state_at(now) == "waiting"]
    language = spoken(await engine.organizer_language(owner))
    return digest_text(days, waiting, await engine.signed_head(), now, language)
