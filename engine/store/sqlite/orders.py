"""Organizers' plans, their purchases, and the people whom a shop asks to forget."""

from __future__ import annotations

from datetime import datetime

import aiosqlite

from engine.model.plans import REDACTION_OPEN, Enrolment, Purchase, Redaction
from engine.store.sqlite.rows import at, seconds
from engine.store.sqlite.session import IN_LIST, Session, as_list


class Orders(Session):
    """The part of a unit of work for plans and orders."""

    async def enrolment(self, organizer: str) -> Enrolment | None:
        row = await self.one("SELECT body FROM enrolment WHERE organizer = ?", [organizer])
        return Enrolment.model_validate_json(row["body"]) if row else None

    async def save_enrolment(self, enrolment: Enrolment) -> None:
        await self.run(
            "INSERT OR REPLACE INTO enrolment VALUES (?,?,?,?)",
            [
                enrolment.organizer,
                seconds(enrolment.until),
                int(enrolment.reported),
                enrolment.model_dump_json(),
            ],
        )

    async def end_enrolment(self, organizer: str) -> None:
        await self.run("DELETE FROM enrolment WHERE organizer = ?", [organizer])

    async def ended_enrolments(self, now: datetime, limit: int) -> list[Enrolment]:
        found = await self.all(
            "SELECT body FROM enrolment WHERE reported = 0 AND until <= ? ORDER BY until LIMIT ?",
            [now.timestamp(), limit],
        )
        return [Enrolment.model_validate_json(row["body"]) for row in found]

    async def events_made(self, organizer: str, since: datetime | None) -> int:
        # Both are written by the same model, to the second and in UTC, so that their texts can be compared.
        after = since.strftime("%Y-%m-%dT%H:%M:%SZ") if since else ""
        row = await self.one(
            "SELECT count(*) AS n FROM event WHERE organizer = ? AND (? = '' OR json_extract(body, '$.created') >= ?)",
            [organizer, after, after],
        )
        return int(row["n"]) if row else 0

    async def purchase(self, order: str, line: str) -> Purchase | None:
        row = await self.one("SELECT body FROM purchase WHERE order_id = ? AND line = ?", [order, line])
        return Purchase.model_validate_json(row["body"]) if row else None

    async def add_purchase(self, purchase: Purchase) -> None:
        await self.run(
            "INSERT OR REPLACE INTO purchase VALUES (?,?,?,?)",
            [purchase.order, purchase.line, purchase.at.timestamp(), purchase.model_dump_json()],
        )

    async def save_redaction(self, redaction: Redaction) -> None:
        await self.run(
            "INSERT INTO redaction VALUES (?,?,?) ON CONFLICT DO UPDATE SET code = excluded.code",
            [redaction.address, redaction.asked.timestamp(), redaction.code],
        )

    async def end_redaction(self, address: str) -> None:
        await self.run("DELETE FROM redaction WHERE address = ?", [address])


class OrderAnswers:
    """The store's questions about plans and orders, on its reading connection."""

    _reader: aiosqlite.Connection

    async def enrolment(self, organizer: str) -> Enrolment | None:
        return await Orders(self._reader).enrolment(organizer)

    async def purchases(self, limit: int) -> list[Purchase]:
        sql = "SELECT body FROM purchase ORDER BY at DESC, order_id, line LIMIT ?"
        return [
            Purchase.model_validate_json(row["body"]) for row in await Orders(self._reader).all(sql, [limit])
        ]

    async def redactions(self, limit: int, *, open_only: bool = False) -> list[Redaction]:
        where, codes = (f"WHERE code {IN_LIST}", [as_list(REDACTION_OPEN)]) if open_only else ("", [])
        found = await Orders(self._reader).all(
            f"SELECT * FROM redaction {where} ORDER BY asked LIMIT ?", [*codes, limit]
        )
        return [Redaction(address=row["address"], asked=at(row["asked"]), code=row["code"]) for row in found]
