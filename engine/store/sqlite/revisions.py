"""Replaced revisions of events, and the mails that made or changed an event."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import TypeVar

from engine.model.events import Event
from engine.store.rules import REVISIONS_KEPT
from engine.store.sqlite import rows
from engine.store.sqlite.held import HeldActions
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")


class Revisions(Session):
    """The part of a unit of work for earlier revisions of events."""

    async def keep_revision(self, event: Event, body: str) -> None:
        """Store a revision that is about to be replaced; only the newest ones of an event are kept."""
        await self.run(
            "INSERT OR REPLACE INTO revision(event_uid, sequence, body) VALUES (?,?,?)",
            [event.uid, event.sequence, body],
        )
        await self.run(
            "DELETE FROM revision WHERE event_uid = ?1 AND sequence <= (SELECT sequence FROM revision "
            "WHERE event_uid = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
            [event.uid, REVISIONS_KEPT],
        )

    async def replaced_revisions(self, event_uid: str) -> list[Event]:
        found = await self.all("SELECT body FROM revision WHERE event_uid = ? ORDER BY sequence", [event_uid])
        return [rows.event(row) for row in found]

    async def mails_of_event(self, event_uid: str, limit: int) -> list[str]:
        found = await self.all(
            "SELECT DISTINCT substr(id, 1, instr(id, ':') - 1) AS mail FROM intake "
            "WHERE json_extract(body, '$.uid') = ? "
            "AND json_extract(body, '$.action') IN ('created', 'updated', 'cancelled') ORDER BY id DESC LIMIT ?",
            [event_uid, limit],
        )
        return [row["mail"] for row in found]


class RevisionQuestions:
    """The store's questions about revisions."""

    @abstractmethod
    async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def replaced_revisions(self, event_uid: str) -> list[Event]:
        return await self._in_thread(lambda s: Revisions(s).replaced_revisions(event_uid))

    async def organizer_name(self, organizer: str) -> str:
        return await self._in_thread(lambda s: HeldActions(s).organizer_name(organizer))

    async def mails_of_event(self, event_uid: str, limit: int) -> list[str]:
        return await self._in_thread(lambda s: Revisions(s).mails_of_event(event_uid, limit))
