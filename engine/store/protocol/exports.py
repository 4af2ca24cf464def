"""Whole tables, read a page at a time, as an export asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Protocol

from engine.model.answers import Receipt
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.exports import ExportQuery
from engine.model.messages import Message
from engine.model.people import Attendee


class Exports(Protocol):
    """What an export reads, in pages small enough for memory."""

    async def events_in_order(
        self, organizer: str | None, after: str, limit: int
    ) -> tuple[list[tuple[Event, Statistics]], str]:
        """Events in order of their uid, which never changes, with their counters; and the uid to go on after, or an
        empty one after the last page."""
        ...

    def attendees_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Attendee]]:
        """The attendees of these events who were invited in the given time, withdrawn ones included."""
        ...

    def messages_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Message]]:
        """The calendar mails of these events that were owed in the given time."""
        ...

    def receipts_of(self, uids: Collection[str], query: ExportQuery) -> AsyncIterator[list[Receipt]]:
        """The answers to these events that came in the given time."""
        ...
