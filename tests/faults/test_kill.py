"""Processes are killed at any instant: every message still goes out, and twice only as the same mail (promise 5)."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.timing import Timing
from tests.faults.scene import (
    HELD,
    KILLS,
    PATIENCE_S,
    PEOPLE,
    SOAK,
    Story,
    asked,
    campaign_to,
    crowd,
    killed,
    leases_run_out,
    ready_worker,
    stood_still,
    stopped,
    under_way,
    worker,
)
from tests.support.engines import do
from tests.support.ports import listens
from tests.support.relay import Delivery, Relay, relaying
from tests.support.waiting import eventually

_ANSWERS_BEHIND = 1_024
"""What one worker holds at most: of that, whatever was sent and not written down may go twice."""


Moment = tuple[int, float]
"""After how many mails to kill, and how many seconds later: 0 is between a mail and the answer to it."""


def moments(chance: random.Random, number: int, most: int) -> list[Moment]:
    """When to kill, in order; every second time at an instant that has nothing to do with a mail."""
    counts = sorted(chance.sample(range(1, most), number))
    return [(count, chance.uniform(0, 0.05) * (n % 2)) for n, count in enumerate(counts)]


async def killed_in(story: Story, relay: Relay, when: Iterable[Moment]) -> Counter[str]:
    """Run a worker and kill it at each moment; how often each Message-ID may go twice."""
    doubtful: Counter[str] = Counter()
    loop = asyncio.get_running_loop()
    for count, later in when:
        async with worker(story.folder, relay.port) as process:
            kill = partial(loop.call_later, later, process.kill) if later else process.kill
            relay.after(max(count, len(relay.deliveries) + 1), kill)
            await killed(process)
        doubtful += Counter(under_way(story.folder) & {d.message_id for d in relay.deliveries})
        leases_run_out(story.folder)
    return doubtful


def no_mail_twice_but(doubtful: Counter[str], deliveries: list[Delivery]) -> None:
    """Duplicates are among what was in flight at a kill, and are the same mail: each has one name."""
    times = Counter(d.message_id for d in deliveries)
    again = {message_id: n - 1 for message_id, n in times.items() if n > 1}
    assert all(n <= doubtful[message_id] for message_id, n in again.items())
    assert len({d.name for d in deliveries}) == len({d.recipient for d in deliveries})


async def test_a_campaign_whose_senders_are_killed_reaches_everybody(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    async with relaying() as relay, campaign_to(tmp_path, crowd()) as story:
        doubtful = await killed_in(story, relay, moments(random.Random(seed), KILLS, PEOPLE * 3 // 4))
        assert max(doubtful.values()) <= KILLS
        assert doubtful.total() <= KILLS * _ANSWERS_BEHIND
        async with worker(tmp_path, relay.port) as last:
            await story.all_sent()
            await stopped(last)
        assert set(relay.by_recipient()) == set(story.people)
        assert doubtful.total() >= 1
        no_mail_twice_but(doubtful, relay.deliveries)
        assert {d.uid for d in relay.deliveries} == {story.event.uid}


@pytest.mark.skipif(not SOAK, reason="waits for leases to run out by themselves; set CIS_SOAK=1")
async def test_what_the_dead_held_is_sent_when_their_leases_have_run_out(tmp_path: Path) -> None:
    async with relaying() as relay, campaign_to(tmp_path, crowd(500)) as story:
        async with worker(tmp_path, relay.port) as first:
            relay.after(100, first.kill)
            await killed(first)
        async with worker(tmp_path, relay.port):
            await story.all_sent()
        assert set(relay.by_recipient()) == set(story.people)


async def move_event(story: Story, hour: int) -> None:
    """Move the event to `hour` o'clock of its day, and tell everybody."""
    when = Timing(start=f"{story.event.span.start:%Y-%m-%d}T{hour:02}:00", duration="PT1H", timezone="UTC")
    await do(story.engine, UpdateEvent(uid=story.event.uid, when=when))


