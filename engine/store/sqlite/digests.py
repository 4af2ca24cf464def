"""The day of each owner's last digest."""

from __future__ import annotations

from datetime import date

from engine.store.sqlite.session import Session

DIGESTS = """
CREATE TABLE digest (owner TEXT PRIMARY KEY, day TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""


class Digests(Session):
    """The part of a unit of work for digests."""

    async def begin_digest(self, owner: str, day: date) -> bool:
        changed = await self.run(
            "INSERT INTO digest(owner, day) VALUES (?,?) "
            "ON CONFLICT DO UPDATE SET day = excluded.day WHERE day < excluded.day",
            [owner, day.isoformat()],
        )
        return changed > 0
