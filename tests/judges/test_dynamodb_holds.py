"""What was held while a campaign or an organizer's mail was resumed by another process leaves all the same."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import CampaignState
from engine.model.stops import Stop
from engine.store.dynamodb.bulk_changes import CHANGES
from engine.store.dynamodb.unit import DynamoUnit
from tests.judges.test_dynamodb_conflicts import ANN, Process, two_processes
from tests.store import stores
from tests.store.stores import ORGANIZER, START

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
Both = tuple[Process, Process]
Change = Callable[[DynamoUnit], Awaitable[object]]


@pytest.fixture
async def processes() -> AsyncIterator[Both]:
    """Two processes over one table, on which a campaign owes Ann her invite."""
    async with two_processes() as both:
        await stores.with_event(both[0])  # type: ignore[arg-type]
        async with both[0].unit() as unit:
            await unit.add_campaign(stores.campaign(), stores.recipients(1))
            await unit.add_attendees([stores.attendee(ANN)])
            await unit.add_messages([stores.message(ANN, campaign_id="campaign1")], priority=1)
        yield both


async def _pause(unit: DynamoUnit) -> None:
    await unit.save_campaign(stores.campaign(state=CampaignState.PAUSED))


async def _go_on(unit: DynamoUnit) -> None:
    await unit.save_campaign(stores.campaign())


async def _stop(unit: DynamoUnit) -> None:
    await unit.stop(Stop(organizer=ORGANIZER, since=START, stopped_by="operator"))


async def _resume(unit: DynamoUnit) -> None:
    await unit.resume(ORGANIZER)


OF_CAMPAIGN = BulkChange(action=BulkAction.RELEASE, campaign_id="campaign1")
OF_ORGANIZER = BulkChange(action=BulkAction.RELEASE, organizer=ORGANIZER)
RESUMED = [(_pause, _go_on, OF_CAMPAIGN), (_stop, _resume, OF_ORGANIZER)]


@pytest.mark.parametrize(("holds", "lifts", "change"), RESUMED)
async def test_a_claim_holds_nothing_for_what_is_lifted_before_the_claim_is_kept(
    processes: Both, holds: Change, lifts: Change, change: BulkChange
) -> None:
    one, other = processes
    async with one.unit() as unit:
        await holds(unit)

    async def resume() -> None:
        async with one.unit() as unit:
            await lifts(unit)
            assert await unit.change_messages(change, START) is None

    other.meanwhile = resume
    (claim,) = await other.claim_messages("one", 10, lambda: START, 20, reclaim=False)
    assert claim.message.email == ANN


@pytest.mark.parametrize(("holds", "lifts", "change"), RESUMED)
async def test_what_a_claim_holds_while_it_is_lifted_is_let_go_a_moment_later(
    processes: Both, holds: Change, lifts: Change, change: BulkChange
) -> None:
    one, other = processes
    async with one.unit() as unit:
        await holds(unit)
    async with one.unit() as unit:
        await unit.end_bulk_change(change)
        await lifts(unit)
        assert await unit.change_messages(change, START) is None
        assert await stores.claim(other) == []  # type: ignore[arg-type]
        await unit.end_bulk_change(change)
    assert await stores.claim(other) == []  # type: ignore[arg-type]
    kept = await one.rows.get(CHANGES, change.scope)
    assert kept is not None
    async with one.unit() as unit:
        assert await unit.change_messages(kept.change, START) is None
        await unit.end_bulk_change(kept.change)
    assert await one.rows.get(CHANGES, change.scope) is None
    (claim,) = await stores.claim(other)  # type: ignore[arg-type]
    assert claim.message.email == ANN
