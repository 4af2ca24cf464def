"""Which event loop a process that serves or sends runs on."""

from __future__ import annotations

import asyncio
import sys

import pytest

from engine.process import loop


async def _named() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_a_process_that_serves_runs_on_libuvs_loop() -> None:
    assert loop.run(_named()) == "uvloop"


def test_without_libuvs_loop_the_standard_librarys_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert loop.run(_named()) == "asyncio.unix_events"
