"""The day and the moment of each owner's last digest."""

from __future__ import annotations

from datetime import datetime

from engine.store.sqlite import rows
from engine.store.sqlite.session import Session

DIGESTS = """
CREATE TABLE digest (owner TEXT PRIMARY KEY, day TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
DIGEST_MOMENTS = """
ALTER TABLE digest ADD COLUMN until REAL;
"""


class Digests(Session):
    """The part of a unit of work for digests."""

    async def last_digest(self, owner: str) -> datetime | None:
        row = await self.one("SELECT until FROM digest WHERE owner = ?", [owner])
        return rows.at(row["until"]) if row and row["until"] is not None else None

    async def begin_digest(self, owner: str, until: datetime) -> bool:
        changed = await self.run(
            "INSERT INTO digest(owner, day, until) VALUES (?,?,?) "
            "ON CONFLICT DO UPDATE SET day = excluded.day, until = excluded.until WHERE day < excluded.day",
            [owner, until.date().isoformat(), until.timestamp()],
        )
        return changed > 0
