"""How soon people answer: the time from each person's first invite to their first receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from statistics import median

from engine.model.messages import Kind, MessageState
from engine.model.timing import HOURS_MAX, AnswerTimes, SendHour
from engine.store.dynamodb.attendees import RECEIPTS
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.ledger import LedgerQuestions
from engine.store.dynamodb.owed import INVITEES, Invitee, Owed, reports_sent

_HOUR_S = 3_600
Pair = tuple[datetime, datetime | None]
"""When an invite was sent, and when its first answer arrived."""


class TimingQuestions(LedgerQuestions):
    """Questions about the time between an invite and its answer, which read all people of an event."""

    async def _pairs(self, event_uid: str) -> list[Pair]:
        first: dict[str, datetime] = {}
        async for kept in self.rows.each_under(RECEIPTS, event_uid, "receipt"):
            r = kept.receipt
            if r.counted:
                first[r.email] = min(first.get(r.email, r.arrived), r.arrived)
        return [(at, first.get(email)) async for email, at in self._sent_to(event_uid)]

    async def _sent_to(self, event_uid: str) -> AsyncIterator[tuple[str, datetime]]:
        async for invitee in self.rows.each_under(INVITEES, event_uid, "attendee"):
            if invitee.attendee.withdrawn is not None:
                continue
            sent = [o.message.settled for o in await self._invites(invitee) if o.message.settled]
            if sent:
                yield invitee.attendee.email, min(sent)

    async def _invites(self, invitee: Invitee) -> list[Owed]:
        """The invites that were sent to a person."""
        newest = [invitee.newest] if invitee.newest else []
        of_past = any(p.kind is Kind.INVITE and p.state is MessageState.SENT for p in invitee.past)
        rows = [*(await self.older(invitee) if of_past else []), *newest]
        return [o for o in rows if o.message.kind is Kind.INVITE and o.message.state is MessageState.SENT]

    async def answer_times(self, event_uid: str) -> AnswerTimes:
        """How long after their invite the people of an event first answered."""
        pairs = await self._pairs(event_uid)
        waits = [max(0.0, (answer - at).total_seconds()) for at, answer in pairs if answer]
        hours = Counter(min(int(wait // _HOUR_S), HOURS_MAX) for wait in waits)
        return AnswerTimes(
            sent=len(pairs),
            answered=len(waits),
            median_s=median(waits) if waits else None,
            by_hour=tuple(sorted(hours.items())),
        )

    async def report_sent(self, event_uid: str) -> bool:
        """True if a mail server accepted a report of the event."""
        key = reports_sent(event_uid)
        return bool((await self.items.numbers([key]))[key].get("sent"))

    async def send_hours(self, scope: str, key: str) -> list[SendHour]:
        """The hours in which invites of an event or an organizer were sent, in order, with the answers to them."""
        uids = [key]
        if scope == "organizer":
            uids = [event.uid async for event in self.rows.each_by(EVENTS, "organizer", key)]
        sent, answered = Counter[int](), Counter[int]()
        for uid in uids:
            for at, answer in await self._pairs(uid):
                hour = int(at.timestamp() // _HOUR_S)
                sent[hour] += 1
                answered[hour] += answer is not None
        return [
            SendHour(at=datetime.fromtimestamp(hour * _HOUR_S, UTC), sent=n, answered=answered[hour])
            for hour, n in sorted(sent.items())
        ]
