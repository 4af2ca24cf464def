"""What begins or ends in great number is told whole, in parts, and each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from engine.commands.webhooks.clock import AT_ONCE
from engine.commands.webhooks.feeding import FeedWebhook
from engine.engine import SYSTEM, Engine
from engine.model.webhooks import WebhookKind
from engine.store.protocol import Unit
from tests.store.stores import event
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.webhooks.receiver import LOCAL, subscribed

MANY = AT_ONCE + 30
_LOT = 10
"""Events that any store takes in one unit of work."""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, **LOCAL) as opened:
        yield opened


async def _events(engine: Engine, apart: timedelta) -> None:
    """Many events, one after the other; each lasts an hour."""

    async def work(unit: Unit, first: int) -> None:
        await unit.ensure_organizer(engine.local.address, "", engine.clock())
        for number in range(first, min(MANY, first + _LOT)):
            start = engine.clock() + timedelta(hours=1) + apart * number
            made = event(f"event{number}", organizer=engine.local.address)
            span = made.span.model_copy(update={"start": start, "end": start + timedelta(hours=1)})
            await unit.add_event(made.model_copy(update={"span": span, "ends_at": span.end_utc, "id": ""}))

    for first in range(0, MANY, _LOT):
        await engine.store.transact(partial(work, first=first))


@pytest.mark.parametrize("apart", [timedelta(seconds=7), timedelta()])
async def test_all_that_begin_and_end_while_nothing_was_told_are_told_once(
    engine: Engine, clock: Clock, apart: timedelta
) -> None:
    kinds = [WebhookKind.EVENT_STARTING, WebhookKind.EVENT_ENDED]
    webhook = (await subscribed(engine, "http://127.0.0.1:9/", kinds, starting_minutes=0)).webhook
    await _events(engine, apart)
    clock.move(days=1)
    told = Counter[str]()
    while (await engine.apply(FeedWebhook(webhook_id=webhook.id), SYSTEM)).worked:
        pass
    for posting in await engine.store.postings(webhook.id, None, 10_000, ""):
        told[f"{posting.kind} {posting.lane}"] += 1
    assert len(told) == 2 * MANY
    assert set(told.values()) == {1}
