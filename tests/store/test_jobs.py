"""The contract of a store: a job that fails keeps no other from being done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.jobs import jobs
from engine.model.campaigns import CampaignState
from engine.model.messages import Fanout, Kind
from engine.settings import Settings
from engine.store.protocol import Store
from tests.store.stores import EVERYBODY, campaign, with_event
from tests.support.clock import Clock


class Failing:
    """A store that refuses the first unit of work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def transact(self, work: Any) -> Any:
        if not self._failed:
            self._failed = True
            raise ValueError("too much for one unit")
        return await self._store.transact(work)


async def test_a_campaign_ends_though_the_messages_of_another_job_cannot_be_written(
    store: Store, tmp_path: Path
) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(), ())
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=EVERYBODY))
    settings = Settings(data_dir=tmp_path / "data", _env_file=None)  # type: ignore[call-arg]
    engine = Engine(settings, Failing(store), Clock(), SystemRandomness())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="too much"):
        await jobs.step(engine)
    found = await store.campaign("campaign1")
    assert found
    assert found.state is CampaignState.FINISHED
