"""Whole tables in pages: events in order, and the rows of each page of events, partition by partition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import TypeVar

from engine.model.answers import Receipt
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.exports import ExportQuery
from engine.model.messages import Message
from engine.model.people import Attendee
from engine.store.dynamodb.attendees import RECEIPTS
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.owed import INVITEES
from engine.store.dynamodb.searching import SearchQuestions
from engine.store.dynamodb.statistics import StatisticsQuestions, shown, with_held

T = TypeVar("T")
_PAGE = 1_000
_AT_ONCE = 20
"""The most events whose counters are read at the same time."""


class ExportQuestions(SearchQuestions, StatisticsQuestions):
    """The store's questions for whole tables."""

    async def events_in_order(
        self, organizer: str | None, after: str, limit: int
    ) -> tuple[list[tuple[Event, Statistics]], str]:
        """Events in order of their uid with their counters, and the uid to go on after; empty after the last page."""
        uids = await (await self.search_file()).in_order(organizer, after, limit)
        events = await self.rows.many(EVENTS, [(uid, "event") for uid in uids])
        held = list((await self.sending()).values())
        pairs: list[tuple[Event, Statistics]] = []
        for first in range(0, len(events), _AT_ONCE):
            some = events[first : first + _AT_ONCE]
            for event, counted in zip(some, await self._tallies(some), strict=True):
                mine = (o for o in held if o.message.kind.calendar and o.message.event_uid == event.uid)
                pairs.append((event, shown(with_held(counted, mine))))
        return pairs, uids[-1] if len(uids) == limit else ""

    async def _tallies(self, events: Collection[Event]) -> list[dict[str, int]]:
        return await asyncio.gather(*(self.event_tally(event.uid) for event in events))

    async def attendees_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Attendee]]:
        """The attendees of these events who were invited in the requested time, withdrawn or not."""
        async for page in _pages(self._attendees(uids, query)):
            yield page

    async def _attendees(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[Attendee]:
        for uid in sorted(uids):
            async for invitee in self.rows.each_under(INVITEES, uid, "attendee"):
                if _within(query, invitee.attendee.created):
                    yield invitee.attendee

    async def messages_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Message]]:
        """The calendar mails of these events that were owed in the requested time."""
        held = await self.sending()
        async for page in _pages(self._messages(uids, query)):
            yield [await self.shown(held[m.id]) if m.id in held else m for m in page]

    async def _messages(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[Message]:
        for uid in sorted(uids):
            async for invitee in self.rows.each_under(INVITEES, uid, "attendee"):
                newest = [invitee.newest] if invitee.newest else []
                for owed in [*await self.older(invitee), *newest]:
                    if _within(query, owed.message.created):
                        yield owed.message

    async def receipts_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Receipt]]:
        """The answers to these events that arrived in the requested time."""
        async for page in _pages(self._receipts(uids, query)):
            yield page

    async def _receipts(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[Receipt]:
        for uid in sorted(uids):
            async for kept in self.rows.each_under(RECEIPTS, uid, "receipt"):
                if _within(query, kept.receipt.arrived):
                    yield kept.receipt


def _within(query: ExportQuery, at: datetime) -> bool:
    return (query.since is None or at >= query.since) and (query.until is None or at < query.until)


async def _pages(found: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    page: list[T] = []
    async for one in found:
        page.append(one)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page
