"""Campaign links, what became of them, and the mail services that operators added."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.model.campaign_links import CampaignLink, LinkCounts, Vendor


class Links(Protocol):
    """The part of a unit of work that concerns campaign links."""

    async def link(self, link_id: str) -> CampaignLink | None:
        """The link with this id, or None."""
        ...

    async def link_by_token(self, token: str) -> CampaignLink | None:
        """The link with this token, or None."""
        ...

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        """The hosts to which the organizer lets visitors be led, in order."""
        ...

    async def save_landing_hosts(self, organizer: str, hosts: Sequence[str]) -> None:
        """Replace the organizer's hosts with these, without repetitions."""
        ...

    async def save_link(self, link: CampaignLink) -> None:
        """Add a link or replace it; its counters stay."""
        ...

    async def count_link(self, link_id: str, *, shown: int = 0, unmerged: int = 0, pressed: int = 0) -> None:
        """Add to the counters of a link."""
        ...

    async def link_pressed(self, link_id: str) -> int:
        """How often the button of a link was pressed."""
        ...

    async def note_link_invite(self, link_id: str, token: str) -> None:
        """Note that the attendee with this receipt token is invited by the link; once is enough."""
        ...

    async def save_vendor(self, vendor: Vendor) -> None:
        """Add a mail service or replace it."""
        ...

    async def vendors(self) -> list[Vendor]:
        """The mail services that operators added or changed, by their ids."""
        ...


class LinkQuestions(Protocol):
    """What is asked of campaign links."""

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        """The hosts to which the organizer lets visitors be led, in order."""
        ...

    async def link(self, link_id: str) -> CampaignLink | None:
        """The link with this id, or None."""
        ...

    async def link_by_token(self, token: str) -> CampaignLink | None:
        """The link with this token, or None."""
        ...

    async def links(self, organizer: str | None, limit: int) -> list[CampaignLink]:
        """The newest links, newest first; of one organizer, or of all at a domain such as `@example.com`, if given."""
        ...

    async def link_counts(self, link_id: str) -> LinkCounts:
        """The counts of a link, without people who were withdrawn."""
        ...

    async def vendors(self) -> list[Vendor]:
        """The mail services that operators added or changed, by their ids."""
        ...
