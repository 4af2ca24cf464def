"""A unit of work over a snapshot: requests as they were posted at hooks."""

from __future__ import annotations

from datetime import datetime

from engine.model.triggers import Posted, PostedRequest
from tests.support.memory.sessions import SessionUnit


class PostedUnit(SessionUnit):
    """The part of a unit of work that concerns requests as they were posted, and the questions about them."""

    def _batches(self) -> list[PostedRequest]:
        return [one for one in self.t.of("posted").values() if self.t.get("undivided", one.id)]

    async def add_posted(self, trigger_id: str, posted: Posted, received: datetime, *, divided: bool) -> str:
        if not divided and any((w.trigger_id, w.posted) == (trigger_id, posted) for w in self._batches()):
            return ""
        number = f"p{len(self.t.of('undivided')) + 1}"
        one = PostedRequest(id=number, trigger_id=trigger_id, received=received, posted=posted)
        self.t.put("posted", number, one)
        self.t.put("undivided", number, not divided)
        return number

    async def undivided(self, trigger_id: str, most: int) -> int:
        return min(most, sum(one.trigger_id == trigger_id for one in self._batches()))

    async def divide(self, posted_id: str) -> None:
        self.t.put("undivided", posted_id, False)

    async def drop_posted(self, posted_id: str) -> None:
        self.t.drop("posted", posted_id)

    async def drop_old_posted(self, before: datetime, bytes_max: int, limit: int) -> int:
        size, old = 0, list[str]()
        for one in reversed(list(self.t.of("posted").values())):
            size += len(one.posted.body)
            if not self.t.get("undivided", one.id) and (one.received < before or size > bytes_max):
                old.append(one.id)
        for name in old[-limit:]:
            self.t.drop("posted", name)
        return len(old[-limit:])

    async def next_undivided(self, trigger_id: str | None = None) -> PostedRequest | None:
        found = (one for one in self._batches() if trigger_id in {None, one.trigger_id})
        return next(found, None)

    async def posted_of(self, delivery_id: str) -> PostedRequest | None:
        return self.t.get("posted", self.t.get("came_in", delivery_id) or "")
