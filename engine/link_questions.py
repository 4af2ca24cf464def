"""What is asked of campaign links: by their organizers, and by whoever opens one."""

from __future__ import annotations

from engine.model.actors import Actor
from engine.model.campaign_links import CampaignLink, LinkCounts, Vendor
from engine.model.events import Event
from engine.ownership import of_others
from engine.refusals import Code, Refused
from engine.store.protocol import Store

_LINKS_SHOWN = 500


class LinkQuestions:
    """The questions about campaign links."""

    store: Store

    async def link(self, link_id: str, actor: Actor) -> CampaignLink:
        """The actor's link with this id. Raises Refused: NOT_ALLOWED, UNKNOWN_LINK."""
        _may_read(actor)
        link = await self.store.link(link_id.strip().lower())
        if link is None or not actor.owns(link.organizer):
            from engine.commands.pages.links import unknown_link

            raise unknown_link(link_id)
        return link

    async def links(
        self, actor: Actor, limit: int = _LINKS_SHOWN, organizer: str | None = None
    ) -> list[CampaignLink]:
        """The newest links, newest first: all that the actor owns, or those of one organizer whom they may see.

        Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT.
        """
        _may_read(actor)
        if organizer is not None and not actor.owns(organizer):
            raise of_others("organizer")
        whose = organizer or (None if actor.everywhere else actor.address)
        return await self.store.links(whose, limit)

    async def link_counts(self, link: CampaignLink) -> LinkCounts:
        """How often a link was opened, pressed, sent from and answered."""
        return await self.store.link_counts(link.id)

    async def opened_link(self, token: str) -> CampaignLink | None:
        """The link with this token, if it is in use; the token itself is what allows the question."""
        link = await self.store.link_by_token(token)
        return link if link and link.active else None

    async def asked_by_link(self, link_id: str) -> CampaignLink | None:
        """The link that a request came by, if it is in use."""
        link = await self.store.link(link_id)
        return link if link and link.active else None

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        """The hosts to which the organizer lets its visitors be led."""
        return await self.store.landing_hosts(organizer)

    async def link_events(self, link: CampaignLink) -> list[Event]:
        """The events of a link, cancelled and past ones too, as whoever opens it may see them."""
        owner = Actor(kind="organizer", address=link.organizer)
        found = [await self.store.events_named(uid, link.organizer) for uid in link.uids]
        return [event for events in found for event in events if owner.owns(event.organizer)]

    async def vendors_kept(self) -> list[Vendor]:
        """The mail services that operators added or changed."""
        return await self.store.vendors()


def _may_read(actor: Actor) -> None:
    if not actor.may_read:
        raise Refused(Code.NOT_ALLOWED, "This key may not read: it lacks the scope “read”.")
