"""Notices to an address: the first is sent at once, and those soon after it are gathered."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.model.messages import Notice
from engine.store.sqlite.session import Session

_FORGOTTEN = timedelta(hours=1)


class GatheredNotices(Session):
    """The part of a unit of work for gathered notices."""

    async def may_notify(self, address: str, now: datetime, pause: timedelta) -> bool:
        """True if `address` had no notice within `pause` and none waits; it then counts as notified now."""
        row = await self.one("SELECT at, due FROM telling WHERE address = ?", [address])
        # A time in the future was written before the clock was set back.
        if row and (row["due"] is not None or 0 <= now.timestamp() - row["at"] < pause.total_seconds()):
            return False
        await self._note_sent(address, now)
        return True

    async def _note_sent(self, address: str, now: datetime) -> None:
        await self.run(
            "INSERT INTO telling(address, at) VALUES (?,?) "
            "ON CONFLICT DO UPDATE SET at = excluded.at, due = NULL, more = 0",
            [address, now.timestamp()],
        )
        old = (now - _FORGOTTEN).timestamp()
        await self.run("DELETE FROM telling WHERE due IS NULL AND at < ?", [old])

    async def gather(
        self, address: str, notice: Notice, event_uid: str | None, due: timedelta, most: int
    ) -> None:
        """Store a notice until `due` after the last one sent; beyond `most`, they are only counted."""
        row = await self.one("SELECT count(*) AS n FROM gathered_notice WHERE address = ?", [address])
        more = int(row["n"] >= most) if row else 0
        if not more:
            await self.run(
                "INSERT INTO gathered_notice(address, event_uid, body) VALUES (?,?,?)",
                [address, event_uid, notice.model_dump_json()],
            )
        await self.run(
            "UPDATE telling SET due = coalesce(due, at + ?), more = more + ? WHERE address = ?",
            [due.total_seconds(), more, address],
        )

    async def next_gathered(self, now: datetime, pause: timedelta) -> str | None:
        """An address whose gathered notices are due, even if the clock was set back since."""
        row = await self.one(
            "SELECT address FROM telling WHERE due IS NOT NULL AND (due <= ? OR due > ?) LIMIT 1",
            [now.timestamp(), (now + pause).timestamp()],
        )
        return row["address"] if row else None

    async def take_gathered(self, address: str, now: datetime) -> tuple[list[tuple[Notice, str | None]], int]:
        """Remove and return the gathered notices with their events, oldest first, and how many more there were."""
        found = await self.all(
            "SELECT body, event_uid FROM gathered_notice WHERE address = ? ORDER BY id", [address]
        )
        row = await self.one("SELECT more FROM telling WHERE address = ?", [address])
        await self.run("DELETE FROM gathered_notice WHERE address = ?", [address])
        await self._note_sent(address, now)
        notices = [(Notice.model_validate_json(r["body"]), r["event_uid"]) for r in found]
        return notices, int(row["more"]) if row else 0
