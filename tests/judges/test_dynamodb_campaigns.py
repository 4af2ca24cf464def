"""What a campaign costs on DynamoDB, by DynamoDB's own account, which no noise moves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.itip.recurrence import instances
from engine.model.campaigns import Row
from engine.model.counters import Rates
from engine.model.keys import Key
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from tests.bounds.making import made
from tests.judges.tables import new_table
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, settings_in

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
FEW, MANY = 100, 600


class Cost(NamedTuple):
    """What was used."""

    writes: float
    requests: int


async def _cost(store: DynamoStore, engine: Engine, key: Key, people: int) -> Cost:
    """Of a campaign from its draft until all is sent and closed; its key has bounds, and all of it is recorded."""
    event = await created(engine, key.actor)
    before = store.consumed.writes, store.consumed.requests
    rows = [Row(email=f"p{people}-{n}@example.com", name=f"Person {n}") for n in range(people)]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    await do(engine, start, key.actor)
    assert len(await deliver(engine)) == people
    return Cost(store.consumed.writes - before[0], store.consumed.requests - before[1])


async def test_an_invite_of_a_campaign_with_bounds_and_record_costs_at_most_twelve_write_units(
    tmp_path: Path,
) -> None:
    async with new_table(Context(Rates(), instances)) as store:
        engine = Engine(settings_in(tmp_path), store, Clock(), SystemRandomness())  # type: ignore[arg-type]
        wide = {"day": 10_000, "new_people_day": 10_000, "bulk_max": 10_000, "approval_bulk": 10_000}
        bounds = {"minute": 0, "probation_days": 0, "owner": "boss@example.org", "links": ["example.com"]}
        key = await made(engine, address="agent@cis.test", **bounds, **wide)
        few, many = [await _cost(store, engine, key, people) for people in (FEW, MANY)]
    requests = (many.requests - few.requests) / (MANY - FEW)
    print(f"{many.writes / MANY:.2f} write units and {requests:.2f} requests an invite")
    assert few.writes / FEW <= 13
    assert many.writes / MANY <= 12
    # Beside what a campaign costs however small it is, which is some 140 requests.
    assert requests <= 0.4
