"""A unit of work over a snapshot: webhooks, and what is posted there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.model import cursors
from engine.model.changes import ChangeKind
from engine.model.queries import ChangePage
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook
from tests.support.memory.triggers import TriggerUnit


class WebhookUnit(TriggerUnit):
    """The part of a unit of work that concerns webhooks, and the questions about them."""

    async def add_webhook(self, webhook: Webhook) -> None:
        self.t.put("webhook", webhook.id, webhook)

    async def save_webhook(self, webhook: Webhook) -> None:
        if await self.webhook(webhook.id):
            self.t.put("webhook", webhook.id, webhook)

    async def drop_webhook(self, webhook_id: str) -> None:
        self.t.drop("webhook", webhook_id)
        for one in self._of(webhook_id):
            self.t.drop("posting", one.posting.id)

    async def webhook(self, webhook_id: str) -> Webhook | None:
        return self.t.get("webhook", webhook_id)

    async def webhooks(self, organizer: str | None) -> list[Webhook]:
        found = self.t.where("webhook", lambda w: organizer in {None, w.organizer})
        return sorted(found, key=lambda w: (w.created, w.id))

    def _of(self, webhook_id: str) -> list[Outgoing]:
        return list(self.t.where("posting", lambda o: o.posting.webhook_id == webhook_id))

    def _outgoing_waiting(self, webhook_id: str) -> list[Outgoing]:
        return [o for o in self._of(webhook_id) if o.posting.state is PostingState.WAITING]

    def _put_outgoing(self, one: Outgoing, **values: object) -> Outgoing:
        one = one.model_copy(update={"posting": one.posting.model_copy(update=values)})
        self.t.put("posting", one.posting.id, one)
        return one

    async def add_postings(self, postings: Sequence[Outgoing]) -> None:
        for one in postings:
            behind = [
                o
                for o in self._outgoing_waiting(one.posting.webhook_id)
                if o.posting.lane == one.posting.lane
            ]
            self._put_outgoing(one, due=None if behind else one.posting.created)

    async def waiting_postings(self, webhook_id: str, most: int) -> int:
        return min(most, len(self._outgoing_waiting(webhook_id)))

    async def claim_postings(
        self, webhook_id: str, now: datetime, until: datetime, limit: int
    ) -> list[Outgoing]:
        due = [o for o in self._of(webhook_id) if o.posting.due is not None and o.posting.due <= now]
        claimed = sorted(due, key=lambda o: o.posting.due or now)[:limit]
        for one in claimed:
            self._put_outgoing(one, due=until)
        return claimed

    async def posting(self, posting_id: str) -> Outgoing | None:
        return self.t.get("posting", posting_id)

    async def save_posting(self, posting: Posting) -> None:
        one = await self.posting(posting.id)
        assert one is not None
        self.t.put("posting", posting.id, one.model_copy(update={"posting": posting}))
        if posting.state is not PostingState.WAITING:
            lane = [o for o in self._outgoing_waiting(posting.webhook_id) if o.posting.lane == posting.lane]
            if lane and lane[0].posting.due is None:
                self._put_outgoing(lane[0], due=lane[0].posting.created)

    async def postings(
        self, webhook_id: str, state: PostingState | None, limit: int, before: str = ""
    ) -> list[Posting]:
        found = [o.posting for o in self._of(webhook_id)]
        if before:
            found = found[: [p.id for p in found].index(before)]
        return [p for p in reversed(found) if state in {None, p.state}][:limit]

    async def drop_postings(self, before: datetime, limit: int) -> int:
        settled = self.t.where("posting", lambda o: o.posting.state is not PostingState.WAITING)
        old = [o.posting.id for o in settled if o.posting.created < before][:limit]
        for one in old:
            self.t.drop("posting", one)
        return len(old)

    async def changes_after(
        self, owner: str | None, since: str | None, limit: int, kinds: Sequence[ChangeKind]
    ) -> ChangePage:
        found = list(self.t.where("change", lambda c: owner in {None, c.organizer}))
        found = [change for change in found if not kinds or change.kind in kinds]
        newest = max(self.t.of("change"), default=0)
        if since is not None:
            (after,) = cursors.opened(since, int)
            found = [change for change in found if change.id > int(str(after))]
        page = found[-limit:] if since is None else found[:limit]
        cursor = cursors.written(page[-1].id if page else newest)
        return ChangePage(changes=tuple(page), cursor=cursor, more=since is not None and len(found) > limit)

    async def beginning(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        return [one for one in self._spans(owner) if after < one[1] <= until][:limit]

    async def ending(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        found = [o for o in self._spans(owner) if o[1] > after - timedelta(days=31) and after < o[2] <= until]
        return sorted(found, key=lambda one: one[2])[:limit]

    def _spans(self, owner: str | None) -> list[tuple[str, datetime, datetime]]:
        """First instances alone: this store expands no series."""
        stand = self.t.where("event", lambda e: not e.cancelled and owner in {None, e.organizer})
        return sorted(((e.uid, e.span.start_utc, e.span.end_utc) for e in stand), key=lambda one: one[1])
