"""Rows of campaigns' lists: many in one item, with later skips in separate items."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

from engine.model.base import Value
from engine.model.list_rows import Recipient
from engine.refusals import Code
from engine.store.dynamodb.names import joined, number
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.tallies import Counting
from engine.store.dynamodb.windows import WindowQuestions

SKIPPED = "skipped"
"""The counter of rows that were skipped."""
_CHUNK = 500
"""The most rows of one item, if they are added together."""
_DROPPED_AT_ONCE = 25
_LAST = 10**11
"""A row number after the last row of every list."""


class Chunk(Value):
    """Consecutive rows."""

    list_id: str
    rows: tuple[Recipient, ...]


class Skip(Value):
    """A row that was skipped after its list was checked."""

    list_id: str
    row: int
    code: str


class Marked(Value):
    """The last row that was skipped after its list was checked, after which no skips need be searched."""

    list_id: str
    row: int


class Rest(Value):
    """All good rows of a list after one row and up to another, which were skipped together."""

    list_id: str
    after: int
    until: int
    code: str


CHUNKS = KindTable[Chunk](
    "list", Chunk, key=lambda c: (c.list_id, "rows", number(c.rows[0].row)), checked=False
)
SKIPS = KindTable[Skip](
    "list", Skip, key=lambda skip: (skip.list_id, "skip", number(skip.row)), checked=False
)
MARKED = KindTable[Marked]("list", Marked, key=lambda marked: (marked.list_id, "marked"), checked=False)
RESTS = KindTable[Rest]("list", Rest, key=lambda rest: (rest.list_id, "rest"), checked=False)


class ListQuestions(WindowQuestions):
    """Questions about lists."""

    async def each_row(self, list_id: str, after: int) -> AsyncIterator[Recipient]:
        """The rows after one, with later skips applied."""
        rest = await self.rows.get(RESTS, list_id, "rest")
        async for chunk in self._chunks(list_id, after):
            skipped = await self._skipped(list_id, max(chunk.rows[0].row, after + 1), chunk.rows[-1].row)
            for row in chunk.rows:
                if row.row <= after:
                    continue
                code = skipped.get(row.row) or (
                    rest.code if rest and rest.after < row.row <= rest.until else ""
                )
                yield replace(row, code=code) if code and not row.code else row

    async def _chunks(self, list_id: str, after: int) -> AsyncIterator[Chunk]:
        """The items that have rows after that row."""
        place = joined("rows", number(after + 1))
        first = await self.rows.under(CHUNKS, list_id, "rows", after=f"{place}!", limit=1, backwards=True)
        for chunk in first:
            if chunk.rows[-1].row > after:
                yield chunk
        async for chunk in self.rows.each_under(CHUNKS, list_id, "rows", after=place):
            yield chunk

    async def _skipped(self, list_id: str, first: int, last: int) -> dict[int, str]:
        marked = await self.rows.get(MARKED, list_id, "marked")
        if marked is None or marked.row < first:
            return {}
        found = await self.items.query(
            SKIPS.partition(list_id),
            after=joined("skip", number(first - 1)) if first else "skip#",
            before=joined("skip", number(min(last, _LAST) + 1)),
        )
        return {skip.row: skip.code for skip in map(SKIPS.value, found)}

    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]:
        """The first `limit` skipped rows after the row `after`."""
        found: list[Recipient] = []
        async for row in self.each_row(campaign_id, after):
            if row.code:
                found.append(row)
            if len(found) == limit:
                break
        return found


class Lists(ListQuestions, Counting):
    """Changes of lists in a unit of work."""

    rows_per_unit = _CHUNK

    async def add_rows(self, list_id: str, rows: Sequence[Recipient]) -> int:
        """Store rows, in order, and return how many of them are skipped; this can be repeated safely."""
        for first in range(0, len(rows), _CHUNK):
            await self.rows.put(CHUNKS, Chunk(list_id=list_id, rows=tuple(rows[first : first + _CHUNK])))
        return sum(bool(row.code) for row in rows)

    async def recipients(
        self, campaign_id: str, cursor: str, limit: int
    ) -> tuple[list[Recipient], str | None]:
        """The next good rows of a list, and the new cursor; None after the last."""
        found: list[Recipient] = []
        async for row in self.each_row(campaign_id, int(cursor or 0)):
            if not row.code:
                found.append(row)
            if len(found) == limit:
                return found, str(row.row)
        return found, None

    async def recipient(self, campaign_id: str, row: int) -> Recipient | None:
        """One row of a list, good or skipped; None if it has no such row."""
        async for found in self.each_row(campaign_id, row - 1):
            return found if found.row == row else None
        return None

    async def mark_recipients(self, campaign_id: str, codes: Mapping[int, Code]) -> None:
        """Skip rows of a list, each with the reason."""
        for row, code in codes.items():
            if await self.rows.add(SKIPS, Skip(list_id=campaign_id, row=row, code=code.value)):
                self.count_in_campaign(campaign_id, SKIPPED, 1)
        marked, last = await self.rows.get(MARKED, campaign_id, "marked"), max(codes, default=0)
        if last > (marked.row if marked else 0):
            await self.rows.put(MARKED, Marked(list_id=campaign_id, row=last))

    async def skip_recipients(self, campaign_id: str, cursor: str, code: Code, limit: int) -> str | None:
        """Skip the next good rows, with one item for all, and return the new cursor, None after the last."""
        found, more = await self.recipients(campaign_id, cursor, limit)
        if found:
            known = await self.rows.get(RESTS, campaign_id, "rest")
            after = known.after if known else int(cursor or 0)
            until = found[-1].row
            await self.rows.put(RESTS, Rest(list_id=campaign_id, after=after, until=until, code=code.value))
            self.count_in_campaign(campaign_id, SKIPPED, len(found))
        return more

    async def drop_some_rows(self, list_id: str) -> bool:
        """Delete as many rows of a list as fit into a unit; False once there are none."""
        found = await self.rows.under(CHUNKS, list_id, "rows", limit=_DROPPED_AT_ONCE)
        for chunk in found:
            if not self.items.room:
                break
            await self.rows.drop(CHUNKS, *CHUNKS.key(chunk))
        return bool(found)
