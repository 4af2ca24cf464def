"""A unit of work over a snapshot: what is stopped."""

from __future__ import annotations

from datetime import datetime

from engine.model.campaigns import CampaignState
from engine.model.keys import Key
from engine.model.messages import Kind
from engine.model.stops import EVERYTHING, Stop
from tests.support.memory.ledger import LedgerUnit
from tests.support.memory.tables import Owed, Tables


class StopUnit(LedgerUnit):
    """The part of a unit of work that concerns stops."""

    async def stop(self, stop: Stop) -> None:
        self.t.put("stop", stop.organizer, stop)

    async def resume(self, organizer: str) -> bool:
        if organizer not in self.t.of("stop"):
            return False
        self.t.drop("stop", organizer)
        return True

    async def stops(self) -> list[Stop]:
        return listed(self.t)

    async def last_digest(self, owner: str) -> datetime | None:
        last: datetime | None = self.t.get("digest", owner)
        return last

    async def begin_digest(self, owner: str, until: datetime) -> bool:
        last = await self.last_digest(owner)
        if last is not None and last.date() >= until.date():
            return False
        self.t.put("digest", owner, until)
        return True

    async def keys_owned(self, owner: str) -> list[Key]:
        return list(self.t.where("key", lambda key: key.owner == owner))

    def stopped(self, row: Owed) -> bool:
        """True for mail that waits until it is resumed."""
        if self._state_of(row.message.campaign_id) is CampaignState.PAUSED:
            return True
        names = {EVERYTHING, row.message.organizer}
        return row.message.kind is not Kind.NOTICE and bool(names & set(self.t.of("stop")))


def listed(tables: Tables) -> list[Stop]:
    """All that is stopped."""
    return sorted(tables.of("stop").values(), key=lambda stop: (stop.since, stop.organizer))
