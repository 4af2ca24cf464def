"""Clocks jump and processes stand still: leases are not believed blindly, and revisions only grow."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine, system_clock
from engine.jobs import jobs as job_runner
from engine.model.events import Event
from engine.model.messages import MessageState
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.transports import open_transport
from tests.faults.scene import (
    PATIENCE_S,
    SOAK,
    asked,
    campaign_to,
    crowd,
    own_event,
    stood_still,
    stopped,
    under_way,
    worker,
)
from tests.support.engines import claim, control, do, drafted, engine_in, invite, ledger, settings_in
from tests.support.relay import Relay, relaying
from tests.support.waiting import eventually, time_passes

HOUR_S = 3_600.0
_ON_THE_WIRE = 4 * 32
"""What four connections were given before the dispatcher heard that it is no longer theirs."""


class JumpingClock:
    """The real time, and what somebody set the clock forward by."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return system_clock() + self.ahead

    def jump(self, seconds: float) -> None:
        self.ahead += timedelta(seconds=seconds)


@asynccontextmanager
async def dispatching(relay: Relay, *engines: Engine, lease_s: float = 20.0) -> AsyncIterator[None]:
    """One dispatcher for each engine, with the jobs of the first."""
    jobs = [job_runner.run(engines[0])]
    for engine in engines:
        url = f"smtp://127.0.0.1:{relay.port}?starttls=no&connections=4"
        transport = open_transport(settings_in(engine.settings.data_dir, outbox=url))
        jobs.append(Dispatcher(engine, transport, lease_s=lease_s).run())
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def is_claimed(engine: Engine, event: Event, email: str) -> bool:
    return (await ledger(engine, event, email)).state is MessageState.SENDING


@pytest.mark.parametrize("jump", [HOUR_S, -HOUR_S])
async def test_a_clock_that_jumps_while_mails_are_under_way_sends_none_twice(
    tmp_path: Path, jump: float
) -> None:
    clock, people = JumpingClock(), crowd(1_100)  # more than one dispatcher holds
    async with (
        relaying() as relay,
        engine_in(tmp_path, clock, invite_limit=0) as one,
        engine_in(tmp_path, clock) as two,
        dispatching(relay, one, two),
    ):
        relay.answering.clear()
        event = await own_event(one)
        await control(one, await drafted(one, event, people), CampaignAction.START)
        await eventually(lambda: len(under_way(tmp_path)) == len(people), PATIENCE_S)
        assert asked(tmp_path, "SELECT count(DISTINCT owner) FROM lease") == [(2,)]
        clock.jump(jump)
        # When each has claimed something new, each has seen the leases as they are after the jump.
        late = [f"late{n}@example.com" for n in range(2)]
        for email, engine in zip(late, (one, two), strict=True):
            await invite(engine, event, email)
            await eventually(lambda e=email: is_claimed(one, event, e), PATIENCE_S)  # type: ignore[misc]
        relay.answering.set()
        await eventually(lambda: accepted(tmp_path) == len(people) + len(late), PATIENCE_S)
        assert Counter(d.recipient for d in relay.deliveries) == Counter([*people, *late])
        assert asked(tmp_path, "SELECT count(*) FROM message WHERE in_doubt = 1") == [(0,)]


def accepted(folder: Path) -> object:
    ((number,),) = asked(folder, "SELECT count(*) FROM message WHERE state = 'sent'")
    return number


async def test_a_clock_that_is_set_back_does_not_leave_mails_with_the_dead(tmp_path: Path) -> None:
    clock = JumpingClock()
    async with relaying() as relay, engine_in(tmp_path, clock) as engine:
        event = await own_event(engine)
        clock.jump(-HOUR_S)
        await invite(engine, event, "ann@example.com")
        clock.jump(HOUR_S)
        await claim(engine, owner="somebody who dies now")
        clock.jump(-HOUR_S)
        async with dispatching(relay, engine):
            await eventually(lambda: accepted(tmp_path) == 1, PATIENCE_S)
        assert [d.recipient for d in relay.deliveries] == ["ann@example.com"]


