"""What a counted receipt costs on DynamoDB, by DynamoDB's own account."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.itip.recurrence import instances
from engine.model.counters import Rates
from engine.model.people import Partstat
from engine.store.dynamodb.session import Context
from tests.judges.tables import new_table
from tests.support.clock import Clock
from tests.support.engines import answer, created, deliver, invite, settings_in

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
PEOPLE = 10


async def test_a_counted_receipt_costs_at_most_fourteen_write_units(tmp_path: Path) -> None:
    async with new_table(Context(Rates(), instances)) as store:
        engine = Engine(settings_in(tmp_path), store, Clock(), SystemRandomness())
        event = await created(engine)
        for n in range(PEOPLE):
            await invite(engine, event, f"p{n}@example.com")
        await deliver(engine)
        people = [await store.attendee(event.uid, f"p{n}@example.com") for n in range(PEOPLE)]
        before = store.consumed.writes
        for attendee in people:
            assert attendee
            await answer(engine, attendee, Partstat.ACCEPTED)
        cost = (store.consumed.writes - before) / PEOPLE
        print(f"{cost:.1f} write units a receipt")
        assert (await store.statistics("event", event.uid)).rsvp["accepted"] == PEOPLE
        assert cost <= 14
