"""How soon people answer: the time from each person's first invite to their first receipt."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import TypeVar

from engine.model.timing import HOURS_MAX, AnswerTimes, SendHour
from engine.store.sqlite import rows
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")

_SCOPES = {"event": "e.uid = ?1", "organizer": "e.organizer = ?1"}
_SENT = (
    "sent AS (SELECT m.event_uid, m.email, min(m.settled) AS at FROM event e "
    "JOIN message m ON m.event_uid = e.uid AND m.method = 'REQUEST' "
    "JOIN attendee a ON a.event_uid = m.event_uid AND a.email = m.email "
    "WHERE {} AND m.kind = 'invite' AND m.state = 'sent' AND a.withdrawn IS NULL GROUP BY m.event_uid, m.email)"
)
_FIRST = (
    "both AS (SELECT at, (SELECT min(arrived) FROM receipt r WHERE r.event_uid = sent.event_uid "
    "AND r.email = sent.email AND r.counted = 1) AS answered FROM sent)"
)


class Timings(Session):
    """Questions about the time between an invite and its answer."""

    async def answer_times(self, event_uid: str) -> AnswerTimes:
        both = f"WITH {_SENT.format(_SCOPES['event'])}, {_FIRST}"
        found = await self.all(
            f"{both} SELECT CASE WHEN answered IS NULL THEN NULL ELSE "
            f"min(cast(max(0, answered - at) / 3600 AS INTEGER), {HOURS_MAX}) END AS hour, count(*) AS n "
            "FROM both GROUP BY 1 ORDER BY 1",
            [event_uid],
        )
        hours = tuple((row["hour"], row["n"]) for row in found if row["hour"] is not None)
        answered = sum(n for _, n in hours)
        middle = await self.one(
            f"{both} SELECT avg(s) AS median FROM (SELECT max(0, answered - at) AS s FROM both "
            "WHERE answered IS NOT NULL ORDER BY s LIMIT 2 - (?2 % 2) OFFSET (?2 - 1) / 2)",
            [event_uid, max(answered, 1)],
        )
        median = middle["median"] if middle else None
        return AnswerTimes(
            sent=sum(row["n"] for row in found), answered=answered, median_s=median, by_hour=hours
        )

    async def send_hours(self, scope: str, key: str) -> list[SendHour]:
        found = await self.all(
            f"WITH {_SENT.format(_SCOPES[scope])}, {_FIRST} SELECT cast(at / 3600 AS INTEGER) AS hour, "
            "count(*) AS n, count(answered) AS answered FROM both GROUP BY 1 ORDER BY 1",
            [key],
        )
        return [
            SendHour(at=rows.at(row["hour"] * 3600.0), sent=row["n"], answered=row["answered"])
            for row in found
        ]

    async def report_sent(self, event_uid: str) -> bool:
        sql = "SELECT 1 FROM message WHERE event_uid = ? AND kind = 'report' AND state = 'sent' LIMIT 1"
        return await self.one(sql, [event_uid]) is not None


class TimingAnswers:
    """The store's questions about how soon people answer."""

    @abstractmethod
    async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def answer_times(self, event_uid: str) -> AnswerTimes:
        return await self._in_thread(lambda s: Timings(s).answer_times(event_uid))

    async def report_sent(self, event_uid: str) -> bool:
        return await self._in_thread(lambda s: Timings(s).report_sent(event_uid))

    async def send_hours(self, scope: str, key: str) -> list[SendHour]:
        return await self._in_thread(lambda s: Timings(s).send_hours(scope, key))