async def test_no_kill_brings_an_old_time_after_a_new_one(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    people = crowd(PEOPLE // 2 if SOAK else 300)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        for hour in (3, 7, 11):
            begun = len(relay.deliveries)
            kills = [(begun + n, later) for n, later in moments(chance, 2, len(people) // 2)]
            await killed_in(story, relay, kills)
            async with worker(tmp_path, relay.port) as process:
                relay.after(len(relay.deliveries) + chance.randrange(1, 100), process.kill)
                await move_event(story, hour)
                await killed(process)
            leases_run_out(tmp_path)
        async with worker(tmp_path, relay.port) as last:
            await eventually(lambda: nothing_pending(tmp_path), PATIENCE_S)
            await stopped(last)
        event = await story.engine.event(story.event.uid, story.engine.local)
        got = relay.by_recipient()
        assert set(got) == set(people)
        assert event.sequence == 3
        assert len({d.name for d in relay.deliveries}) == len({d.message_id for d in relay.deliveries})
        for deliveries in got.values():
            revisions = [(d.sequence, d.dtstamp) for d in deliveries]
            assert revisions == sorted(revisions)
            assert deliveries[-1].sequence == event.sequence
            assert deliveries[-1].start == f"{event.span.start:%Y%m%dT%H%M%SZ}"


async def test_who_stands_still_is_waited_for_so_no_old_time_follows_a_new_one(tmp_path: Path) -> None:
    people = crowd(600)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        async with worker(tmp_path, relay.port) as slow:
            relay.after(50, relay.answering.clear)
            await eventually(lambda: len(relay.deliveries) >= 50 and under_way(tmp_path), PATIENCE_S)
            await stood_still(slow, tmp_path)
            held = under_way(tmp_path)
            await move_event(story, 3)
            relay.answering.set()
            async with worker(tmp_path, relay.port):
                await eventually(lambda: only_waiting_for(tmp_path, held), PATIENCE_S)
                slow.send_signal(signal.SIGCONT)
                await eventually(lambda: nothing_pending(tmp_path), PATIENCE_S)
        assert set(relay.by_recipient()) == set(people)
        for deliveries in relay.by_recipient().values():
            revisions = [d.sequence for d in deliveries]
            assert revisions == sorted(revisions)
            assert revisions[-1] == 1


def only_waiting_for(folder: Path, held: set[str]) -> bool:
    """True when all that is left to do comes behind the messages with these Message-IDs."""
    (left,) = asked(
        folder,
        "SELECT (SELECT count(*) FROM fanout) + (SELECT count(*) FROM message WHERE state = 'queued' "
        f"AND email NOT IN (SELECT email FROM message WHERE {HELD}))",
    )
    return left == (0,) and under_way(folder) <= held


def nothing_pending(folder: Path) -> bool:
    """True when every message is settled and no job will write another."""
    (left,) = asked(
        folder,
        "SELECT (SELECT count(*) FROM message WHERE state IN ('queued','deferred')) "
        "+ (SELECT count(*) FROM fanout)",
    )
    return left == (0,)


async def refuses(port: int) -> bool:
    return not await listens(port)


async def test_a_worker_that_is_asked_to_stop_ends_soon_and_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    async with relaying() as relay, campaign_to(tmp_path, crowd()) as story:
        async with ready_worker(tmp_path, relay) as (first, port):
            relay.after(100, relay.answering.clear)
            await eventually(lambda: len(relay.deliveries) >= 100, PATIENCE_S)
            stopping = asyncio.create_task(stopped(first))
            await eventually(lambda: refuses(port), PATIENCE_S)
            relay.answering.set()
            await stopping
        assert 100 <= len(relay.deliveries) < len(story.people)
        assert under_way(tmp_path) == set()
        assert asked(tmp_path, "SELECT count(*) FROM message WHERE in_doubt = 1") == [(0,)]
        assert (await story.counts())["sent"] == len(relay.deliveries)
        async with worker(tmp_path, relay.port):
            await story.all_sent()
        assert {len(found) for found in relay.by_recipient().values()} == {1}
        assert len(relay.deliveries) == len(story.people)
