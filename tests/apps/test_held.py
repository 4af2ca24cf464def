"""The page of a held action in a real Chromium: exactly what a yes does, and a yes that is the key's own word."""

from __future__ import annotations

import pytest

from cis_mcp.mcp.tools import Selection
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.held import Channel, HeldState
from engine.model.keys import Key
from tests.apps.stage import staging
from tests.bounds.making import made
from tests.support.approvals import held_in
from tests.support.chromium import Browser
from tests.support.engines import created, deliver, do, invite
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")

AGENT, GUEST = "agent@cis.test", "guest@customer.com"
HOSTILE = "Hall <img src=x onerror=\"document.title='owned'\">"


async def _waits(engine: Engine, **bounds: object) -> tuple[Key, str]:
    """A key, and the id of a change that it asked for."""
    verbs = "create,send,update" if bounds.get("attended") else "create,send,update,approve"
    key = await made(engine, address=AGENT, verbs=verbs, mode="hold", **bounds)
    event = await created(engine, organizer=AGENT)
    await invite(engine, event, GUEST)
    await deliver(engine)
    done = await do(engine, UpdateEvent(uid=event.uid, location=HOSTILE, audience="all"), key.actor)  # type: ignore[arg-type]
    assert done.held
    return key, done.held.id


async def test_where_a_person_attends_a_press_carries_out_exactly_what_is_shown(
    browser: Browser, engine: Engine
) -> None:
    key, held_id = await _waits(engine, attended=True)
    selection = Selection(tier="extended")
    async with staging(browser, engine, selection=selection, actor=key.actor) as stage:
        view = await stage.open("get_held_action", {"id": held_id})
        await view.shows("Waits for a yes")
        assert HOSTILE in await view.text("#changes")
        assert HOSTILE in await view.text("#mail-text")
        await view.click("#no")
        await view.shows("A No needs a reason.", "#wrong")
        await view.click("#yes")
        await view.shows("Approved: it is carried out")
        assert not await view.text("#decide")
        assert (await view.told())[0].endswith("approved.")
    (decided,) = await held_in(engine, waiting=False)
    assert (decided.state, decided.channel) == (HeldState.APPROVED, Channel.KEY)
    assert [m.email for m in await deliver(engine) if m.kind.calendar] == [GUEST]


async def test_what_was_read_before_the_decision_does_not_show_it_as_waiting(
    browser: Browser, engine: Engine
) -> None:
    key, held_id = await _waits(engine, attended=True)
    async with staging(browser, engine, selection=Selection(tier="extended"), actor=key.actor) as stage:
        view = await stage.open("get_held_action", {"id": held_id})
        await view.shows("Waits for a yes")
        await stage.keeps("get_held_action")
        await eventually(stage.kept)
        await view.click("#yes")
        await view.shows("Approved: it is carried out")
        await stage.hands(view)
        assert "Approved" in await view.text("#state")


async def test_whose_key_asked_and_is_attended_by_nobody_sees_it_without_buttons(
    browser: Browser, engine: Engine
) -> None:
    key, held_id = await _waits(engine)
    selection = Selection(tier="extended")
    async with staging(browser, engine, selection=selection, actor=key.actor) as stage:
        view = await stage.open("get_held_action", {"id": held_id})
        await view.shows("Waits for a yes")
        assert not await view.text("#decide")
    assert len(await held_in(engine)) == 1