async def test_revisions_grow_while_the_clock_goes_to_and_fro(tmp_path: Path) -> None:
    clock = JumpingClock()
    async with relaying() as relay, engine_in(tmp_path, clock) as engine, dispatching(relay, engine):
        event = await own_event(engine)
        await invite(engine, event, "ann@example.com")
        await eventually(lambda: accepted(tmp_path) == 1, PATIENCE_S)
        for number, jump in enumerate((HOUR_S, -HOUR_S, HOUR_S), start=1):
            clock.jump(jump)
            await do(engine, UpdateEvent(uid=event.uid, location=f"Room {number}"))
            clock.jump(max(0.0, -jump))
            await eventually(lambda n=number: accepted(tmp_path) == n + 1, PATIENCE_S)  # type: ignore[misc]
            clock.jump(-max(0.0, -jump))
        revisions = [(d.sequence, d.dtstamp) for d in relay.to("ann@example.com")]
        assert [sequence for sequence, _ in revisions] == [0, 1, 2, 3]
        assert [stamp for _, stamp in revisions] == sorted({stamp for _, stamp in revisions})


def taken_over(folder: Path, email: str, lease_s: float) -> None:
    """Another dispatcher takes everything that is held, but for the mail to `email`."""
    with closing(sqlite3.connect(folder / "cis.sqlite3")) as raw:
        (kept,) = raw.execute("SELECT id FROM message WHERE email = ?", [email]).fetchone()
        for lease, run in raw.execute("SELECT id, run FROM lease").fetchall():
            others = [id_ for id_ in json.loads(run) if id_ != kept]
            raw.execute(
                "INSERT INTO lease(owner, until, kind, event_uid, organizer, campaign_id, state, run) SELECT "
                "'another', until + ?, kind, event_uid, organizer, campaign_id, state, ? FROM lease WHERE id = ?",
                [lease_s / 2, json.dumps(others), lease],
            )
            raw.execute("UPDATE lease SET run = ? WHERE id = ?", [f"[{kept}]", lease])
        raw.commit()


def lease_of(folder: Path, email: str) -> float:
    held = f"SELECT until FROM lease, json_each(run) JOIN message m ON m.id = value WHERE m.email = '{email}'"
    ((until,),) = asked(folder, held)
    return float(str(until))


async def test_what_another_dispatcher_took_over_is_not_sent_by_the_first(tmp_path: Path) -> None:
    lease_s, people = 20.0, crowd(600)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        relay.answering.clear()
        async with dispatching(relay, story.engine, lease_s=lease_s):
            await eventually(lambda: len(under_way(tmp_path)) == len(people), PATIENCE_S)
            taken_over(tmp_path, people[0], lease_s)
            before = lease_of(tmp_path, people[0])
            time_passes(lease_s / 4)
            await eventually(lambda: lease_of(tmp_path, people[0]) > before, PATIENCE_S)
            relay.answering.set()
            # Those that were on the wire go, and nothing of what waited behind them.
            await eventually(lambda: accepted(tmp_path) == 1, PATIENCE_S)
            await invite(story.engine, story.event, "last@example.com")
            await eventually(lambda: accepted(tmp_path) == 2, PATIENCE_S)
        assert len(relay.deliveries) <= _ON_THE_WIRE + 1


@pytest.mark.skipif(not SOAK, reason="stops a process for longer than a lease; set CIS_SOAK=1")
async def test_a_process_that_stood_still_sends_nothing_when_it_goes_on(tmp_path: Path) -> None:
    people = crowd(1_000)
    async with relaying() as one, relaying() as two, campaign_to(tmp_path, people) as story:
        async with worker(tmp_path, one.port) as first, worker(tmp_path, two.port):
            one.after(50, one.answering.clear)
            await eventually(lambda: len(one.deliveries) >= 50, PATIENCE_S)
            await stood_still(first, tmp_path)
            one.answering.set()
            await story.all_sent()
            begun = len(one.deliveries)
            assert begun < len(people) / 2
            first.send_signal(signal.SIGCONT)
            await stopped(first)
        assert len(one.deliveries) <= begun + _ON_THE_WIRE
        assert set(one.by_recipient()) | set(two.by_recipient()) == set(people)
