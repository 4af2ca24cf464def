"""Public pages in a real browser, full: a season, long names, errors. In CI; `make test` holds no browser."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.engine import Engine
from tests.support.chromium import Browser, browsing
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.webs import served
from tests.web.stage import Site, furnished, missing


@pytest.fixture(scope="package", autouse=True)
def _judges() -> None:
    if os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("a browser is started in CI alone: CIS_JUDGES=required")
    assert missing() == [], "run make judges"


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(_judges: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A real Chromium."""
    async with browsing(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def site(_judges: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server with full pages."""
    folder = tmp_path_factory.mktemp("site")
    async with engine_in(folder, Clock()) as engine, served(engine, no_auth=True) as address:
        yield await furnished(engine, address)


@pytest.fixture
def engine(site: Site) -> Engine:
    return site.engine
