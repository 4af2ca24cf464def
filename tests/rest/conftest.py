"""The served application, and a program that asks it with a key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from engine.engine import Engine
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for, served

ADDRESS = "ann@example.com"


@pytest.fixture
async def key(engine: Engine) -> str:
    """A key of ann@example.com that may do what keys may do without being asked for more."""
    return await key_for(engine, ADDRESS)


@pytest.fixture
async def address(engine: Engine) -> AsyncIterator[str]:
    """Where the engine's web application is served."""
    async with served(engine) as found:
        yield found


@pytest.fixture
async def web(address: str, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program with that key."""
    headers = {"x-api-key": key}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as client:
        yield client
