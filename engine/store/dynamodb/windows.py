"""A short history of a campaign's newest settled messages, to detect a failing campaign."""

from __future__ import annotations

from datetime import datetime

from engine.model.base import Value
from engine.store.dynamodb.budgets import BudgetQuestions
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.tallies import Counting

_KEPT = 60
"""The most batches of one shard, which with the other shards' are far more messages than are examined."""


class SettledBatch(Value):
    """The messages settled in one unit of work; `answer`: the last response to a failed one."""

    at: datetime
    sent: int = 0
    failed: int = 0
    answer: str = ""


class SettledWindow(Value):
    """The newest batches of a campaign in one shard, the newest last."""

    campaign_id: str
    shard: int
    batches: tuple[SettledBatch, ...] = ()


WINDOWS = KindTable[SettledWindow](
    "window", SettledWindow, key=lambda w: (w.campaign_id, w.shard), checked=False
)


class WindowQuestions(BudgetQuestions):
    """Questions about the history."""

    async def newest_settled(
        self, campaign_id: str, since: datetime | None, most: int
    ) -> tuple[int, int, str]:
        """For about `most` newest messages settled since then: their number, how many failed, and the last response."""
        windows = await self.rows.under(WINDOWS, campaign_id)
        batches = sorted((b for w in windows for b in w.batches), key=lambda b: b.at, reverse=True)
        settled = failed = 0
        answer = ""
        for batch in batches:
            if settled >= most or (since is not None and batch.at < since):
                break
            settled, failed = settled + batch.sent + batch.failed, failed + batch.failed
            answer = answer or batch.answer
        return settled, failed, answer


class Windows(WindowQuestions, Counting):
    """Additions to the history in a unit of work, written at commit."""

    _settled: dict[str, SettledBatch] | None = None

    def note_settled(self, campaign_id: str, at: datetime, *, failed: bool, answer: str) -> None:
        """Record that a message of a campaign was sent, or failed."""
        self._settled = self._settled or {}
        known = self._settled.get(campaign_id) or SettledBatch(at=at)
        counted = {"failed": known.failed + 1, "answer": answer} if failed else {"sent": known.sent + 1}
        self._settled[campaign_id] = known.model_copy(update=counted)

    async def flush(self) -> None:
        for campaign_id, batch in (self._settled or {}).items():
            known = await self.rows.get(WINDOWS, campaign_id, self.shard)
            known = known or SettledWindow(campaign_id=campaign_id, shard=self.shard)
            kept = (*known.batches, batch)[-_KEPT:]
            await self.rows.put(WINDOWS, known.model_copy(update={"batches": kept}))
        self._settled = None
        await super().flush()
