"""A summary of one key for its owner: its actions, remaining limits, refusals and pending requests."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta

from engine.commands.agents.digests import KeyDay, LastAction, counted
from engine.commands.agents.limits import ShowKeyLimits
from engine.engine import SYSTEM, Engine
from engine.model import record
from engine.model.keys import Key

_DAY = timedelta(days=1)
_ROWS_MAX = 2_000
"""The most rows read for one key; if there are more, the newest count."""
_HELD_MAX = 100
_LAST = 5


async def key_day(engine: Engine, key: Key, now: datetime, since: datetime | None = None) -> KeyDay:
    """What a key did since then, or in 24 hours, what its limits leave it today, and its requests that wait."""
    rows = await _rows(engine, key)
    after, until = record.moment(since or now - _DAY), record.moment(now)
    lately = [row for row in rows if after < str(row["at"]) <= until]
    limits = (await engine.apply(ShowKeyLimits(key_id=key.id), SYSTEM)).limits
    held = await engine.store.held_actions(key.address, waiting=True, limit=_HELD_MAX)
    return KeyDay(
        key=key,
        done=counted(lately),
        limits=limits,
        refused=_refused(lately),
        held=tuple(one for one in held if one.actor.key == key.id and one.state_at(now) == "waiting"),
        last=tuple(_last(row) for row in rows[:_LAST]),
    )


def _refused(rows: list[dict[str, object]]) -> tuple[tuple[str, int], ...]:
    """How often each bound refused something, or would have if it only observes."""
    found: Counter[str] = Counter()
    for row in rows:
        times = row.get("times", 1)
        assert isinstance(times, int)
        observed = row.get("observed", [])
        assert isinstance(observed, list)
        for bound in [*([str(row["bound"])] if row.get("bound") else []), *map(str, observed)]:
            found[bound] += times
    return tuple(found.most_common())


def _last(row: dict[str, object]) -> LastAction:
    why = row.get("bound") or row.get("code") or ""
    return LastAction(
        at=str(row["at"]),
        command=str(row.get("command", "")),
        outcome=str(row.get("outcome", "")),
        why=str(why),
    )


async def _rows(engine: Engine, key: Key) -> list[dict[str, object]]:
    """The record's rows about a key, newest first."""
    return [json.loads(row.body) for row in await engine.store.newest_rows(key.id, None, _ROWS_MAX)]
