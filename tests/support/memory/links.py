"""A unit of work over a snapshot: campaign links."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model.campaign_links import CampaignLink, LinkCounts, Vendor
from engine.model.people import Attendee, Partstat
from tests.support.memory.pages import PageUnit, of_whom


class LinkUnit(PageUnit):
    """The part of a unit of work that concerns campaign links, with the questions about them."""

    async def link(self, link_id: str) -> CampaignLink | None:
        return self.t.get("link", link_id)

    async def link_by_token(self, token: str) -> CampaignLink | None:
        return next(self.t.where("link", lambda link: link.token == token), None)

    async def save_link(self, link: CampaignLink) -> None:
        self.t.put("link", link.id, link)

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        return tuple(sorted(self.t.get("landing_hosts", organizer) or ()))

    async def save_landing_hosts(self, organizer: str, hosts: Sequence[str]) -> None:
        self.t.put("landing_hosts", organizer, tuple(hosts))

    async def count_link(self, link_id: str, *, shown: int = 0, unmerged: int = 0, pressed: int = 0) -> None:
        n = self._counted_link(link_id)
        self.t.put("link_counts", link_id, (n[0] + shown, n[1] + unmerged, n[2] + pressed))

    def _counted_link(self, link_id: str) -> tuple[int, int, int]:
        return self.t.get("link_counts", link_id) or (0, 0, 0)

    async def link_pressed(self, link_id: str) -> int:
        return self._counted_link(link_id)[2]

    async def note_link_invite(self, link_id: str, token: str) -> None:
        if (link_id, token) not in self.t.of("link_invite"):
            self.t.put("link_invite", (link_id, token), True)

    async def save_vendor(self, vendor: Vendor) -> None:
        self.t.put("vendor", vendor.id, vendor)

    async def vendors(self) -> list[Vendor]:
        return sorted(self.t.of("vendor").values(), key=lambda vendor: vendor.id)

    async def links(self, organizer: str | None, limit: int) -> list[CampaignLink]:
        found = self.t.where("link", lambda link: of_whom(link.organizer, organizer))
        return sorted(found, key=lambda link: (-link.created.timestamp(), link.id))[:limit]

    async def link_counts(self, link_id: str) -> LinkCounts:
        tokens = {token for link, token in self.t.of("link_invite") if link == link_id}

        def invited(attendee: Attendee) -> bool:
            return attendee.token in tokens and attendee.withdrawn is None

        people = list(self.t.where("attendee", invited))
        shown, unmerged, pressed = self._counted_link(link_id)
        answered = sum(a.partstat is not Partstat.NEEDS_ACTION for a in people)
        return LinkCounts(
            shown=shown, unmerged=unmerged, pressed=pressed, sent=len(people), answered=answered
        )
