"""Stored facts about requests: idempotency keys and mails taken in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from engine.model.counters import Intake
from engine.store.protocol import AlreadyTakenIn
from engine.store.sqlite.session import IN_LIST, Session, as_list


class Requests(Session):
    """The part of a unit of work for requests and those who make them."""

    async def remembered(self, actor: str, key: str) -> tuple[str, str] | None:
        row = await self.one("SELECT digest, uid FROM remembered WHERE actor = ? AND key = ?", [actor, key])
        return (row["digest"], row["uid"]) if row else None

    async def remember(self, actor: str, key: str, digest: str, uid: str, now: datetime) -> None:
        await self.run(
            "INSERT INTO remembered VALUES (?,?,?,?,?)", [actor, key, digest, uid, now.timestamp()]
        )

    async def taken_in(self, intake_id: str) -> Intake | None:
        row = await self.one("SELECT body FROM intake WHERE id = ?", [intake_id])
        return Intake.model_validate_json(row["body"]) if row else None

    async def take_in(self, intake: Intake) -> None:
        """Record a mail as taken in. Raises AlreadyTakenIn."""
        added = await self.run(
            "INSERT INTO intake(id, at, body) VALUES (?,?,?) ON CONFLICT DO NOTHING",
            [intake.id, intake.at.timestamp(), intake.model_dump_json()],
        )
        if not added:
            raise AlreadyTakenIn(intake.id)

    async def old_requests(self, before: datetime, after: Intake | None, limit: int) -> list[Intake]:
        at, last = (after.at.timestamp(), after.id) if after else (0.0, "")
        found = await self.all(
            "SELECT body FROM intake WHERE at < ? AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?",
            [before.timestamp(), at, last, limit],
        )
        return [Intake.model_validate_json(row["body"]) for row in found]

    async def drop_requests(self, ids: Collection[str]) -> None:
        await self.run(f"DELETE FROM intake WHERE id {IN_LIST}", [as_list(ids)])
