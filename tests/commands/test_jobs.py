"""Jobs in the background: one that fails has its pause, and slows no other."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from engine.jobs import jobs
from engine.model.messages import MessageState
from tests.support.engines import claim, control, created, drafted, settle
from tests.support.waiting import eventually

_NO_END = """
CREATE TRIGGER no_end BEFORE UPDATE ON campaign WHEN NEW.state = 'finished' BEGIN SELECT RAISE(ABORT, 'no'); END
"""


def _in_database(engine: Engine, statement: str) -> None:
    with closing(sqlite3.connect(engine.settings.database)) as database:
        database.execute(statement)


async def test_a_list_is_written_at_once_beside_a_job_that_fails_each_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "_AFTER_FAILURE_S", 100_000)
    event = await created(engine)
    first, second = [await drafted(engine, event, [f"{name}@example.com"]) for name in ("ann", "bob")]
    await control(engine, first, CampaignAction.START)
    await jobs.step(engine)
    await settle(engine, await claim(engine), MessageState.SENT, text="250 OK")
    _in_database(engine, _NO_END)
    working = asyncio.create_task(jobs.run(engine))
    await eventually(lambda: "a job failed" in caplog.text)
    await control(engine, second, CampaignAction.START)
    (left,) = await eventually(lambda: claim(engine))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    _in_database(engine, "DROP TRIGGER no_end")
    assert left.message.email == "bob@example.com"
    assert caplog.text.count("a job failed") == 1
