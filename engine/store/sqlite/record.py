"""The record: one chain of rows, in the order in which units of work are committed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from engine.model.record import GENESIS, ChainEnd, ChainRow, Cut, Head, OldLine
from engine.store.sqlite.record_schema import CALLER
from engine.store.sqlite.session import IN_LIST, Session, as_list

_ROW = "seq, body, head, salt"
_PLACE = (
    "SELECT NULL AS address, seq, head, NULL AS salt FROM "
    "(SELECT seq, head FROM record ORDER BY seq DESC LIMIT 1) UNION ALL "
    f"SELECT address, NULL, NULL, salt FROM record_person WHERE address {IN_LIST}"
)
"""The query for the record's head and for stored salts."""


class Record(Session):
    """The part of a unit of work for the record, and the questions about it."""

    async def record_place(self, addresses: Collection[str]) -> ChainEnd:
        found = await self.all(_PLACE, [as_list(addresses)])
        salts = {row["address"]: row["salt"] for row in found if row["address"] is not None}
        head = next((Head(row["seq"], row["head"]) for row in found if row["address"] is None), None)
        return ChainEnd(head or Head(0, GENESIS), salts)

    async def add_row(self, row: ChainRow, salts: Mapping[str, bytes]) -> None:
        await self.run(f"INSERT INTO record({_ROW}) VALUES (?,?,?,?)", row)
        for person in salts.items():
            await self.run("INSERT INTO record_person(address, salt) VALUES (?,?)", person)

    def take_owed(self) -> list[str]:
        taken, self.owed = self.owed, []
        return taken

    async def cut_record(self, cut: Cut) -> None:
        await self.run(
            "INSERT INTO record_cut(only, seq, head, note) VALUES (1,?,?,?) ON CONFLICT DO UPDATE "
            "SET seq = excluded.seq, head = excluded.head, note = excluded.note WHERE excluded.seq > seq",
            [cut.seq, cut.head, cut.note],
        )
        await self.run("DELETE FROM record WHERE seq <= ?", [cut.seq])

    async def record_rows(self, after: int, limit: int, caller: str | None = None) -> list[ChainRow]:
        where, values = ("", []) if caller is None else (f"AND {CALLER} = ? ", [caller])
        sql = f"SELECT {_ROW} FROM record WHERE seq > ? {where}ORDER BY seq LIMIT ?"
        return list(map(ChainRow._make, await self.all(sql, [after, *values, limit])))

    async def newest_rows(self, caller: str | None, before: int | None, limit: int) -> list[ChainRow]:
        where, values = ("", []) if caller is None else (f"AND {CALLER} = ? ", [caller])
        sql = f"SELECT {_ROW} FROM record WHERE seq < ? {where}ORDER BY seq DESC LIMIT ?"
        return list(map(ChainRow._make, await self.all(sql, [before or 2**62, *values, limit])))

    async def record_head(self) -> Head:
        row = await self.one("SELECT seq, head FROM record ORDER BY seq DESC LIMIT 1")
        return Head(row["seq"], row["head"]) if row else Head(0, GENESIS)

    async def record_cut(self) -> Cut | None:
        row = await self.one("SELECT seq, head, note FROM record_cut")
        return Cut(seq=row["seq"], head=row["head"], note=row["note"]) if row else None

    async def old_lines(self, after: int, limit: int) -> list[OldLine]:
        sql = "SELECT id, at, actor, command, subject FROM audit WHERE id > ? ORDER BY id LIMIT ?"
        return list(map(OldLine._make, await self.all(sql, [after, limit])))

    async def record_salt(self, address: str) -> bytes | None:
        row = await self.one("SELECT salt FROM record_person WHERE address = ?", [address])
        return row["salt"] if row else None
