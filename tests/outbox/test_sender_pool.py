"""Further processes send a large campaign, and nothing is lost or sent twice with them."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from engine.commands.campaigns.campaigns import CampaignAction
from engine.engine import Engine
from engine.jobs import jobs as job_runner
from engine.outbox.processes.pool import SenderPool, as_json, most_senders
from engine.outbox.transports import open_transport
from engine.settings import Settings
from tests.faults.scene import (
    PATIENCE_S,
    SOAK,
    Story,
    asked,
    campaign_to,
    crowd,
    killed,
    stood_still,
    stopped,
    under_way,
    worker,
)
from tests.support.engines import control, created, drafted, settings_in, working
from tests.support.relay import Relay, relaying
from tests.support.waiting import eventually

MANY = 2_100
"""So many that a worker starts a hand."""
MORE_THAN_ONE_HOLDS = 1_300
FEW = 400

linux = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="processes are found in Linux's /proc"
)


def gone(pid: int) -> bool:
    """True once a process has ended, also where nobody has waited for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def hands(process: asyncio.subprocess.Process) -> list[int]:
    """The hands of a worker."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if (
                parent == process.pid
                and b"engine.outbox.processes.sender" in (folder / "cmdline").read_bytes()
            ):
                found.append(int(folder.name))
    return found


def held_by(folder: Path, pid: int) -> set[str]:
    """Message-IDs of what a process holds, which it signs with its number."""
    sql = (
        "SELECT m.message_id FROM lease, json_each(run) JOIN message m ON m.id = value "
        f"WHERE owner LIKE '{pid}-%'"
    )
    return {str(row[0]) for row in asked(folder, sql)}


def leases_of_the_dead_run_out(folder: Path) -> None:
    """Let the time pass for which those who are gone hold what they claimed."""
    owners = [str(owner) for (owner,) in asked(folder, "SELECT DISTINCT owner FROM lease")]
    dead = [owner for owner in owners if gone(int(owner.partition("-")[0]))]
    with closing(sqlite3.connect(folder / "cis.sqlite3", timeout=PATIENCE_S)) as raw:
        raw.executemany("UPDATE lease SET until = until - 60 WHERE owner = ?", [[owner] for owner in dead])
        raw.commit()


@dataclass(frozen=True)
class _Pid:
    """A process of which only the number is known."""

    pid: int

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)


@asynccontextmanager
async def hands_for(engine: Engine, idle_s: float = 60) -> AsyncIterator[SenderPool]:
    """A pool that starts a sender for a single message."""
    pool = SenderPool(engine, 4, many=1, idle_s=idle_s)
    task = asyncio.create_task(pool.run())
    try:
        yield pool
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def campaign_over(folder: Path, relay: Relay, people: list[str]) -> AsyncIterator[Story]:
    """A running campaign of an engine whose settings lead to the relay."""
    outbox = SecretStr(f"smtp://127.0.0.1:{relay.port}?starttls=no&connections=4")
    async with campaign_to(folder, people, outbox=outbox, senders=2) as story:
        yield story


async def all_written(story: Story) -> None:
    """Write all messages of the campaign; nobody sends them yet."""
    while asked(story.folder, "SELECT count(*) FROM fanout") != [(0,)]:
        await job_runner.step(story.engine)


async def first_of(pool: SenderPool) -> int:
    return (await eventually(lambda: pool.pids, PATIENCE_S))[0]


async def hand_at_work(process: asyncio.subprocess.Process, relay: Relay, folder: Path) -> int:
    """The hand of a worker, once both hold messages; the relay, which waited for that, answers from now on."""
    (hand,) = await eventually(lambda: hands(process), PATIENCE_S)
    await eventually(lambda: held_by(folder, hand) and held_by(folder, process.pid), PATIENCE_S)
    relay.answering.set()
    return hand


def each_got_one(relay: Relay, people: list[str]) -> None:
    assert Counter(d.recipient for d in relay.deliveries) == Counter(people)


@linux
async def test_a_hand_sends_by_itself_and_ends_with_its_crew(tmp_path: Path) -> None:
    people = crowd(FEW)
    async with relaying() as relay, campaign_over(tmp_path, relay, people) as story:
        await all_written(story)
        async with hands_for(story.engine) as pool:
            pid = await first_of(pool)
            await eventually(lambda: len(relay.deliveries) == FEW, PATIENCE_S)
            assert not gone(pid)
        assert gone(pid)
        assert (await story.counts())["sent"] == FEW
        each_got_one(relay, people)


@linux
async def test_a_hand_ends_when_nothing_was_owed_for_a_while(tmp_path: Path) -> None:
    async with relaying() as relay, campaign_over(tmp_path, relay, crowd(FEW)) as story:
        await all_written(story)
        async with hands_for(story.engine, idle_s=0.1) as pool:
            pid = await first_of(pool)
            await eventually(lambda: not pool.pids and gone(pid), PATIENCE_S)
        assert (await story.counts())["sent"] == FEW


@linux
async def test_two_senders_share_a_campaign_and_send_no_message_twice(tmp_path: Path) -> None:
    people = crowd(MORE_THAN_ONE_HOLDS)
    async with relaying() as relay, campaign_over(tmp_path, relay, people) as story:
        relay.answering.clear()
        async with hands_for(story.engine) as pool:
            pid = await first_of(pool)
            async with working(story.engine, open_transport(story.engine.settings)):
                await eventually(
                    lambda: held_by(tmp_path, pid) and held_by(tmp_path, os.getpid()), PATIENCE_S
                )
                assert await story.engine.store.senders() == 2
                relay.answering.set()
                await story.all_sent()
        each_got_one(relay, people)


@linux
async def test_a_hand_that_is_killed_is_replaced_and_what_it_held_goes_out(tmp_path: Path) -> None:
    people = crowd(MORE_THAN_ONE_HOLDS)
    async with relaying() as relay, campaign_over(tmp_path, relay, people) as story:
        await all_written(story)
        async with hands_for(story.engine) as pool:
            pid = await first_of(pool)
            await eventually(lambda: len(relay.deliveries) > len(people) // 10, PATIENCE_S)
            os.kill(pid, signal.SIGKILL)
            await eventually(lambda: gone(pid), PATIENCE_S)
            doubtful = held_by(tmp_path, pid)
            assert doubtful
            leases_of_the_dead_run_out(tmp_path)
            await eventually(lambda: pool.pids and pool.pids != [pid], PATIENCE_S)
            async with working(story.engine, open_transport(story.engine.settings)):
                await story.all_sent()
        times = Counter(d.message_id for d in relay.deliveries)
        assert {message_id for message_id, n in times.items() if n > 1} <= doubtful
        assert max(times.values()) <= 2
        assert set(relay.by_recipient()) == set(people)


@linux
async def test_a_worker_starts_a_hand_for_a_large_campaign_and_a_kill_of_it_ends_both(tmp_path: Path) -> None:
    people = crowd(MANY)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        relay.answering.clear()
        async with worker(tmp_path, relay.port, SENDERS="2") as process:
            hand = await hand_at_work(process, relay, tmp_path)
            process.kill()
            await killed(process)
            await eventually(lambda: gone(hand))
        doubtful = under_way(tmp_path)
        leases_of_the_dead_run_out(tmp_path)
        async with worker(tmp_path, relay.port) as last:
            await story.all_sent()
            await stopped(last)
        times = Counter(d.message_id for d in relay.deliveries)
        assert {message_id for message_id, n in times.items() if n > 1} <= doubtful
        assert set(relay.by_recipient()) == set(people)


@linux
async def test_sigterm_ends_worker_and_hand_in_time_and_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    people = crowd(MANY)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        relay.answering.clear()
        async with worker(tmp_path, relay.port, connections=2, SENDERS="2") as process:
            hand = await hand_at_work(process, relay, tmp_path)
            await stopped(process)
            assert gone(hand)
        assert under_way(tmp_path) == set()
        assert asked(tmp_path, "SELECT count(*) FROM message WHERE in_doubt = 1") == [(0,)]
        assert (await story.counts())["sent"] == len(relay.deliveries) < MANY
        async with worker(tmp_path, relay.port):
            await story.all_sent()
        each_got_one(relay, people)


@linux
@pytest.mark.skipif(not SOAK, reason="waits until patience is over; set CIS_SOAK=1")
async def test_a_hand_that_is_stuck_is_ended_in_time(tmp_path: Path) -> None:
    async with (
        relaying() as relay,
        campaign_to(tmp_path, crowd(MANY)),
        worker(tmp_path, relay.port, SENDERS="2") as process,
    ):
        relay.answering.clear()
        hand = await hand_at_work(process, relay, tmp_path)
        await stood_still(_Pid(hand), tmp_path)
        try:
            await stopped(process)
            assert gone(hand)
        finally:
            with suppress(ProcessLookupError):
                os.kill(hand, signal.SIGKILL)


async def test_what_running_campaigns_owe_is_their_backlog(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, crowd(10))
    assert await engine.store.backlog() == 0
    await control(engine, draft, CampaignAction.START)
    assert await engine.store.backlog() == 10
    await job_runner.step(engine)
    assert await engine.store.backlog() == 10
    await control(engine, draft, CampaignAction.PAUSE)
    assert await engine.store.backlog() == 0
    await control(engine, draft, CampaignAction.RESUME)
    assert await engine.store.backlog() == 10
    await control(engine, draft, CampaignAction.CANCEL)
    assert await engine.store.backlog() == 0


def test_more_than_one_process_sends_only_where_that_is_of_use(tmp_path: Path) -> None:
    assert most_senders(settings_in(tmp_path, senders=2), 64) == 2
    assert most_senders(settings_in(tmp_path, senders=1), 64) == 1
    assert most_senders(settings_in(tmp_path, senders=4), 1) == 1
    assert most_senders(settings_in(tmp_path, senders=2, send_rate=100), 64) == 1


def test_a_hand_gets_the_settings_whole_and_its_command_line_shows_no_secret(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, outbox=SecretStr("smtps://ann:s3cret@mail.example.net"), senders=2)
    text = as_json(settings)
    assert b"\n" not in text
    assert Settings.model_validate_json(text).model_dump() == settings.model_dump()


def test_a_process_that_only_sends_imports_no_commands() -> None:
    """Imports are most of what a further process costs, and a campaign of some thousands would pay them."""
    code = "import sys, engine.outbox.processes.sender; print('engine.commands.base' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
