"""Whole tables in pages: events in order, and the rows of each page of events, by each table's index."""

from __future__ import annotations

import json
import sqlite3
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from typing import TypeVar

from engine.model.answers import Receipt
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.exports import ExportQuery
from engine.model.messages import Message
from engine.model.people import Attendee
from engine.store.sqlite import rows
from engine.store.sqlite.counters import counted, summed
from engine.store.sqlite.session import Session, Statements, as_list

T = TypeVar("T")

_PAGE = 1_000
_BEGINNING = ("", "", 0)


class Exported(Session):
    """Reads one page."""

    async def events_in_order(
        self, organizer: str | None, after: str, limit: int
    ) -> tuple[list[tuple[Event, Statistics]], str]:
        owner = "" if organizer is None else "organizer = ?3 AND "
        found = await self.all(
            f"SELECT body, uid, (SELECT json_group_array(json_array(name, n)) FROM "
            f"({counted('event', 'event.uid')})) AS counters FROM event WHERE uid IN "
            f"(SELECT uid FROM event WHERE {owner}uid > ?1 ORDER BY uid LIMIT ?2) ORDER BY uid",
            [after, limit, organizer][: 2 if organizer is None else 3],
        )
        pairs = [
            (rows.event(row), rows.statistics(summed(json.loads(row["counters"])).items())) for row in found
        ]
        return pairs, found[-1]["uid"] if len(found) == limit else ""

    async def page(
        self, select: str, dated: str, uids: Collection[str], query: ExportQuery, after: tuple[str, str, int]
    ) -> list[sqlite3.Row]:
        """Rows of these events after the given one, by event, address and id, the order of the indexes."""
        uid, email, last = after
        bounds = [(f"{dated} >= ?", rows.seconds(query.since)), (f"{dated} < ?", rows.seconds(query.until))]
        kept = [(sql, value) for sql, value in bounds if value is not None]
        where = " ".join(f"AND {sql}" for sql, _ in kept)
        values = [value for _, value in kept]
        if uid:
            whose, first = "event_uid = ? AND (email, id) > (?, ?)", [uid, email, last]
        else:
            whose, first = "event_uid IN (SELECT value FROM json_each(?))", [as_list(uids)]
        sql = f"{select} WHERE {whose} {where} ORDER BY event_uid, email, id LIMIT {_PAGE}"
        return await self.all(sql, [*first, *values])


class ExportAnswers:
    """The part of the store that reads whole tables."""

    @abstractmethod
    async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def events_in_order(
        self, organizer: str | None, after: str, limit: int
    ) -> tuple[list[tuple[Event, Statistics]], str]:
        return await self._in_thread(lambda s: Exported(s).events_in_order(organizer, after, limit))

    async def attendees_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Attendee]]:
        select = f"SELECT {rows.ATTENDEE} FROM attendee"
        async for page in self._pages(select, "created", uids, query):
            yield [rows.attendee(row) for row in page]

    async def messages_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Message]]:
        select = f"SELECT {rows.MESSAGE} FROM message"
        async for page in self._pages(select, "method IS NOT NULL AND created", uids, query):
            yield [rows.message(row) for row in page]

    async def receipts_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Receipt]]:
        select = "SELECT event_uid, email, id, body FROM receipt"
        async for page in self._pages(select, "arrived", uids, query):
            yield [Receipt.model_validate_json(row["body"]) for row in page]

    async def _pages(
        self, select: str, dated: str, uids: Collection[str], query: ExportQuery
    ) -> AsyncIterator[list[sqlite3.Row]]:
        """All rows of these events: of several events at once, or of one with more than a page until its end."""
        left = sorted(uids)
        after = _BEGINNING
        while left or after[0]:
            now, there = left, after
            page = await self._in_thread(lambda s: Exported(s).page(select, dated, now, query, there))  # noqa: B023
            if page:
                yield page
            if len(page) == _PAGE:
                after = (page[-1]["event_uid"], page[-1]["email"], page[-1]["id"])
                left = [uid for uid in left if uid > after[0]]
            elif after[0]:
                after = _BEGINNING
            else:
                return
