"""Processes are killed at any instant: every message still goes out, and twice only as the same mail (rule 5)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from engine.commands.events import UpdateEvent
from engine.commands.timing import Timing
from tests.faults.scene import (
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
    stopped,
    under_way,
    worker,
)
from tests.support.engines import do
from tests.support.relay import Delivery, Relay, relaying
from tests.support.waiting import eventually

_ANSWERS_BEHIND = 1_024
"""What one worker holds at most: of that, whatever was sent and not written down may go twice."""


def moments(chance: random.Random, number: int, most: int) -> list[int]:
    """After how many mails to kill, in order."""
    return sorted(chance.sample(range(1, most), number))


async def killed_in(story: Story, relay: Relay, when: Iterable[int]) -> Counter[str]:
    """Run a worker and kill it after each number of mails; how often each Message-ID may go twice."""
    doubtful: Counter[str] = Counter()
    for count in when:
        if count <= len(relay.deliveries):
            continue
        async with worker(story.folder, relay.port) as process:
            relay.after(count, process.kill)
            await killed(process)
        doubtful += Counter(under_way(story.folder) & {d.message_id for d in relay.deliveries})
        leases_run_out(story.folder)
    return doubtful


def no_mail_twice_but(doubtful: Counter[str], deliveries: list[Delivery]) -> None:
    """Duplicates are among what was in flight at a kill, and are the same mail."""
    times = Counter(d.message_id for d in deliveries)
    again = {message_id: n - 1 for message_id, n in times.items() if n > 1}
    assert all(n <= doubtful[message_id] for message_id, n in again.items())
    names: dict[str, set[tuple[str, str, str, int]]] = {}
    for delivery in deliveries:
        names.setdefault(delivery.message_id, set()).add(delivery.name)
    assert all(len(found) == 1 for message_id, found in names.items() if message_id in again)


async def test_a_campaign_whose_senders_are_killed_reaches_everybody(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    async with relaying() as relay, campaign_to(tmp_path, crowd()) as story:
        doubtful = await killed_in(story, relay, moments(random.Random(seed), KILLS, PEOPLE))
        assert max(doubtful.values()) <= KILLS
        assert doubtful.total() <= KILLS * _ANSWERS_BEHIND
        async with worker(tmp_path, relay.port) as last:
            await story.all_accepted()
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
            await story.all_accepted()
        assert set(relay.by_recipient()) == set(story.people)


async def move_event(story: Story, hour: int) -> None:
    """Move the event to `hour` o'clock of its day, and tell everybody."""
    when = Timing(start=f"{story.event.span.start:%Y-%m-%d}T{hour:02}:00", duration="PT1H", timezone="UTC")
    await do(story.engine, UpdateEvent(uid=story.event.uid, when=when))


async def test_no_kill_brings_an_old_time_after_a_new_one(tmp_path: Path) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    people = crowd(PEOPLE // 2)
    async with relaying() as relay, campaign_to(tmp_path, people) as story:
        for hour in (3, 7, 11):
            begun = len(relay.deliveries)
            kills = [begun + n for n in moments(chance, 2, len(people) // 2)]
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
        for deliveries in got.values():
            revisions = [(d.sequence, d.dtstamp) for d in deliveries]
            assert revisions == sorted(revisions)
            assert deliveries[-1].sequence == event.sequence
            assert deliveries[-1].start == f"{event.span.start:%Y%m%dT%H%M%SZ}"


def nothing_pending(folder: Path) -> bool:
    """True when every message is settled and no job will write another."""
    (left,) = asked(
        folder,
        "SELECT (SELECT count(*) FROM message WHERE state IN ('queued','sending','deferred')) "
        "+ (SELECT count(*) FROM fanout)",
    )
    return left == (0,)


async def test_a_worker_that_is_asked_to_stop_ends_soon_and_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    async with relaying() as relay, campaign_to(tmp_path, crowd()) as story:
        async with worker(tmp_path, relay.port) as first:
            asked_to_stop = asyncio.Event()
            relay.after(100, asked_to_stop.set)
            await asyncio.wait_for(asked_to_stop.wait(), PATIENCE_S)
            await stopped(first)
        assert 100 <= len(relay.deliveries) < len(story.people)
        assert under_way(tmp_path) == set()
        assert asked(tmp_path, "SELECT count(*) FROM message WHERE in_doubt = 1") == [(0,)]
        assert (await story.counts())["accepted"] == len(relay.deliveries)
        async with worker(tmp_path, relay.port):
            await story.all_accepted()
        assert {len(found) for found in relay.by_recipient().values()} == {1}
        assert len(relay.deliveries) == len(story.people)
