"""The log of the process that sends a campaign: counts and rate, from nobody else, and no addresses."""

from __future__ import annotations

import asyncio
import logging

import pytest

from cis_mcp.watch import progress
from cis_mcp.watch.pace import Throughput, clock_time
from cis_mcp.watch.progress import EVERY_S, CampaignWatch
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone
from engine.engine import Engine
from engine.model.messages import MessageState
from tests.support.clock import Clock
from tests.support.engines import claim, control, created, deliver, drafted, jobs_done, settle
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=progress.__name__)


async def _started(engine: Engine, people: int = 100) -> CampaignDone:
    draft = await drafted(engine, await created(engine), [f"p{n}@example.com" for n in range(people)])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    return draft


async def _send(engine: Engine, number: int) -> None:
    await settle(engine, await claim(engine, number), MessageState.SENT, text="250 OK")


def _said(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [record.getMessage() for record in caplog.records if record.name == progress.__name__]
    caplog.clear()
    return said


async def test_whoever_sends_a_campaign_logs_counts_and_rate_until_it_is_over(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    key = (await _started(engine)).campaign.id
    watch = CampaignWatch(engine)
    for sent, queued, rate in ((20, 80, 4.0), (30, 70, 2.0)):
        await _send(engine, sent if sent == 20 else 10)
        clock.move(seconds=EVERY_S)
        await watch.look(worked=True)
        assert _said(caplog) == [
            f"campaign {key} running: {sent} of 100 done: {sent} sent, {queued} queued; {rate:.1f}/s"
        ]
    clock.move(seconds=EVERY_S)
    await watch.look(worked=False)
    assert _said(caplog) == [f"campaign {key} running: 30 of 100 done: 30 sent, 70 queued; 0.0/s"]
    await deliver(engine)
    clock.move(seconds=EVERY_S)
    await watch.look(worked=True)
    assert _said(caplog) == [f"campaign {key} finished: 100 of 100 done: 100 sent; 14.0/s"]
    await watch.look(worked=True)
    assert _said(caplog) == []


async def test_a_process_that_sends_nothing_is_silent(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await _started(engine)
    idle, done = CampaignWatch(engine), CampaignWatch(engine)
    await _send(engine, 10)
    clock.move(seconds=EVERY_S)
    await idle.look(worked=False)
    assert _said(caplog) == []
    await done.look(worked=True)
    assert len(_said(caplog)) == 1
    # Now another process goes on with it.
    await _send(engine, 10)
    clock.move(seconds=EVERY_S)
    await done.look(worked=False)
    assert _said(caplog) == []


async def test_a_log_line_holds_no_addresses(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await _started(engine, people=1)
    await settle(
        engine, await claim(engine), MessageState.FAILED, code="x", text="550 p0@example.com unknown"
    )
    clock.move(seconds=EVERY_S)
    await CampaignWatch(engine).look(worked=True)
    (line,) = _said(caplog)
    assert "@" not in line


async def test_the_watch_is_woken_by_answers_that_this_process_wrote(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.05)
    await _started(engine)
    await _send(engine, 10)
    watching = asyncio.create_task(progress.run(engine))
    try:

        def said() -> bool:
            engine.answered.notify()
            return bool(_said(caplog))

        assert await eventually(said)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def test_a_pace_is_that_of_the_last_seconds_and_tells_the_time_left() -> None:
    pace = Throughput(window_s=10)
    assert pace.rate is None
    for at, accepted in ((0.0, 0), (10.0, 1_000), (15.0, 1_050), (20.0, 1_100)):
        pace.see(at, {"sent": accepted})
    assert pace.rate == 10.0
    assert pace.left_s({"sent": 1_100}, 1_200) == 10.0
    assert pace.left_s({"sent": 1_100, "skipped": 100}, 1_200) is None


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0:00"), (61.4, "1:01"), (3_600, "1:00:00"), (90_061, "25:01:01")]
)
def test_a_length_of_time_is_shown_as_a_clock_shows_it(seconds: float, shown: str) -> None:
    assert clock_time(seconds) == shown
