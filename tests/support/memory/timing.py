"""How soon people answer, of the store in memory."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from engine.model.messages import Kind, MessageState
from engine.model.timing import HOURS_MAX, AnswerTimes, SendHour
from tests.support.memory.tables import Tables


class Timings:
    """The questions about the time between an invite and its answer."""

    _kept: Tables

    async def answer_times(self, event_uid: str) -> AnswerTimes:
        both = list(self._both("event", event_uid))
        taken = [max(0.0, answered - sent) for sent, answered in both if answered is not None]
        hours = Counter(min(int(s // 3600), HOURS_MAX) for s in taken)
        return AnswerTimes(
            sent=len(both),
            answered=len(taken),
            median_s=statistics.median(taken) if taken else None,
            by_hour=tuple(sorted(hours.items())),
        )

    async def report_sent(self, event_uid: str) -> bool:
        messages = [row.message for row in self._kept.of("message").values()]
        return any(
            (m.event_uid, m.kind, m.state) == (event_uid, Kind.REPORT, MessageState.SENT) for m in messages
        )

    async def send_hours(self, scope: str, key: str) -> list[SendHour]:
        both = list(self._both(scope, key))
        sent = Counter(int(at // 3600) for at, _ in both)
        answered = Counter(int(at // 3600) for at, first in both if first is not None)
        return [
            SendHour(at=datetime.fromtimestamp(hour * 3600, UTC), sent=n, answered=answered[hour])
            for hour, n in sorted(sent.items())
        ]

    def _both(self, scope: str, key: str) -> Iterator[tuple[float, float | None]]:
        sent: dict[tuple[str, str], float] = {}
        for row in self._kept.of("message").values():
            one = row.message
            event = self._kept.get("event", one.event_uid)
            mine = event and key == (event.uid if scope == "event" else event.organizer)
            if mine and one.kind is Kind.INVITE and one.state is MessageState.SENT:
                at = one.settled.timestamp()
                sent[one.event_uid, one.email] = min(at, sent.get((one.event_uid, one.email), at))
        for person, at in sent.items():
            attendee = self._kept.get("attendee", person)
            if attendee and attendee.withdrawn is None:
                yield at, self._first(person)

    def _first(self, person: tuple[str, str]) -> float | None:
        found = self._kept.where("receipt", lambda r: r.counted and (r.event_uid, r.email) == person)
        return min((r.arrived.timestamp() for r in found), default=None)
