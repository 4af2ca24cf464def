"""A process is killed at any instant: every message still goes out, and twice only with the same name (rule 5)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.commands.campaigns import Action
from engine.commands.timing import Timing
from engine.model import CampaignState
from engine.outbox.smtp import SmtpTarget, SmtpTransport
from tests.support.engines import control, created, drafted, engine_in, working
from tests.support.processes import program
from tests.support.sink import sinking
from tests.support.waiting import eventually

PEOPLE = 300


def now() -> datetime:
    return datetime.now(UTC)


def leases_run_out(folder: Path) -> None:
    """Let the time pass for which the dead hold what they claimed."""
    with closing(sqlite3.connect(folder / "cis.sqlite3")) as raw:
        raw.execute("UPDATE message SET lease = lease - 60")
        raw.commit()


async def test_a_campaign_survives_two_kills_and_reaches_everybody(tmp_path: Path) -> None:
    start = f"{now() + timedelta(days=30):%Y-%m-%dT%H:%M}"
    async with sinking() as sink:
        outbox = f"smtp://127.0.0.1:{sink.port}?connections=2"
        async with engine_in(tmp_path, now) as engine:
            when = Timing(start=start, duration="PT1H", timezone="UTC")
            event = await created(engine, when=when)
            draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(PEOPLE)])
            await control(engine, draft, Action.START)
        for share in (1, 2):
            async with program(tmp_path, "worker", OUTBOX=outbox) as worker:
                await eventually(lambda share=share: len(sink.mails) >= share * PEOPLE / 4, 30)  # type: ignore[misc]
                worker.kill()
                await worker.wait()
            leases_run_out(tmp_path)
        assert len(sink.mails) < 2 * PEOPLE
        transport = SmtpTransport(SmtpTarget.of(outbox), "cis.test")
        async with engine_in(tmp_path, now) as engine, working(engine, transport):

            async def finished() -> bool:
                view = await engine.campaign(draft.campaign.id, engine.local)
                return view.campaign.state is CampaignState.FINISHED

            await eventually(finished, 30)
            view = await engine.campaign(draft.campaign.id, engine.local)
            assert view.counts["accepted"] == PEOPLE
        counted = Counter(sink.recipients)
        assert set(counted) == {f"p{n}@example.com" for n in range(PEOPLE)}
        for email in counted:
            twins = sink.to(email)
            assert len({mail.message_id for mail in twins}) == 1
            assert len({(str(m.event["UID"]), m.event["SEQUENCE"]) for m in twins}) == 1


async def test_a_worker_that_is_asked_to_stop_ends_soon_and_owes_nothing_twice(tmp_path: Path) -> None:
    start = f"{now() + timedelta(days=30):%Y-%m-%dT%H:%M}"
    async with sinking() as sink:
        outbox = f"smtp://127.0.0.1:{sink.port}?connections=2"
        async with engine_in(tmp_path, now) as engine:
            when = Timing(start=start, duration="PT1H", timezone="UTC")
            event = await created(engine, when=when)
            draft = await drafted(engine, event, [f"p{n}@example.com" for n in range(PEOPLE)])
            await control(engine, draft, Action.START)
            async with program(tmp_path, "worker", OUTBOX=outbox) as worker:
                await eventually(lambda: len(sink.mails) >= 20, 30)
                worker.terminate()
                assert await asyncio.wait_for(worker.wait(), 8) == 0
            transport = SmtpTransport(SmtpTarget.of(outbox), "cis.test")
            async with working(engine, transport):
                await eventually(lambda: len(sink.mails) >= PEOPLE, 30)
        assert set(Counter(sink.recipients).values()) == {1}
        assert len(sink.mails) == PEOPLE
