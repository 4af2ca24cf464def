"""The contract of a store: what is settled for organizers, and their further addresses."""

from __future__ import annotations

from engine.model.organizers import OrganizerProfile
from engine.store.protocol import Store
from tests.store.stores import ORGANIZER, START

HOME, CLUB = "o@home.example", "o@club.example"


async def test_what_is_settled_for_an_organizer_is_kept_and_names_its_further_addresses(store: Store) -> None:
    assert await store.organizer_profile(ORGANIZER) is None
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "From an event", START)
        await unit.register(ORGANIZER, START)
    known = await store.organizer_profile(ORGANIZER)
    assert known == OrganizerProfile(address=ORGANIZER, name="From an event", registered=True)
    settled = known.model_copy(
        update={
            "name": "Owls",
            "zone": "Europe/Paris",
            "lists": False,
            "drafts": True,
            "addresses": (CLUB, HOME),
        }
    )
    async with store.unit() as unit:
        await unit.save_organizer(settled)
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "From another event", START)
    assert await store.organizer_profile(ORGANIZER) == settled
    assert [await store.organizer_of(one) for one in (HOME, CLUB, ORGANIZER)] == [ORGANIZER, ORGANIZER, ""]
    async with store.unit() as unit:
        await unit.save_organizer(settled.model_copy(update={"addresses": (HOME,)}))
        assert await unit.organizer_of(CLUB) == ""
