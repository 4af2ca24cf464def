"""Processes beside the one that serves: what they are told and say, and how they end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator

import pytest
import uvloop

from engine.process.child import Child, started

Loops = Callable[[], asyncio.AbstractEventLoop]
ECHO = "import sys; said = sys.stdin.buffer.read(); sys.stdout.buffer.write(said[::-1])"


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=request.param) as running:
        yield running


async def _python(program: str, **wanted: bool) -> Child:
    return await started((sys.executable, "-S", "-c", program), dict(os.environ), **wanted)


def test_a_megabyte_goes_to_a_process_and_comes_back(runner: asyncio.Runner) -> None:
    async def talk() -> tuple[bytes, int]:
        child = await _python(ECHO)
        child.stdin.write(b"ab" * 500_000)
        child.stdin.close()
        return await child.stdout.read(), await child.wait()

    assert runner.run(talk()) == (b"ba" * 500_000, 0)


def test_a_process_that_runs_has_no_code_and_one_that_was_killed_has_its_signal(
    runner: asyncio.Runner,
) -> None:
    async def lives() -> tuple[int | None, int, int | None]:
        child = await _python("input()")
        before = child.returncode
        child.kill()
        ended = await child.wait()
        child.kill()
        return before, ended, child.returncode

    assert runner.run(lives()) == (None, -signal.SIGKILL, -signal.SIGKILL)


def test_a_process_that_does_not_read_is_noticed_by_who_writes(runner: asyncio.Runner) -> None:
    async def writes() -> int:
        child = await _python("raise SystemExit(3)")
        child.stdin.write(b"x" * 1_000_000)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await child.stdin.drain()
        return await child.wait()

    assert runner.run(writes()) == 3


def test_output_that_is_not_wanted_goes_nowhere(runner: asyncio.Runner) -> None:
    async def says() -> tuple[bytes, int]:
        child = await _python("import sys; print(1); print(2, file=sys.stderr)", output=False, errors=False)
        return await child.stdout.read(), await child.wait()

    assert runner.run(says()) == (b"", 0)


def test_whoever_gives_up_waiting_may_wait_again(runner: asyncio.Runner) -> None:
    async def waits() -> int:
        child = await _python("input()")
        waiting = asyncio.create_task(child.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        child.stdin.write(b"\n")
        return await child.wait()

    assert runner.run(waits()) == 0
