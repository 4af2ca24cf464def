"""Pausing, cancelling and stopping what owes many messages: it holds at once, and jobs do the rest in parts."""

from __future__ import annotations

import pytest

from engine.commands.agents.stopping import StopSending
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.events import CancelEvent
from engine.engine import Engine
from engine.store.sqlite.unit import SqliteUnit
from tests.support.engines import claim, control, created, deliver, do, drafted, jobs_done

PEOPLE = [f"p{i}@example.com" for i in range(7)]


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit of work takes two people, as if the lists were five hundred times as long."""
    monkeypatch.setattr(SqliteUnit, "items_per_unit", 2)


async def counts(engine: Engine, campaign_id: str) -> dict[str, int]:
    view = await engine.campaign(campaign_id, engine.local)
    assert sum(view.counts.values()) == view.campaign.total
    return {name: n for name, n in view.counts.items() if n}


@pytest.mark.parametrize("written", [True, False])
async def test_of_a_cancelled_campaign_nothing_leaves_and_everything_is_counted(
    engine: Engine, written: bool
) -> None:
    draft = await drafted(engine, await created(engine), PEOPLE)
    await control(engine, draft, CampaignAction.START)
    if written:
        await jobs_done(engine)
    await control(engine, draft, CampaignAction.CANCEL)
    assert await claim(engine) == []
    await jobs_done(engine)
    assert await counts(engine, draft.campaign.id) == ({"withdrawn": 7} if written else {"skipped": 7})
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert len(view.skipped) == (0 if written else 7)


async def test_a_draft_that_is_cancelled_has_no_row_that_waits(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), PEOPLE)
    await control(engine, draft, CampaignAction.CANCEL)
    assert await counts(engine, draft.campaign.id) == {"skipped": 7}
    await jobs_done(engine)
    assert await counts(engine, draft.campaign.id) == {"skipped": 7}


async def test_a_campaign_that_is_paused_and_resumed_in_the_middle_of_both_goes_on_whole(
    engine: Engine,
) -> None:
    draft = await drafted(engine, await created(engine), PEOPLE)
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await control(engine, draft, CampaignAction.PAUSE)
    assert await claim(engine) == []
    await control(engine, draft, CampaignAction.RESUME)
    await jobs_done(engine)
    assert sorted(m.email for m in await deliver(engine)) == PEOPLE


async def test_of_a_cancelled_event_no_invite_leaves_and_no_message_is_left_behind(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, PEOPLE)
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await do(engine, CancelEvent(uid=event.uid))
    assert await claim(engine) == []
    await jobs_done(engine)
    assert await counts(engine, draft.campaign.id) == {"withdrawn": 7}


async def test_when_everything_goes_on_again_so_does_all_that_was_held(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), PEOPLE)
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await do(engine, StopSending())
    assert await claim(engine) == []
    await do(engine, StopSending(stopped=False))
    await jobs_done(engine)
    assert sorted(m.email for m in await deliver(engine)) == PEOPLE
