"""Campaign links, their use, and the mail services that operators added."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.model.base import Value
from engine.model.campaign_links import CampaignLink, LinkCounts, Vendor
from engine.model.people import Partstat
from engine.store.dynamodb.attendees import AttendeeQuestions
from engine.store.dynamodb.names import Key, joined, newest_first
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import UnitSession

_ALL = "all"
_COUNTED = ("shown", "unmerged", "pressed")


class LandingHosts(Value):
    """The hosts to which an organizer allows visitors to be redirected."""

    organizer: str
    hosts: tuple[str, ...]


class LinkInvite(Value):
    """An attendee who was invited by a link."""

    link_id: str
    token: str


def _made(link: CampaignLink) -> Iterable[Entry]:
    for place in (_ALL, f"of {link.organizer}"):
        yield place, newest_first(link.created)


LINKS = KindTable[CampaignLink](
    "link",
    CampaignLink,
    key=lambda link: (link.id,),
    indexes={"token": lambda link: [(link.token, "")], "made": _made},
    checked=False,
)
HOSTS = KindTable[LandingHosts]("landing-hosts", LandingHosts, key=lambda hosts: (hosts.organizer,))
INVITES = KindTable[LinkInvite](
    "link-invite", LinkInvite, key=lambda invite: (invite.link_id, invite.token), checked=False
)
VENDORS = KindTable[Vendor]("vendor", Vendor, key=lambda vendor: (_ALL, vendor.id), checked=False)


def counters(link_id: str) -> Key:
    return joined("link-counts", link_id), "counts"


class LinkQuestions(AttendeeQuestions):
    """Questions about links."""

    async def landing_hosts(self, organizer: str) -> tuple[str, ...]:
        """The hosts to which the organizer allows visitors to be redirected, in order."""
        found = await self.rows.get(HOSTS, organizer)
        return tuple(sorted(found.hosts)) if found else ()

    async def link(self, link_id: str) -> CampaignLink | None:
        """The link with this id, or None."""
        return await self.rows.get(LINKS, link_id)

    async def link_by_token(self, token: str) -> CampaignLink | None:
        """The link with this token, or None."""
        return await self.rows.first_by(LINKS, "token", token)

    async def links(self, organizer: str | None, limit: int) -> list[CampaignLink]:
        """The newest links, newest first; of one organizer, or of all at a domain such as `@example.com`, if given."""
        if organizer and organizer.startswith("@"):
            found = []
            async for link in self.rows.each_by(LINKS, "made", _ALL):
                if link.organizer.endswith(organizer):
                    found.append(link)
                if len(found) == limit:
                    break
            return found
        place = _ALL if organizer is None else f"of {organizer}"
        return await self.rows.by(LINKS, "made", place, limit=limit)

    async def link_counts(self, link_id: str) -> LinkCounts:
        """The counts of a link's use, without withdrawn attendees."""
        counted = (await self.items.numbers([counters(link_id)]))[counters(link_id)]
        sent = answered = 0
        async for invite in self.rows.each_under(INVITES, link_id):
            attendee = await self.attendee_by_token(invite.token)
            if attendee and attendee.withdrawn is None:
                sent += 1
                answered += attendee.partstat is not Partstat.NEEDS_ACTION
        return LinkCounts(sent=sent, answered=answered, **{name: counted.get(name, 0) for name in _COUNTED})

    async def vendors(self) -> list[Vendor]:
        """The mail services that operators added or changed, by their ids."""
        return await self.rows.under(VENDORS, _ALL)


class Links(LinkQuestions, UnitSession):
    """Changes of links in a unit of work."""

    async def save_landing_hosts(self, organizer: str, hosts: Sequence[str]) -> None:
        """Replace the hosts, storing each once."""
        await self.rows.put(HOSTS, LandingHosts(organizer=organizer, hosts=tuple(sorted(set(hosts)))))

    async def save_link(self, link: CampaignLink) -> None:
        """Add a link or replace it, except its counters."""
        await self.rows.put(LINKS, link)

    async def count_link(self, link_id: str, *, shown: int = 0, unmerged: int = 0, pressed: int = 0) -> None:
        """Add to the counters of a link."""
        for name, n in zip(_COUNTED, (shown, unmerged, pressed), strict=True):
            self.items.add(counters(link_id), name, n)

    async def link_pressed(self, link_id: str) -> int:
        """How often the button of a link was pressed."""
        return (await self.items.numbers([counters(link_id)]))[counters(link_id)].get("pressed", 0)

    async def note_link_invite(self, link_id: str, token: str) -> None:
        """Record that the attendee with this receipt token was invited by the link, once even if repeated."""
        await self.rows.add(INVITES, LinkInvite(link_id=link_id, token=token))

    async def save_vendor(self, vendor: Vendor) -> None:
        """Add a mail service or replace it."""
        await self.rows.put(VENDORS, vendor)
