"""The record in memory."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping

from engine.model.record import GENESIS, ChainEnd, ChainRow, Cut, Head, Leaf, OldLine
from tests.support.memory.tables import Tables


class RecordUnit:
    """The record's part of a unit of work."""

    t: Tables

    async def record_place(self, addresses: Collection[str]) -> ChainEnd:
        salts = {a: self.t.get("record_person", a) for a in addresses if a in self.t.of("record_person")}
        return ChainEnd(await self.record_head(), salts)

    async def add_row(self, row: ChainRow, salts: Mapping[str, bytes]) -> None:
        assert row.seq not in self.t.of("record")
        self.t.put("record", row.seq, row)
        for address, salt in salts.items():
            self.t.put("record_person", address, salt)

    def take_owed(self) -> list[str]:
        taken, self.t.owed = self.t.owed, []
        return taken

    async def cut_record(self, cut: Cut) -> None:
        before = await self.record_cut()
        if before is None or before.seq < cut.seq:
            self.t.put("record_cut", 1, cut)
        for seq in [seq for seq in self.t.of("record") if seq <= cut.seq]:
            self.t.drop("record", seq)

    async def record_rows(self, after: int, limit: int, caller: str | None = None) -> list[ChainRow]:
        return [row for row in self._recorded_rows(caller) if row.seq > after][:limit]

    async def record_leaves(self, after: int, limit: int) -> list[Leaf]:
        return [(row.seq, row.body.encode(), row.head) for row in await self.record_rows(after, limit)]

    async def newest_rows(self, caller: str | None, before: int | None, limit: int) -> list[ChainRow]:
        return [row for row in reversed(self._recorded_rows(caller)) if before is None or row.seq < before][
            :limit
        ]

    def _recorded_rows(self, caller: str | None) -> list[ChainRow]:
        rows = [row for _, row in sorted(self.t.of("record").items())]
        return [row for row in rows if caller is None or _caller(row) == caller]

    async def record_head(self) -> Head:
        rows = self._recorded_rows(None)
        return Head(rows[-1].seq, rows[-1].head) if rows else Head(0, GENESIS)

    async def record_cut(self) -> Cut | None:
        return self.t.get("record_cut", 1)

    async def old_lines(self, after: int, limit: int) -> list[OldLine]:
        return []

    async def record_salt(self, address: str) -> bytes | None:
        return self.t.get("record_person", address)


def _caller(row: ChainRow) -> str:
    said = json.loads(row.body)
    return said.get("key") or said.get("who") or ""
