"""How things stand, by counters and indexes alone: it takes no longer where there is much."""

from __future__ import annotations

from engine.model.records import Figures
from engine.store.sqlite import rows
from engine.store.sqlite.schema import DUE
from engine.store.sqlite.session import Session

_OLDEST = (
    f"SELECT min(t) AS t FROM (SELECT min(due) AS t FROM message WHERE {DUE} AND priority = 0 "
    f"UNION ALL SELECT min(due) FROM message WHERE {DUE} AND priority = 1)"
)
_COUNTERS = (
    "SELECT scope, name, n FROM tally WHERE scope = 'failure' AND key = '' "
    "UNION ALL SELECT scope, name, n FROM tally WHERE scope = 'system' AND key = ''"
)
_CAMPAIGNS = "SELECT state, count(*) AS n FROM campaign WHERE state IN ('running','paused') GROUP BY 1"


class FigureQueries(Session):
    """The figures that whoever watches over the server wants to see."""

    async def figures(self) -> Figures:
        """The state of the ledger and of the answers."""
        found = await self.all(_COUNTERS)
        by_group: dict[str, dict[str, int]] = {"delivery": {}, "rsvp": {}}
        for row in found:
            group, _, member = row["name"].partition(".")
            if row["scope"] == "system" and group in by_group:
                by_group[group][member] = row["n"]
        oldest = await self.one(_OLDEST)
        campaigns = await self.all(_CAMPAIGNS)
        return Figures(
            messages=by_group["delivery"],
            answers=by_group["rsvp"],
            failures={row["name"]: row["n"] for row in found if row["scope"] == "failure"},
            campaigns={row["state"]: row["n"] for row in campaigns},
            oldest_due=rows.moment(oldest["t"]) if oldest else None,
        )
