"""Engines with settings of their own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from engine.engine import Engine
from tests.support.engines import engine_in


@pytest.fixture
def engine_with(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Engine]]:
    """Opens an engine over a new folder, with the settings that are given."""
    numbers = itertools.count()

    def opened(**values: Any) -> AbstractAsyncContextManager[Engine]:
        return engine_in(tmp_path / str(next(numbers)), **values)

    return opened
