"""The record: one chain of rows, in the order in which units of work are committed.

Every unit that adds a row writes the head, so concurrent ones conflict and are run again, one after the other. So an
installation records as many commands per second as transactions can follow one another.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping

from engine.model.base import Value
from engine.model.record import GENESIS, ChainEnd, ChainRow, Cut, Head, Leaf, OldLine
from engine.store.dynamodb.names import number
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"


class KeptRow(Value):
    """A row with its bytes in hexadecimal."""

    seq: int
    body: str
    head: str
    salt: str = ""

    @property
    def row(self) -> ChainRow:
        """The row."""
        return ChainRow(self.seq, self.body, bytes.fromhex(self.head), bytes.fromhex(self.salt) or None)


class KeptHead(Value):
    """The newest row's number and head."""

    seq: int
    head: str


class KeptCut(Value):
    """Where older rows were cut off."""

    seq: int
    head: str
    note: str


class Salt(Value):
    """The salt of a person's commitments."""

    address: str
    salt: str


def _of_caller(kept: KeptRow) -> Iterable[Entry]:
    said = json.loads(kept.body)
    caller = said.get("key") or said.get("who") or ""
    if caller:
        yield caller, number(kept.seq)


ROWS = KindTable[KeptRow](
    "record",
    KeptRow,
    key=lambda kept: (_ALL, number(kept.seq)),
    indexes={"caller": _of_caller},
    checked=False,
)
HEAD = KindTable[KeptHead]("record-head", KeptHead, key=lambda _: (_ALL,), checked=False)
CUT = KindTable[KeptCut]("record-cut", KeptCut, key=lambda _: (_ALL,), checked=False)
SALTS = KindTable[Salt]("record-salt", Salt, key=lambda salt: (salt.address,), checked=False)


class KeptLine(Value):
    """A line logged before the record existed, by the store from which this one was moved."""

    id: int
    at: float
    actor: str
    command: str
    subject: str


OLD_LINES = KindTable[KeptLine]("old-line", KeptLine, key=lambda line: (_ALL, number(line.id)), checked=False)


class RecordQuestions(ReadSession):
    """Questions about the record."""

    async def record_head(self) -> Head:
        """The newest row's number and head."""
        kept = await self.rows.get(HEAD, _ALL)
        return Head(kept.seq, bytes.fromhex(kept.head)) if kept else Head(0, GENESIS)

    async def record_rows(self, after: int, limit: int, caller: str | None = None) -> list[ChainRow]:
        """The rows that follow the row `after`, in order; `caller`: only those of a key or of a commitment."""
        if caller is None:
            found = await self.rows.under(ROWS, _ALL, after=number(after), limit=limit)
        else:
            found = await self.rows.by(ROWS, "caller", caller, after=number(after), limit=limit)
        return [kept.row for kept in found]

    async def record_leaves(self, after: int, limit: int) -> list[Leaf]:
        """As `record_rows`, for verification."""
        return [(row.seq, row.body.encode(), row.head) for row in await self.record_rows(after, limit)]

    async def newest_rows(self, caller: str | None, before: int | None, limit: int) -> list[ChainRow]:
        """The newest rows, newest first; `before`: only those with a smaller number."""
        end = number(before) if before is not None else ""
        if caller is None:
            found = await self.rows.under(ROWS, _ALL, after=end, limit=limit, backwards=True)
            return [kept.row for kept in found]
        listed: list[ChainRow] = []
        async for kept in self.rows.each_by(ROWS, "caller", caller, before=end, backwards=True):
            listed.append(kept.row)
            if len(listed) == limit:
                break
        return listed

    async def record_cut(self) -> Cut | None:
        """Where older rows were cut off, if they were."""
        kept = await self.rows.get(CUT, _ALL)
        return Cut(seq=kept.seq, head=bytes.fromhex(kept.head), note=kept.note) if kept else None

    async def old_lines(self, after: int, limit: int) -> list[OldLine]:
        """Lines logged before the record existed, if a store was moved here; otherwise none."""
        found = await self.rows.under(OLD_LINES, _ALL, after=number(after), limit=limit)
        return [OldLine(line.id, line.at, line.actor, line.command, line.subject) for line in found]

    async def record_salt(self, address: str) -> bytes | None:
        """The salt of a person's commitments, or None."""
        kept = await self.rows.get(SALTS, address)
        return bytes.fromhex(kept.salt) if kept else None


class Record(RecordQuestions, UnitSession):
    """Additions to the record in a unit of work."""

    owed: list[str]

    async def record_place(self, addresses: Collection[str]) -> ChainEnd:
        """The row that the next one follows, and the salts of these people."""
        found = await self.rows.many(SALTS, [(address,) for address in addresses])
        return ChainEnd(await self.record_head(), {salt.address: bytes.fromhex(salt.salt) for salt in found})

    async def add_row(self, row: ChainRow, salts: Mapping[str, bytes]) -> None:
        """Append a row, with the salts of people who had none."""
        await self.record_head()
        await self.rows.put(HEAD, KeptHead(seq=row.seq, head=row.head.hex()))
        salt = row.salt.hex() if row.salt else ""
        await self.rows.put(ROWS, KeptRow(seq=row.seq, body=row.body, head=row.head.hex(), salt=salt))
        for address, one in salts.items():
            await self.rows.put(SALTS, Salt(address=address, salt=one.hex()))

    def take_owed(self) -> list[str]:
        """The Message-IDs of messages that this unit has added since the last call."""
        taken, self.owed = self.owed, []
        return taken

    async def cut_record(self, cut: Cut) -> None:
        """Delete the rows up to that of `cut`, after which the record now begins.

        There may be at most as many rows as items in a unit. A cut further on stays: another process may have made it.
        """
        before = await self.rows.get(CUT, _ALL)
        if before is None or before.seq < cut.seq:
            await self.rows.put(CUT, KeptCut(seq=cut.seq, head=cut.head.hex(), note=cut.note))
        for row in await self.rows.under(ROWS, _ALL, after=number(cut.seq + 1), backwards=True):
            await self.rows.drop(ROWS, _ALL, number(row.seq))
