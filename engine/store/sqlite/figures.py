"""Figures for monitoring, only from counters and indexes, so that their cost does not grow with the data."""

from __future__ import annotations

from engine.model.counters import Figures
from engine.store.sqlite import rows
from engine.store.sqlite.counters import counted, summed
from engine.store.sqlite.lease_schema import LEASED
from engine.store.sqlite.session import Session
from engine.store.sqlite.states import DUE

_FIRST = "SELECT * FROM (SELECT due AS t FROM message WHERE {} AND id NOT IN {} AND priority = {} ORDER BY due LIMIT 1)"
FIRST_DUE = " UNION ALL ".join(_FIRST.format(DUE, LEASED, priority) for priority in (0, 1))
"""The query for when the first unleased message of each priority is due."""
_OLDEST = f"SELECT min(t) AS t FROM ({FIRST_DUE})"
_COUNTERS = counted("system", "''")
_FAILURES = "SELECT name, n FROM tally WHERE scope = 'failure' AND key = ''"
_CAMPAIGNS = "SELECT state, count(*) AS n FROM campaign WHERE state IN ('running','paused') GROUP BY 1"


class FigureQueries(Session):
    """The questions for monitoring figures."""

    async def figures(self) -> Figures:
        """Figures of the ledger and of the answers."""
        by_group: dict[str, dict[str, int]] = {"delivery": {}, "rsvp": {}}
        found = await self.all(_COUNTERS)
        for name, n in summed((row["name"], row["n"]) for row in found).items():
            group, _, member = name.partition(".")
            if group in by_group:
                by_group[group][member] = n
        failures = await self.all(_FAILURES)
        oldest = await self.one(_OLDEST)
        campaigns = await self.all(_CAMPAIGNS)
        return Figures(
            messages=by_group["delivery"],
            answers=by_group["rsvp"],
            failures={row["name"]: row["n"] for row in failures},
            campaigns={row["state"]: row["n"] for row in campaigns},
            oldest_due=rows.moment(oldest["t"]) if oldest else None,
        )
