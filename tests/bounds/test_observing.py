"""A key that only observes: nothing is refused or waits, and the record says what would have been."""

from __future__ import annotations

import json

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.validation import ListRow
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.keys import Key
from engine.outbox.render import Renderer
from tests.bounds.making import made, narrowed
from tests.support.engines import claim, created, deliver, do
from tests.tools.caller import calling

EVE = "eve@evil.com"


@pytest.fixture
async def key(engine: Engine) -> Key:
    """As narrow as a key can be, and it only observes."""
    return await made(
        engine,
        mode="observe",
        to=[],
        links=[],
        day=1,
        bulk_max=1,
        horizon_days=1,
        minute=1,
        approval=["changes", "links"],
    )


async def observed(engine: Engine) -> list[tuple[str, list[str]]]:
    """What each command would have been refused by."""
    rows = [json.loads(row.body) for row in await engine.store.record_rows(0, 100)]
    return [(row["command"], row["observed"]) for row in rows if "observed" in row]


async def test_everything_is_carried_out_and_written_down(engine: Engine, key: Key) -> None:
    event = await created(engine, key.actor, description="See evil.com")
    for n in range(2):
        await do(engine, SendInvite(uid=event.uid, email=f"{n}{EVE}"), key.actor)
    await do(engine, UpdateEvent(uid=event.uid, location="Hall"), key.actor)
    rows = [ListRow(email=f"p{n}@evil.com") for n in range(3)]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    done = await do(engine, start, key.actor)
    assert (done.held, draft.campaign.valid) == (None, 3)
    assert await observed(engine) == [
        ("CreateEvent", ["approval:links", "horizon_days", "links"]),
        ("SendInvite", ["approval:links", "links", "to"]),
        ("SendInvite", ["approval:links", "day", "links", "to"]),
        ("UpdateEvent", ["approval:changes", "links"]),
        ("DraftCampaign", ["bulk_max", "links", "to"]),
        ("ControlCampaign", ["approval:links", "bulk_max", "day"]),
    ]
    assert len([m for m in await deliver(engine) if m.kind.calendar]) == 5


async def test_what_it_owes_leaves_with_its_links_and_at_once(engine: Engine, key: Key) -> None:
    await narrowed(engine, key, hours="00:00-00:01")
    event = await created(engine, key.actor, description="See evil.com")
    for n in range(3):
        await do(engine, SendInvite(uid=event.uid, email=f"{n}{EVE}"), key.actor)
    claims = await claim(engine)
    assert len(claims) == 3
    for one in claims:
        await Renderer(engine.settings, engine.store).render(one, engine.clock())


async def test_once_it_acts_the_same_is_refused(engine: Engine, key: Key) -> None:
    await narrowed(engine, key, mode="act")
    event = await created(engine, organizer="agent@cis.test")
    async with calling(engine, actor=key.actor) as caller:
        refused = await caller.refused("send_invite", uid=event.uid, email=EVE)
    assert (refused["code"], refused["bound"]) == ("out_of_bounds", "to")


async def test_a_key_above_that_acts_holds_the_one_that_observes(engine: Engine) -> None:
    above = await made(engine, to=["*@customer.com"], verbs="create,send,delegate")
    below = await made(engine, under=above.actor, verbs="create,send", mode="act")
    await narrowed(engine, below, mode="act")
    event = await created(engine, below.actor)
    async with calling(engine, actor=below.actor) as caller:
        assert await caller.code("send_invite", uid=event.uid, email=EVE) == "out_of_bounds"
