"""Public pages as a browser without JavaScript sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages import published
from engine.engine import Engine
from tests.pages.visitor import Visitor
from tests.support.clock import Clock
from tests.support.engines import engine_in


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """An engine that is known to the world by a name."""
    async with engine_in(tmp_path, clock, public_url="https://cis.example.com") as opened:
        yield opened


@asynccontextmanager
async def visiting(engine: Engine) -> AsyncIterator[Visitor]:
    """Somebody who visits the pages of `engine`."""
    app = Starlette(routes=published.routes(engine))
    way = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
        yield Visitor(web)


@pytest.fixture
async def visitor(engine: Engine) -> AsyncIterator[Visitor]:
    """Somebody who visits the pages of `engine`."""
    async with visiting(engine) as somebody:
        yield somebody
