"""Whole tables of the store in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection

from engine.model.answers import Receipt
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.exports import ExportQuery
from engine.model.messages import Message
from engine.model.people import Attendee
from tests.support.memory.ledger import shown
from tests.support.memory.tables import Tables


class Exported:
    """What an export reads."""

    _kept: Tables

    async def events_in_order(
        self, organizer: str | None, after: str, limit: int
    ) -> tuple[list[tuple[Event, Statistics]], str]:
        mine = self._kept.where("event", lambda e: organizer in {None, e.organizer} and e.uid > after)
        page = sorted(mine, key=lambda e: e.uid)[:limit]
        pairs = [(e, await self.statistics("event", e.uid)) for e in page]  # type: ignore[attr-defined]
        return pairs, page[-1].uid if len(page) == limit else ""

    async def attendees_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Attendee]]:
        found = self._kept.where("attendee", lambda a: a.event_uid in uids and query.fits(a.created))
        yield sorted(found, key=lambda a: (a.event_uid, a.email))

    async def messages_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Message]]:
        messages = [shown(row) for row in self._kept.of("message").values()]
        found = [m for m in messages if m.event_uid in uids and m.method and query.fits(m.created)]
        yield sorted(found, key=lambda m: (m.event_uid or "", m.email))

    async def receipts_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Receipt]]:
        found = self._kept.where("receipt", lambda r: r.event_uid in uids and query.fits(r.arrived))
        yield sorted(found, key=lambda r: (r.event_uid, r.email))
