"""Counts of mails per hour, for the limit of the whole installation in 24 hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from engine.store.rules import hour, left_of_day
from engine.store.sqlite.session import Session

# what left before these counters were there
SENT_HOURS = """
CREATE TABLE sent_hour (hour INTEGER PRIMARY KEY, n INTEGER NOT NULL) STRICT;
INSERT INTO sent_hour SELECT CAST(settled / 3600 AS INTEGER), count(*) FROM message
    WHERE state = 'sent' AND settled >= unixepoch() - 90000 GROUP BY 1;
"""
_HOURS = 24
MISCOUNTED = (
    "SELECT count(*) AS n FROM (SELECT CAST(settled / 3600 AS INTEGER) AS hour, count(*) AS n FROM message "
    "WHERE state = 'sent' AND settled >= (SELECT min(hour) * 3600 FROM sent_hour) GROUP BY 1) s "
    "JOIN sent_hour h ON h.hour = s.hour WHERE h.n < s.n"
)
"""The query for hours with a count below the mails that left. A bounced mail did leave, and stays counted."""


class DayLimit(Session):
    """The part of a unit of work that counts mails by the hour."""

    async def count_sent(self, n: int, now: datetime) -> None:
        """Count mails that a mail server accepted; hours too old for any limit are deleted."""
        if not n:
            return
        await self.run(
            "INSERT INTO sent_hour VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", [hour(now), n]
        )
        await self.run("DELETE FROM sent_hour WHERE hour < ?", [hour(now) - _HOURS])

    async def count_sent_at(self, times: Sequence[datetime], now: datetime) -> None:
        """Count mails that left at these times."""
        recent = Counter(hour(at) for at in times if hour(at) >= hour(now) - _HOURS)
        for one, n in recent.items():
            await self.run(
                "INSERT INTO sent_hour VALUES (?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", [one, n]
            )
        await self.run("DELETE FROM sent_hour WHERE hour < ?", [hour(now) - _HOURS])

    async def left_today(self, limit: int, now: datetime) -> int:
        """How many mails may still be claimed, given those that left within 24 hours and those leased now."""
        row = await self.one(
            "SELECT (SELECT coalesce(sum(n), 0) FROM sent_hour WHERE hour >= ?) "
            "+ (SELECT coalesce(sum(json_array_length(run)), 0) FROM lease) AS n",
            [hour(now) - _HOURS],
        )
        return left_of_day(limit, int(row["n"]) if row else 0)
