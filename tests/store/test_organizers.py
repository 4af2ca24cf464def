"""The contract of a store: which organizers there are, each with its counter, and at which domains."""

from __future__ import annotations

from engine.model.counters import DomainBrief, OrganizerBrief
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER, START


async def test_organizers_are_listed_in_order_by_domain_and_beginning(store: Store) -> None:
    await stores.with_event(store, "a@example.com", "b@example.com")
    domain = ORGANIZER.partition("@")[2]
    async with store.unit() as unit:
        for address in ("zoe@other.test", "zack@other.test", f"zz@{domain}"):
            await unit.ensure_organizer(address, "", START)
    assert await store.organizers("", "", 9) == [
        OrganizerBrief(address=ORGANIZER, invited=2),
        OrganizerBrief(address="zack@other.test", invited=0),
        OrganizerBrief(address="zoe@other.test", invited=0),
        OrganizerBrief(address=f"zz@{domain}", invited=0),
    ]
    assert [o.address for o in await store.organizers("other.test", "", 1)] == ["zack@other.test"]
    assert [o.address for o in await store.organizers("", "zo", 9)] == ["zoe@other.test"]
    assert [o.address for o in await store.organizers("", "", 9, "zoe@other.test")] == [f"zz@{domain}"]
    assert await store.organizers("", "%", 9) == []


async def test_domains_come_by_the_number_of_their_organizers(store: Store) -> None:
    async with store.unit() as unit:
        for address in ("a@one.test", "b@two.test", "c@two.test"):
            await unit.ensure_organizer(address, "", START)
    found = await store.organizer_domains(9)
    assert found == [
        DomainBrief(domain="two.test", organizers=2),
        DomainBrief(domain="one.test", organizers=1),
    ]
    assert await store.organizer_domains(1) == found[:1]
