"""Stopped organizers: their mail waits from the next claim until they are resumed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from engine.model.campaigns import CampaignState
from engine.model.keys import Key
from engine.model.stops import EVERYTHING, Stop
from engine.store.sqlite.candidates import Candidate
from engine.store.sqlite.rows import at
from engine.store.sqlite.session import IN_LIST, Session, Statements, as_numbers

T = TypeVar("T")


class Stops(Session):
    """The part of a unit of work for stops."""

    async def stop(self, stop: Stop) -> None:
        await self.run(
            "INSERT OR REPLACE INTO stop(organizer, since, stopped_by) VALUES (?,?,?)",
            [stop.organizer, stop.since.timestamp(), stop.stopped_by],
        )

    async def resume(self, organizer: str) -> bool:
        return bool(await self.run("DELETE FROM stop WHERE organizer = ?", [organizer]))

    async def stops(self) -> list[Stop]:
        found = await self.all("SELECT organizer, since, stopped_by FROM stop ORDER BY since, organizer")
        return [
            Stop(organizer=row["organizer"], since=at(row["since"]), stopped_by=row["stopped_by"])
            for row in found
        ]

    async def keys_owned(self, owner: str) -> list[Key]:
        found = await self.all(
            "SELECT body FROM access_key WHERE json_extract(body, '$.bounds.owner') = ? ORDER BY rowid",
            [owner],
        )
        return [Key.model_validate_json(row["body"]) for row in found]

    async def going(self, found: Sequence[Candidate]) -> Sequence[Candidate]:
        """The candidates that are not stopped or paused; those wait from now on. Notices are not stopped."""
        stopped = {stop.organizer for stop in await self.stops()}
        waiting = {c.id for c in found if c.campaign_state == CampaignState.PAUSED}
        waiting |= {c.id for c in found if c.kind != "notice" and stopped & {EVERYTHING, c.organizer}}
        if not waiting:
            return found
        await self.run(f"UPDATE message SET held = 1 WHERE id {IN_LIST}", [as_numbers(waiting)])
        return [c for c in found if c.id not in waiting]


class StopAnswers:
    """The store's questions about stops, on its reading connection."""

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def stops(self) -> list[Stop]:
        return await self._in_loop(lambda s: Stops(s).stops())
