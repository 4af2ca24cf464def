"""The contract of a store: campaign links, what became of them, and mail services."""

from __future__ import annotations

from datetime import timedelta

from engine.model.campaign_links import CampaignLink, LinkCounts, Vendor
from engine.model.people import Origin, Partstat
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START

LINK = CampaignLink(
    id="abcdefgh",
    token="token1",
    name="May",
    organizer=ORGANIZER,
    uids=("event1",),
    vendor="mailchimp",
    origin=Origin.MAILCHIMPCTA,
    created=START,
    changed=START,
)


async def test_a_link_is_kept_changed_and_found_by_its_token(store: Store) -> None:
    other = LINK.model_copy(update={"id": "other", "token": "token2", "organizer": "eve@example.org"})
    later = LINK.model_copy(update={"id": "later", "token": "token3", "created": START + timedelta(hours=1)})
    async with store.unit() as unit:
        for link in (LINK, other, later):
            await unit.save_link(link)
        await unit.count_link(LINK.id, shown=2, unmerged=1)
        await unit.save_link(LINK.model_copy(update={"active": False}))
        await unit.count_link(LINK.id, pressed=1)
        assert await unit.link_pressed(LINK.id) == 1
    kept = await store.link_by_token("token1")
    assert kept is not None
    assert not kept.active
    assert await store.link(LINK.id) == kept
    assert await store.link_by_token("Token1") is None
    assert [link.id for link in await store.links(ORGANIZER, 10)] == ["later", LINK.id]
    assert [link.id for link in await store.links(None, 2)] == ["later", LINK.id]
    assert [link.id for link in await store.links("@example.org", 10)] == ["later", LINK.id, "other"]
    assert [link.id for link in await store.links("@example.org", 1)] == ["later"]
    assert await store.links("@ample.org", 10) == []
    assert await store.link_counts(LINK.id) == LinkCounts(shown=2, unmerged=1, pressed=1)
    assert await store.link_counts("nothing") == LinkCounts()


async def test_sent_and_answered_equal_a_recount_of_those_who_came_by_it(store: Store) -> None:
    await stores.with_event(store, "ann@example.com", "ben@example.com", "eve@example.com")
    async with store.unit() as unit:
        await unit.save_link(LINK)
        people = [await unit.attendee("event1", f"{who}@example.com") for who in ("ann", "ben")]
        for attendee in (*people, people[0]):
            assert attendee is not None
            await unit.note_link_invite(LINK.id, attendee.token)
        ann, ben = people
        assert ann is not None
        assert ben is not None
        await unit.change_attendee(ann, ann.model_copy(update={"partstat": Partstat.ACCEPTED}))
        await unit.change_attendee(ben, ben.model_copy(update={"partstat": Partstat.DECLINED}))
    assert await store.link_counts(LINK.id) == LinkCounts(sent=2, answered=2)
    async with store.unit() as unit:
        ben = await unit.attendee("event1", "ben@example.com")
        assert ben is not None
        await unit.change_attendee(ben, ben.model_copy(update={"withdrawn": START}))
    assert await store.link_counts(LINK.id) == LinkCounts(sent=1, answered=1)


async def test_mail_services_are_kept_and_replaced(store: Store) -> None:
    async with store.unit() as unit:
        await unit.save_vendor(Vendor(id="zeta", name="Zeta"))
        await unit.save_vendor(Vendor(id="alpha", name="Alpha"))
        await unit.save_vendor(Vendor(id="zeta", name="Zeta Mail", hidden=True))
    assert [vendor.name for vendor in await store.vendors()] == ["Alpha", "Zeta Mail"]


async def test_the_hosts_to_which_an_organizer_leads_are_kept_instead_of_those_before(store: Store) -> None:
    for hosts in (("b.example", "a.example"), ("c.example",), ()):
        async with store.unit() as unit:
            await unit.save_landing_hosts(ORGANIZER, hosts)
            assert await unit.landing_hosts(ORGANIZER) == tuple(sorted(hosts))
        assert await store.landing_hosts(ORGANIZER) == tuple(sorted(hosts))
        assert await store.landing_hosts("eve@example.org") == ()
