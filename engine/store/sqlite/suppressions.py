"""The do-not-mail list: addresses in the tables of bounces and unsubscriptions, domains in a separate one."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

from engine.model.forgetting import DOMAIN
from engine.model.suppressions import Suppression
from engine.store.sqlite import rows
from engine.store.sqlite.session import IN_LIST, Session, as_list

SUPPRESSED_DOMAINS = """
CREATE TABLE suppressed_domain (
    domain TEXT NOT NULL, organizer TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (domain, organizer)
) STRICT, WITHOUT ROWID;
CREATE INDEX suppressed_domain_by_organizer ON suppressed_domain(organizer, domain);
CREATE INDEX block_by_organizer ON block(organizer, email);
"""
_NAMED = f"email NOT LIKE '%@{DOMAIN}'"
"""Excludes forgotten people, of whom a hash and a replacement address remain, which name no one."""
_EVERY = {
    "suppression": f"SELECT email AS target, '' AS organizer, reason, at FROM suppression WHERE {_NAMED}",
    "block": f"SELECT email AS target, organizer, reason, at FROM block WHERE {_NAMED}",
    "suppressed_domain": "SELECT domain AS target, organizer, reason, at FROM suppressed_domain",
}


ANY_DOMAIN = "SELECT 1 FROM suppressed_domain"


def by_domain(email: str, organizer: str) -> str:
    """The condition that the domain of `email`, or one above it, is listed for `organizer` (both SQL expressions).

    It costs nothing while no domain is listed.
    """
    return (
        f"(EXISTS ({ANY_DOMAIN}) AND EXISTS (WITH RECURSIVE above(d) AS ("
        f"SELECT substr({email}, instr({email}, '@') + 1) "
        "UNION ALL SELECT substr(d, instr(d, '.') + 1) FROM above WHERE instr(d, '.') > 0) "
        f"SELECT 1 FROM above JOIN suppressed_domain s ON s.domain = above.d AND s.organizer = {organizer}))"
    )


class SuppressionList(Session):
    """The part of a unit of work for the do-not-mail list."""

    async def add_suppressions(self, entries: Sequence[Suppression]) -> int:
        return sum([await self._add(entry) for entry in entries])

    async def _add(self, entry: Suppression) -> int:
        at = entry.at.timestamp()
        if entry.is_domain:
            values: list[object] = [entry.target, entry.organizer, entry.reason, at]
            return await self.run("INSERT OR IGNORE INTO suppressed_domain VALUES (?,?,?,?)", values)
        if not entry.organizer:
            return await self.run(
                "INSERT OR IGNORE INTO suppression VALUES (?,?,?)", [entry.target, entry.reason, at]
            )
        return await self.run(
            "INSERT OR IGNORE INTO block(email, organizer, at, reason) VALUES (?,?,?,?)",
            [entry.target, entry.organizer, at, entry.reason],
        )

    async def suppression(self, target: str, organizer: str) -> Suppression | None:
        found = await self.suppressions_of(organizer or None, [target])
        return next((entry for entry in found if entry.organizer == organizer), None)

    async def drop_suppression(self, target: str, organizer: str) -> None:
        if "@" not in target:
            sql, values = (
                "DELETE FROM suppressed_domain WHERE domain = ? AND organizer = ?",
                [target, organizer],
            )
        elif organizer:
            sql, values = "DELETE FROM block WHERE email = ? AND organizer = ?", [target, organizer]
        else:
            sql, values = "DELETE FROM suppression WHERE email = ?", [target]
        await self.run(sql, values)

    async def suppressions(
        self, organizer: str | None, limit: int, after: tuple[str, str] | None = None
    ) -> list[Suppression]:
        tables = [table for table in _EVERY if organizer is None or table != "suppression"]
        found: list[Suppression] = []
        for table in tables:
            found += await self._page(table, organizer, limit, after or ("", ""))
        return sorted(found, key=_place)[:limit]

    async def _page(
        self, table: str, organizer: str | None, limit: int, after: tuple[str, str]
    ) -> list[Suppression]:
        where, values = "(target, organizer) > (?, ?)", list[object](after)
        if organizer is not None:
            where, values = f"{where} AND organizer = ?", [*values, organizer]
        sql = f"SELECT * FROM ({_EVERY[table]}) WHERE {where} ORDER BY target, organizer LIMIT ?"
        return [_entry(row) for row in await self.all(sql, [*values, limit])]

    async def suppressions_of(self, organizer: str | None, targets: Collection[str]) -> list[Suppression]:
        every = " UNION ALL ".join(f"SELECT * FROM ({sql}) WHERE target {IN_LIST}" for sql in _EVERY.values())
        found = [_entry(row) for row in await self.all(every, [as_list(targets)] * len(_EVERY))]
        return sorted((e for e in found if organizer is None or e.organizer in {"", organizer}), key=_place)


def _place(entry: Suppression) -> tuple[str, str]:
    return entry.target, entry.organizer


def _entry(row: sqlite3.Row) -> Suppression:
    return Suppression(
        target=row["target"], organizer=row["organizer"], reason=row["reason"], at=rows.at(row["at"])
    )
