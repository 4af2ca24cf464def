"""Questions for whole tables: the operator gets all rows, an organizer their own."""

from __future__ import annotations

from collections.abc import AsyncIterator

from engine.exporting import cells
from engine.model.actors import Actor
from engine.model.exports import LINKS_MAX, Cells, ExportQuery, Table
from engine.ownership import refuse_addresses
from engine.refusals import Code, Refused
from engine.store.protocol import Store

_EVENTS_AT_ONCE = 200
_RUNNING_MAX, _OF_ONE = 3, 2
"""Exports that one process writes at a time for all organizers, and for one of them; as many as for all again for the
operator, so that no organizer holds up the nightly export."""

_LATER = "Try again when one has ended."


class ExportQuestions:
    """Reads tables a page at a time."""

    store: Store
    _exporting: tuple[str, ...] = ()
    """Whose exports are under way; the operator's are nobody's."""

    def table_rows(
        self, query: ExportQuery, actor: Actor, *, masked: bool = True
    ) -> AsyncIterator[list[Cells]]:
        """Rows of a table in the order of its columns, in pages; what changes meanwhile may or may not be among them.

        Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT, BUSY.
        """
        query = query.model_copy(update={"organizer": _organizer(query, actor)})
        if not masked:
            refuse_addresses(actor)
        if query.since and query.until and query.since >= query.until:
            raise Refused(Code.INVALID_ARGUMENT, "since must be before until.")
        whose = "" if actor.everywhere else actor.address
        self._refuse_more(whose)
        return self._counted(query, whose, masked=masked)

    def _refuse_more(self, whose: str) -> None:
        mine, operators = self._exporting.count(whose), self._exporting.count("")
        if whose and mine >= _OF_ONE:
            raise Refused(Code.BUSY, f"{mine} exports of yours are under way.", _LATER)
        if (len(self._exporting) - operators if whose else operators) >= _RUNNING_MAX:
            raise Refused(Code.BUSY, f"{_RUNNING_MAX} exports are under way.", _LATER)

    async def _counted(self, query: ExportQuery, whose: str, *, masked: bool) -> AsyncIterator[list[Cells]]:
        # Again, since others may have begun between the request and its first row.
        self._refuse_more(whose)
        self._exporting = (*self._exporting, whose)
        try:
            async for page in self._rows(query):
                yield cells.masked(query.table, page) if masked else page
        finally:
            left = list(self._exporting)
            left.remove(whose)
            self._exporting = tuple(left)

    async def _rows(self, query: ExportQuery) -> AsyncIterator[list[Cells]]:
        if query.table is Table.LINKS:
            yield [
                cells.link_cells(link, await self.store.link_counts(link.id))
                for link in await self.store.links(query.organizer, LINKS_MAX)
                if query.fits(link.created)
            ]
            return
        after = ""
        while True:
            found, after = await self.store.events_in_order(query.organizer, after, _EVENTS_AT_ONCE)
            if query.table is Table.EVENTS:
                yield [
                    cells.event_cells(event, counted) for event, counted in found if query.fits(event.created)
                ]
            elif found:
                async for page in self._of_events(query, {event.uid: event.organizer for event, _ in found}):
                    yield page
            if not after:
                return

    async def _of_events(self, query: ExportQuery, owners: dict[str, str]) -> AsyncIterator[list[Cells]]:
        """What belongs to these events, each with the address of its organizer."""
        if query.table is Table.ATTENDEES:
            async for people in self.store.attendees_of(owners, query):
                yield [cells.attendee_cells(one, owners[one.event_uid]) for one in people]
        elif query.table is Table.MESSAGES:
            async for messages in self.store.messages_of(owners, query):
                yield [cells.message_cells(one) for one in messages]
        else:
            async for receipts in self.store.receipts_of(owners, query):
                yield [cells.receipt_cells(one, owners[one.event_uid]) for one in receipts]


def _organizer(query: ExportQuery, actor: Actor) -> str | None:
    """Whose rows: of everybody only for the operator. Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT."""
    if not actor.may_read:
        raise Refused(Code.NOT_ALLOWED, "This key may not read: it lacks “read”.")
    named = (query.organizer or "").strip().lower()
    if named.startswith("@") or (actor.domain and not named):
        raise Refused(Code.INVALID_ARGUMENT, f"Name one of the organizers at {named or actor.domain}.")
    if actor.everywhere:
        return named or None
    if not actor.owns(named or actor.address):
        raise Refused(Code.NOT_ALLOWED, "Those are another organizer's.", "Leave organizer out for yours.")
    return named or actor.address
