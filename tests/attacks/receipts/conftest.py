"""An event to which an attacker and a victim are invited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.model.events import Event
from tests.attacks.receipts.answers import (
    ME,
    VICTIM,
    at,
)
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    created,
    deliver,
    engine_in,
    invite,
)
from tests.support.inboxes import Post, receiving


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=mails.OPERATOR_SERVER) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


@pytest.fixture
async def event(engine: Engine) -> Event:
    """An event to which the attacker and the victim are invited."""
    made = await created(engine)
    await invite(engine, made, ME)
    await invite(engine, made, VICTIM)
    await deliver(engine)
    return made


@pytest.fixture
async def mine(engine: Engine, event: Event) -> str:
    return at((await attendee(engine, event, ME)).token)
