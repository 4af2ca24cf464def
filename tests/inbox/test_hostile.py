"""Mails that were made to keep us busy: each ends in one action with a code, and soon."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.hostile_mails import NAMES, made
from engine.inbox.contents.readers import Readers
from engine.inbox.intake.delivery import Outcome
from engine.inbox.intake.router import Router
from engine.inbox.spool.spool import Envelope, Mailbox, Spooled
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.steps import MOST, counting

SIZE = 1_000_000
"""At their full size they are read in tests/attacks, within limits of the system."""


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_mail_costs_little_and_ends_in_one_action_with_a_code(tmp_path: Path, name: str) -> None:
    envelope = Envelope(id="1", mailboxes=(Mailbox(name="create"),), sender="joe@example.org")
    spooled = Spooled(envelope=envelope, raw=made(name, SIZE))
    # The threads of the engine begin within, so that what they do is counted too.
    with counting() as steps:
        (outcome,) = asyncio.run(_handled(tmp_path, spooled))
    assert outcome.code in set(Code)
    assert outcome.detail
    assert steps.taken < MOST


async def _handled(folder: Path, spooled: Spooled) -> list[Outcome]:
    async with engine_in(folder, Clock()) as engine:
        readers = Readers()
        try:
            return list(await Router(engine, readers).handle(spooled))
        finally:
            await readers.close()
