"""The contract of a store: how an installation and its organizers look."""

from __future__ import annotations

from engine.model.branding import Branding, Hub, MailText
from engine.store.protocol import Store


async def test_each_scope_has_a_branding_of_its_own_until_it_is_dropped(store: Store) -> None:
    whole = Branding(
        title="Club", colour="#123456", off=frozenset({Hub.AGENTS}), texts={MailText.INVITE: "Hi!"}
    )
    own = Branding(scope="ann@example.com", title="Ann")
    async with store.unit() as unit:
        await unit.save_branding(whole)
        await unit.save_branding(own)
    assert await store.branding("") == whole
    assert await store.branding("ann@example.com") == own
    assert await store.branding("bob@example.com") is None
    async with store.unit() as unit:
        await unit.save_branding(own.model_copy(update={"title": "Anna"}))
        assert (await unit.branding("ann@example.com")) == own.model_copy(update={"title": "Anna"})
        await unit.drop_branding("")
    assert await store.branding("") is None
