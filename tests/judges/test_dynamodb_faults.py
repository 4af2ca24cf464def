"""A campaign over a table that throttles, conflicts and loses answers, while workers are killed and people answer."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from engine.model.campaigns import CampaignState
from engine.model.people import Partstat
from tests.faults.scene import campaign_to, crowd, killed, stopped, worker
from tests.judges.ministack import KEYS, REGION, faults, fired, microburst
from tests.judges.tables import emulator
from tests.support.engines import answer
from tests.support.relay import relaying
from tests.support.waiting import DEADLINE_S, eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
PEOPLE, ANSWERS, KILLS = (1_000, 60, 3)
IN_FLIGHT = 500
"""What one worker holds at most."""
SECRET = "a secret of 32 characters or more, for all"
_CONFLICT = {
    "code": "TransactionCanceledException",
    "fields": {"CancellationReasons": [{"Code": "TransactionConflict", "Message": "ongoing"}]},
}
RULES: list[dict[str, object]] = [
    {"service": "dynamodb", "operation": "TransactWriteItems", "probability": 0.10, "error": _CONFLICT},
    {
        "service": "dynamodb",
        "operation": "TransactWriteItems",
        "probability": 0.05,
        "response": {"abort_frac": 0.1},
    },
    {"service": "dynamodb", "probability": 0.20, "error": {"code": "ThrottlingException"}},
]


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    with microburst(emulator(), tmp_path) as address:
        yield address


async def test_nothing_is_lost_or_doubled_but_what_was_in_flight(proxy: str, tmp_path: Path) -> None:
    store = f"dynamodb://faults?region={REGION}&endpoint={proxy}&create=yes"
    people = crowd(PEOPLE)
    async with (
        relaying() as relay,
        campaign_to(tmp_path / "one", people, store=store, secret=SECRET) as story,
        AsyncExitStack() as stack,
    ):
        faults(proxy, RULES)
        for n in range(KILLS):
            folder = tmp_path / f"machine{n}"
            machine = worker(folder, relay.port, STORE=store, SECRET=SECRET, **KEYS)
            doomed = await stack.enter_async_context(machine)
            relay.after(len(relay.deliveries) + 40, doomed.kill)
            await killed(doomed)
        early = len(relay.deliveries)
        last = await stack.enter_async_context(
            worker(tmp_path / "last", relay.port, STORE=store, SECRET=SECRET, **KEYS)
        )
        answered = 0
        for email in people[:ANSWERS]:
            attendee = await story.engine.store.attendee(story.event.uid, email)
            if attendee:
                await answer(story.engine, attendee, Partstat.ACCEPTED)
                answered += 1

        assert answered

        async def over() -> bool:
            return await story.state() is CampaignState.FINISHED

        await eventually(over, 5 * DEADLINE_S)
        await stopped(last)
        assert fired(proxy) >= PEOPLE // 10
        faults(proxy, [])
        counts = await story.counts()
        assert counts["sent"] == len(people), counts
        times = Counter(delivery.message_id for delivery in relay.deliveries)
        assert set(relay.by_recipient()) == set(people)
        assert sum(n - 1 for n in times.values()) <= min(early, KILLS * IN_FLIGHT)
        assert len({delivery.name for delivery in relay.deliveries}) == len(people)
        statistics = await story.engine.statistics("event", story.event.uid, story.engine.local)
        assert statistics.rsvp["accepted"] == answered
        # The recount follows as the engine closes.
