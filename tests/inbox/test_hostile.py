"""Mails that were made to keep us busy: each ends in one action with a code, and soon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.hostile_mails import NAMES, made
from engine.inbox.contents.readers import Readers
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.router import Router
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.steps import MOST, counting

SIZE = 1_000_000
"""At their full size they are read in tests/attacks, within limits of the system."""


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all tests, so that they share their readers: to start a process costs more than most mails."""
    with asyncio.Runner() as opened:
        yield opened


@pytest.fixture(scope="module")
def readers(runner: asyncio.Runner) -> Iterator[Readers]:
    opened = Readers()
    yield opened
    runner.run(opened.close())


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_mail_costs_little_and_ends_in_one_action_with_a_code(
    tmp_path: Path, runner: asyncio.Runner, readers: Readers, name: str
) -> None:
    envelope = ReceivedEnvelope(id="1", mailboxes=(OwnMailbox(name="create"),), sender="joe@example.org")
    spooled = Spooled(envelope=envelope, raw=made(name, SIZE))
    # All threads begin within, so that what they do is counted too.
    with counting() as steps:
        (outcome,) = runner.run(_handled(tmp_path, readers, spooled))
    assert outcome.code in set(Code)
    assert outcome.detail
    assert steps.taken < MOST


async def _handled(folder: Path, readers: Readers, spooled: Spooled) -> list[Outcome]:
    with ThreadPoolExecutor() as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        async with engine_in(folder, Clock()) as engine:
            return list(await Router(engine, readers).handle(spooled))
