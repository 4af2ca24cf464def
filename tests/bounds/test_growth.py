"""What a list costs does not grow with whom its key has met, nor with what went to the same people before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.commands.agents.keys import CreateKey
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds
from engine.model.list_rows import ListRow
from tests.support.engines import created, deliver, do, engine_in
from tests.support.queries import Queries, counting_queries

_LIST = 100
_UNLIMITED = Bounds(day=0, minute=0, new_people_day=0, person_day=0, bulk_max=0, events_max=0)


async def test_a_list_to_people_whom_its_key_has_met_costs_no_more_where_the_key_has_met_many_others(
    tmp_path: Path,
) -> None:
    few, many = [await _second_list(tmp_path / str(n), met=n) for n in (_LIST, 10 * _LIST)]
    assert many.statements < 1.2 * few.statements
    assert many.steps < 1.5 * few.steps


async def _second_list(folder: Path, met: int) -> Queries:
    """What a second list costs, to the first of those who got one by the same key."""
    with counting_queries() as queries:
        async with engine_in(folder, invite_limit=0) as engine:
            key = (await do(engine, CreateKey(name="k", address="agent@cis.test", bounds=_UNLIMITED))).key
            await _sent(engine, key.actor, met)
            queries.zero()
            await _sent(engine, key.actor, _LIST)
            return replace(queries)


async def _sent(engine: Engine, actor: Actor, people: int) -> None:
    event = await created(engine, actor)
    rows = [ListRow(email=f"p{n}@example.com") for n in range(people)]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    await do(engine, start, actor)
    assert len(await deliver(engine)) == people
