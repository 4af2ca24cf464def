"""The disk is full: requests are refused in clear words, mail waits, and nothing is lost or sent twice."""

from __future__ import annotations

import asyncio
import errno
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import aiosmtplib
import pytest

from engine.engine import Engine, system_clock
from engine.jobs import jobs as job_runner
from engine.model.queries import EventQuery
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.transports import open_transport
from tests.faults.scene import (
    PATIENCE_S,
    asked,
    campaign_to,
    crowd,
    own_event,
    ready_worker,
    stopped,
    worker,
)
from tests.support import mails
from tests.support.engines import engine_in, settings_in
from tests.support.processes import program
from tests.support.relay import Relay, relaying
from tests.support.waiting import eventually

_SIZE = "16m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with a disk of its own."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(tmp_path)]
    try:
        subprocess.run(mount, check=True, capture_output=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True, timeout=PATIENCE_S)


def fill(disk: Path) -> None:
    """Leave no byte of room."""
    with (disk / "ballast").open("ab", buffering=0) as ballast:
        for size in (1 << 20, 1 << 12, 1):
            while True:
                try:
                    ballast.write(b"x" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC
                    break


def filled_after(count: int, relay: Relay, disk: Path) -> asyncio.Event:
    """Is set when so many mails were taken and the disk is full."""
    full = asyncio.Event()

    def act() -> None:
        fill(disk)
        full.set()

    relay.after(count, act)
    return full


def make_room(disk: Path) -> None:
    (disk / "ballast").unlink()


async def turned_away(engine: Engine) -> OSError | None:
    """What a command hears; None while there still is a little room in the database's own files."""
    try:
        await own_event(engine)
    except OSError as error:
        return error
    return None


async def handed_over(port: int) -> int:
    """Hand a mail to the listener; the code of its answer."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=PATIENCE_S)
    async with client:
        try:
            mail = mails.request()
            await client.send_message(mail, sender="olga@cis.test", recipients=["create@cis.test"])
        except aiosmtplib.SMTPDataError as refused:
            return refused.code
    return 250


async def test_a_full_disk_refuses_and_waits_and_sends_nothing_twice(small_disk: Path) -> None:
    people = crowd(600)
    async with relaying() as relay, campaign_to(small_disk, people) as story:
        full = filled_after(100, relay, small_disk)
        async with ready_worker(small_disk, relay, SENDER_AUTH="off", DISK_RESERVE_MB="0") as (process, port):
            await asyncio.wait_for(full.wait(), PATIENCE_S)
            heard = await eventually(lambda: turned_away(story.engine), PATIENCE_S)
            assert heard.errno == errno.ENOSPC
            assert "full" in str(heard)
            before = await story.engine.search(EventQuery(limit=100), story.engine.local)
            assert await turned_away(story.engine)
            assert await story.engine.search(EventQuery(limit=100), story.engine.local) == before
            assert await handed_over(port) == 452
            assert process.returncode is None
            make_room(small_disk)
            await story.all_sent()
            assert await handed_over(port) == 250
            await stopped(process)
        assert Counter(d.recipient for d in relay.deliveries) == Counter(people)
        async with program(small_disk, "check") as check:
            assert await asyncio.wait_for(check.wait(), PATIENCE_S) == 0


async def test_a_worker_stops_in_time_though_the_disk_is_full(small_disk: Path) -> None:
    people = crowd(600)
    async with relaying() as relay, campaign_to(small_disk, people) as story:
        full = filled_after(100, relay, small_disk)
        async with worker(small_disk, relay.port) as process:
            await asyncio.wait_for(full.wait(), PATIENCE_S)
            await eventually(lambda: turned_away(story.engine), PATIENCE_S)
            await stopped(process)
        make_room(small_disk)


def leases_over(folder: Path) -> bool:
    """True when every lease has run out."""
    ((held, last),) = asked(folder, "SELECT count(*), max(until) FROM lease")
    return bool(held) and float(str(last)) < system_clock().timestamp()


async def test_a_disk_that_stays_full_for_longer_than_a_lease_sends_nothing_twice(small_disk: Path) -> None:
    people = crowd(300)
    lease_s = 3.0
    async with relaying() as relay, campaign_to(small_disk, people) as story:
        full = filled_after(50, relay, small_disk)
        outbox = f"smtp://127.0.0.1:{relay.port}?starttls=no&connections=4"
        settings = settings_in(small_disk, outbox=outbox)
        async with engine_in(small_disk, story.engine.clock) as other, asyncio.TaskGroup() as group:
            dispatchers = [
                Dispatcher(engine, open_transport(settings), lease_s=lease_s)
                for engine in (story.engine, other)
            ]
            jobs = [job_runner.run(story.engine), *(dispatcher.run() for dispatcher in dispatchers)]
            tasks = [group.create_task(job) for job in jobs]
            await asyncio.wait_for(full.wait(), PATIENCE_S)
            await eventually(lambda: leases_over(small_disk), PATIENCE_S)
            make_room(small_disk)
            await eventually(lambda: len(relay.by_recipient()) == len(people), PATIENCE_S)
            for task in tasks:
                task.cancel()
        assert Counter(d.recipient for d in relay.deliveries) == Counter(people)
