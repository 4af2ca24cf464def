"""What a campaign costs on DynamoDB, by DynamoDB's own account, which no noise moves."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.itip.recurrence import instances
from engine.model.counters import Rates
from engine.model.keys import Key
from engine.model.list_rows import ListRow
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from tests.bounds.making import made
from tests.judges.tables import new_table
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, settings_in
from tests.support.soak import SOAK

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
FEW, MANY = 100, 600
THOUSAND, TEN_THOUSAND = 1_000, 10_000
GROWTH = 1.1
WRITE_UNIT, READ_UNIT = 0.625, 0.125
"""US dollars a million, the list price of us-east-1."""


class Cost(NamedTuple):
    """What was used."""

    writes: float
    reads: float
    requests: int


async def _cost(store: DynamoStore, engine: Engine, key: Key, people: int) -> Cost:
    """Of a campaign from its draft until all is sent and closed; its key has bounds, and all of it is recorded."""
    event = await created(engine, key.actor)
    before = _used(store)
    rows = [ListRow(email=f"p{people}-{n}@example.com", name=f"Person {n}") for n in range(people)]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    await do(engine, start, key.actor)
    assert len(await deliver(engine)) == people
    return Cost(*(now - then for now, then in zip(_used(store), before, strict=True)))


def _used(store: DynamoStore) -> Cost:
    return Cost(store.consumed.writes, store.consumed.reads, store.consumed.requests)


@asynccontextmanager
async def _campaigns(folder: Path) -> AsyncIterator[Callable[[int], Awaitable[Cost]]]:
    """What a campaign of so many people costs, one after the other over one table."""
    async with new_table(Context(Rates(), instances)) as store:
        engine = Engine(settings_in(folder, invite_limit=0), store, Clock(), SystemRandomness())
        wide = dict.fromkeys(("day", "new_people_day", "bulk_max", "approval_bulk"), 20_000)
        bounds = {"minute": 0, "probation_days": 0, "owner": "boss@example.org", "links": ["example.com"]}
        key = await made(engine, address="agent@cis.test", **bounds, **wide)
        yield lambda people: _cost(store, engine, key, people)


async def test_an_invite_of_a_campaign_with_bounds_and_record_costs_at_most_twelve_write_units(
    tmp_path: Path,
) -> None:
    async with _campaigns(tmp_path) as cost:
        few, many = [await cost(people) for people in (FEW, MANY)]
    requests = (many.requests - few.requests) / (MANY - FEW)
    print(f"{many.writes / MANY:.2f} write units and {requests:.2f} requests an invite")
    print(f"1,000,000 invites: ${many.writes / MANY * WRITE_UNIT + many.reads / MANY * READ_UNIT:.2f}")
    assert few.writes / FEW <= 13
    assert many.writes / MANY <= 12
    # Beside what a campaign costs however small it is, which is some 140 requests.
    assert requests <= 0.4


@pytest.mark.skipif(not SOAK, reason="takes the emulator minutes; set CIS_SOAK=1")
async def test_an_invite_of_ten_thousand_costs_hardly_more_than_one_of_a_thousand(tmp_path: Path) -> None:
    async with _campaigns(tmp_path) as cost:
        few, many = [await cost(people) for people in (THOUSAND, TEN_THOUSAND)]
    print()
    for name, of_few, of_many in zip(Cost._fields, few, many, strict=True):
        print(f"{name} an invite: {of_few / THOUSAND:.3f} of 1,000, {of_many / TEN_THOUSAND:.3f} of 10,000")
    for of_few, of_many in zip(few, many, strict=True):
        assert of_many / TEN_THOUSAND <= GROWTH * of_few / THOUSAND
