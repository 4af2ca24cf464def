"""Campaigns and the rows of their lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.campaigns import Campaign
from engine.model.list_rows import Recipient
from engine.model.messages import Kind
from engine.refusals import Code


class Campaigns(Protocol):
    """The part of a unit of work that concerns campaigns."""

    @property
    def rows_per_unit(self) -> int:
        """How many rows of a list one unit of work keeps."""
        ...

    @property
    def invites_per_unit(self) -> int:
        """How many people of a list one unit of work invites at most."""
        ...

    async def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, or None."""
        ...

    async def add_campaign(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        """Add a campaign with the rows of its list; a list that was uploaded under its id is its list."""
        ...

    async def upload_rows(self, campaign: Campaign, rows: Sequence[Recipient]) -> None:
        """Keep rows of a list whose campaign is added later; until then no one sees it. Repeating it is harmless."""
        ...

    async def abandoned_list(self, before: datetime) -> str | None:
        """The id of a list that was begun before that time and whose campaign was never added."""
        ...

    async def drop_rows(self, campaign_id: str, limit: int) -> None:
        """Delete rows of such a list, the list itself with the last."""
        ...

    async def last_campaign(self, event_uid: str, organizer: str, kind: Kind) -> Campaign | None:
        """The newest campaign of a kind for an event of that organizer, or None."""
        ...

    async def last_campaigns(self, event_uid: str, organizer: str, limit: int) -> list[Campaign]:
        """The newest campaigns of every kind for an event of that organizer, newest first."""
        ...

    async def save_campaign(self, campaign: Campaign) -> None:
        """Replace a campaign; one that comes to rest is noted among the changes."""
        ...

    async def recipients(
        self, campaign_id: str, cursor: str, limit: int
    ) -> tuple[list[Recipient], str | None]:
        """The next good rows of a list, and the new cursor; None after the last.

        At most `limit`; fewer, where a unit of work does not take so many of these.
        """
        ...

    async def recipient(self, campaign_id: str, row: int) -> Recipient | None:
        """One row of a list, good or skipped; None if it has no such row."""
        ...

    async def mark_recipients(self, campaign_id: str, codes: Mapping[int, Code]) -> None:
        """Skip rows of a list, each with the reason."""
        ...

    async def skip_recipients(self, campaign_id: str, cursor: str, code: Code, limit: int) -> str | None:
        """Skip the next good rows; the new cursor, None after the last."""
        ...

    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]:
        """The first skipped rows of those after the row `after`."""
        ...

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        """How many messages are in each state, and how many rows were skipped or wait to be written.

        Of a cancelled campaign no row waits, even while the job still marks them.
        """
        ...

    async def next_scheduled(self, now: datetime) -> Campaign | None:
        """A campaign whose time to start has come."""
        ...

    async def sent_of_campaign(self, campaign_id: str, after: str, limit: int) -> tuple[list[str], str]:
        """Message-IDs of a campaign's sent mails, in a lasting order, and where to go on; empty at the end."""
        ...

    async def next_drained(self) -> Campaign | None:
        """A running campaign whose messages are all written and settled."""
        ...

    async def next_failing(self, share: float) -> tuple[Campaign, int, int, str] | None:
        """A running campaign of whose newest messages more than `share` failed.

        With it: how many failed, of how many, and what a mail server answered last.
        """
        ...
