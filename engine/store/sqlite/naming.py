"""Names of events: their uids, short ids and titles."""

from __future__ import annotations

from collections.abc import Collection

import aiosqlite

from engine.model.queries import EventName
from engine.store.sqlite.session import IN_LIST, Session, Statements, as_list


class Naming:
    """The store's questions about the names of events, on its reading connection."""

    _reader: aiosqlite.Connection

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        found = await Session(self._reader).all(
            "SELECT uid FROM event WHERE (uid >= ?1 AND uid < ?2 OR short_id >= ?1 AND short_id < ?2) "
            "AND organizer = coalesce(?3, organizer) ORDER BY uid LIMIT ?4",
            [beginning, f"{beginning}\uffff", organizer, limit],
        )
        return [row["uid"] for row in found]


async def event_names(statements: Statements, uids: Collection[str]) -> dict[str, EventName]:
    """The names of events by their uids."""
    found = await Session(statements).all(
        "SELECT uid, coalesce(short_id, '') AS id, body->>'summary' AS summary FROM event "
        f"WHERE uid {IN_LIST}",
        [as_list(uids)],
    )
    return {row["uid"]: EventName(id=row["id"], summary=row["summary"]) for row in found}
