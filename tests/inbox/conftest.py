"""An engine with its inbox open, whose own mail server vouches for senders as `mx.cis.test`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.engine import Engine
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import Post, receiving
from tests.support.mails import OPERATOR_SERVER


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, authserv_ids=OPERATOR_SERVER) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened
