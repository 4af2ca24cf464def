"""Outgoing webhooks, and their postings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.changes import ChangeKind
from engine.model.queries import ChangePage
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook


class WebhookQuestions(Protocol):
    """What callers and the worker ask about webhooks."""

    async def webhook(self, webhook_id: str) -> Webhook | None:
        """The webhook with this id, or None."""
        ...

    async def webhooks(self, organizer: str | None) -> list[Webhook]:
        """The webhooks of an organizer, or all, oldest first."""
        ...

    async def posting(self, posting_id: str) -> Outgoing | None:
        """The posting with this id, or None."""
        ...

    async def postings(
        self, webhook_id: str, state: PostingState | None, limit: int, before: str = ""
    ) -> list[Posting]:
        """Postings of a webhook, newest first; `before`: only those older than the one with this id."""
        ...


class Webhooks(WebhookQuestions, Protocol):
    """The part of a unit of work that concerns webhooks."""

    async def add_webhook(self, webhook: Webhook) -> None:
        """Add a webhook."""
        ...

    async def save_webhook(self, webhook: Webhook) -> None:
        """Replace a webhook."""
        ...

    async def drop_webhook(self, webhook_id: str) -> None:
        """Drop a webhook with its postings."""
        ...

    async def add_postings(self, postings: Sequence[Outgoing]) -> None:
        """Add postings that wait; of each lane only the first is due."""
        ...

    async def waiting_postings(self, webhook_id: str, most: int) -> int:
        """How many postings of a webhook wait, counted up to `most`."""
        ...

    async def claim_postings(
        self, webhook_id: str, now: datetime, until: datetime, limit: int
    ) -> list[Outgoing]:
        """Postings that are due, the oldest first; unless they are settled, they are due again at `until`."""
        ...

    async def save_posting(self, posting: Posting) -> None:
        """Replace a posting; once it no longer waits, the next of its lane is due."""
        ...

    async def drop_postings(self, before: datetime, limit: int) -> int:
        """Drop postings that were settled and are older than `before`; how many."""
        ...

    async def changes_after(
        self, owner: str | None, since: str | None, limit: int, kinds: Sequence[ChangeKind]
    ) -> ChangePage:
        """As `Store.changes`, as the unit sees them. Raises Refused: INVALID_CURSOR."""
        ...

    async def beginning(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """Events that stand and begin after one moment and up to another: uid, start, end, by start."""
        ...

    async def ending(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """As `beginning`, of events that end then and last up to 31 days."""
        ...
