"""Settings of organizers, their further addresses, and lists of organizers."""

from __future__ import annotations

from collections import Counter

from engine.model.base import Value
from engine.model.counters import DomainBrief, OrganizerBrief
from engine.model.organizers import OrganizerProfile
from engine.store.dynamodb.events import ORGANIZERS, EventQuestions, Events
from engine.store.dynamodb.names import LAST, joined
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import summed
from engine.store.dynamodb.tallies import SHARDS, Tallies, organizer_key

_SETTLED = ("name", "zone", "language", "lists", "drafts", "addresses")


class FurtherAddress(Value):
    """Another address whose mail is an organizer's."""

    address: str
    organizer: str


ADDRESSES = KindTable[FurtherAddress](
    "organizer-address", FurtherAddress, key=lambda one: (one.address,), checked=False
)


class OrganizerQuestions(EventQuestions, Tallies):
    """Questions about organizers."""

    async def organizer_profile(self, address: str) -> OrganizerProfile | None:
        """The organizer with this address, or None."""
        known = await self.organizer(address)
        if known is None:
            return None
        settled = {name: getattr(known, name) for name in _SETTLED}
        return OrganizerProfile(
            address=address,
            suspended=known.suspended,
            registered=known.registered is not None,
            **{**settled, "addresses": tuple(sorted(known.addresses))},
        )

    async def organizer_language(self, organizer: str) -> str:
        """The tag of the organizer's language; empty if it is not set."""
        known = await self.organizer(organizer)
        return known.language if known else ""

    async def organizer_of(self, address: str) -> str:
        """The organizer to whom this further address belongs; empty if it is none."""
        found = await self.rows.get(ADDRESSES, address)
        return found.organizer if found else ""

    async def organizers(
        self, domain: str, beginning: str, limit: int, after: str = ""
    ) -> list[OrganizerBrief]:
        """Organizers in the order of their addresses: of one domain, if given, with addresses that begin so."""
        first, last = joined(beginning), f"{joined(beginning)}{LAST}" if beginning else LAST
        behind = f"{joined(after)}$" if after else ""
        listed = await self.items.query(
            ORGANIZERS.listing("domain", domain), after=max(first, behind), before=last, limit=limit
        )
        addresses = [one.address for one in await self.rows.pointed(ORGANIZERS, listed)]
        keys = {one: [organizer_key(one, n) for n in range(SHARDS)] for one in addresses}
        counted = await self.items.numbers(key for some in keys.values() for key in some)
        return [
            OrganizerBrief(
                address=one, invited=summed([counted[key] for key in keys[one]]).get("attendees", 0)
            )
            for one in addresses
        ]

    async def organizer_domains(self, limit: int) -> list[DomainBrief]:
        """The domains with the most organizers; it reads the list of all addresses."""
        listed = await self.items.query(ORGANIZERS.listing("domain", ""))
        found = Counter(_domain(entry.key[1]) for entry in listed)
        ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return [DomainBrief(domain=domain, organizers=n) for domain, n in ordered[:limit]]


def _domain(sort: str) -> str:
    return sort.partition("#")[0].rpartition("@")[2]


class Organizers(OrganizerQuestions, Events):
    """Changes of organizers in a unit of work."""

    async def save_organizer(self, profile: OrganizerProfile) -> None:
        """Store name, zone, language, lists and further addresses of an existing organizer."""
        known = await self.organizer(profile.address)
        if known is None:
            return
        settled = {name: getattr(profile, name) for name in _SETTLED}
        named = known.named or known.name != profile.name
        await self.rows.put(ORGANIZERS, known.model_copy(update={**settled, "named": named}))
        for address in set(known.addresses) - set(profile.addresses):
            await self.rows.drop(ADDRESSES, address)
        for address in profile.addresses:
            await self.rows.put(ADDRESSES, FurtherAddress(address=address, organizer=profile.address))
