"""Counts of mails per hour, for the limit of the whole installation in 24 hours."""

from __future__ import annotations

from datetime import datetime

from engine.store import rules
from engine.store.dynamodb.names import joined, number
from engine.store.dynamodb.session import summed
from engine.store.dynamodb.tallies import Counting, Tallies

_HOURS = 24
SENT_HOURS = joined("sent")
_N = "n"


class SentHoursRead(Tallies):
    """Questions about these counters."""

    async def sent_within_day(self, now: datetime) -> int:
        """How many mails left within 24 hours, to the hour."""
        since = number(rules.hour(now) - _HOURS)
        found = await self.items.numbers_under(SENT_HOURS, after=since)
        return summed(found.values()).get(_N, 0)


class SentHours(SentHoursRead, Counting):
    """Changes of these counters in a unit of work."""

    def count_sent(self, n: int, at: datetime) -> None:
        """Count mails that a mail server accepted."""
        self.items.add((SENT_HOURS, joined(number(rules.hour(at)), self.shard)), _N, n)
