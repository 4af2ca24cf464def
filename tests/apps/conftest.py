"""One browser for all tests of the pages, and engines on the real clock, since the browser has no other."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.engine import Engine, system_clock
from tests.apps.stage import available
from tests.support.chromium import Browser, browsing
from tests.support.engines import engine_in


@pytest.fixture(scope="package")
def _installed() -> None:
    if os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("a browser is started in CI alone: CIS_JUDGES=required")
    assert available(), "run make judges"


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser(_installed: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A real Chromium."""
    folder: Path = tmp_path_factory.mktemp("chromium")
    async with browsing(folder) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="package")
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine over a new folder."""
    async with engine_in(tmp_path, system_clock) as opened:
        yield opened
