"""Whether this process can do its work: the store answers, the disk can be written, all background jobs run."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.engine import Engine

_STORE_S = 2.0
_KEPT_S = 2.0
"""A finding is good for so long: whoever asks all the time costs the disk nothing."""
_ROOM = 32_000_000
"""Bytes that must be free: the largest mails, the database's log."""


@dataclass
class Health:
    """The background jobs of one process, and what keeps them from working.

    `doubts`: each returns what keeps a part from working, or nothing. `kept_s`: how long a finding is reused.
    """

    jobs: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    doubts: list[Callable[[], str]] = field(default_factory=list)
    kept_s: float = _KEPT_S
    _found: tuple[str, ...] = ()
    _at: float = float("-inf")
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def problems(self, engine: Engine) -> tuple[str, ...]:
        """A sentence for each problem; empty if all is well."""
        loop = asyncio.get_running_loop()
        async with self._looking:
            if loop.time() - self._at >= self.kept_s:
                stopped = [f"The {name} has stopped; restart the server." for name in self.stopped]
                doubts = [words for doubt in self.doubts if (words := doubt())]
                disk = await asyncio.to_thread(_disk, engine.settings.data_dir)
                self._found = (*stopped, *doubts, *disk, *await _store(engine))
                self._at = loop.time()
        return self._found

    @property
    def stopped(self) -> list[str]:
        """The background jobs that have ended."""
        return [name for name, task in self.jobs.items() if task.done()]


async def _store(engine: Engine) -> list[str]:
    try:
        async with asyncio.timeout(_STORE_S):
            await engine.figures()
    except TimeoutError:
        return ["The store does not answer in time."]
    except Exception as error:  # noqa: BLE001 -- whatever it is, the store cannot be used
        return [f"The store cannot be read ({type(error).__name__})."]
    return []


def _disk(folder: Path) -> list[str]:
    """Write a small file and delete it."""
    probe = folder / f".ready-{os.getpid()}"
    try:
        probe.write_bytes(b"ready")
        probe.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [f"The data folder cannot be written: {error.strerror}."]
    return (
        [f"The disk of the data folder is nearly full: {free // 1_000_000} MB are left."]
        if free < _ROOM
        else []
    )
