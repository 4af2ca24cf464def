"""An engine with a name in the world, and browsers at its console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from engine.engine import Engine
from tests.console.person import PUBLIC, Person, browser, operator
from tests.support.clock import Clock
from tests.support.engines import engine_in


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url=PUBLIC) as opened:
        yield opened


@pytest.fixture
async def web(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """A browser in which nobody is signed in."""
    async with browser(engine) as opened:
        yield opened


@pytest.fixture
async def person(engine: Engine, web: httpx.AsyncClient) -> Person:
    """The operator at the console."""
    return await operator(engine, web)
