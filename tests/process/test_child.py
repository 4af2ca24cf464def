"""Processes beside the one that serves: what they are told and say, how they end, and that nothing of them stays."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import anyio
import pytest
import uvloop

from engine.inbox.contents.readers import ReaderDied, Readers
from engine.process import requests
from engine.process.child import Child
from engine.process.program import command, environment
from tests.support.waiting import DEADLINE_S, eventually

MAIL = b"From: a@example.com\r\n\r\n" + b"x" * 500_000
READER = command("engine.process.reader")


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    with asyncio.Runner(loop_factory=request.param) as running:
        yield running


def _python(program: str, **wanted: bool) -> Child:
    return Child((sys.executable, "-S", "-c", program), dict(os.environ), **wanted)


def test_a_megabyte_goes_to_a_process_and_its_answer_comes_back(runner: asyncio.Runner) -> None:
    async def asked() -> object:
        child = Child(READER, environment())
        answer = await child.ask(requests.pieces(bytes.upper, (b"a" * 1_000_000,), 5), len)
        await child.hang_up()
        return answer, await child.wait()

    (size, code) = runner.run(asked())  # type: ignore[misc]
    assert size > 1_000_000
    assert code == 0


def test_a_process_that_runs_has_no_code_and_one_that_was_killed_has_its_signal(
    runner: asyncio.Runner,
) -> None:
    async def lives() -> tuple[int | None, int, int | None]:
        child = _python("input()")
        before = child.returncode
        child.kill()
        ended = await child.wait()
        child.kill()
        await child.hang_up()
        return before, ended, child.returncode

    assert runner.run(lives()) == (None, -signal.SIGKILL, -signal.SIGKILL)


def test_what_a_process_says_is_read_to_its_end(runner: asyncio.Runner) -> None:
    async def says() -> tuple[bytes, int]:
        child = _python("print(input()[::-1]); raise SystemExit(3)")
        child.tell(b"words\n")
        return await child.said(), await child.wait()

    assert runner.run(says()) == (b"sdrow\n", 3)


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(3)",
        "input()",
        "import os; input(); os.write(1, bytes(4))",
        "import os; input(); os.write(1, bytes([0, 0, 0, 0, 0, 0, 0, 9]) + b'half')",
        "import os; input(); os.write(1, bytes(8) + b'nothing')",
    ],
    ids=["does not read", "says nothing", "half a size", "half an answer", "an answer of no size"],
)
@pytest.mark.parametrize("request_size", [100, 1_000_000])
def test_a_process_that_ends_instead_of_answering_is_noticed(
    runner: asyncio.Runner, program: str, request_size: int
) -> None:
    async def asked() -> None:
        child = _python(program)
        with pytest.raises((EOFError, ConnectionError)):
            await child.ask([b"x" * request_size, b"\n"], len)
        await child.wait()
        with pytest.raises(EOFError):
            await child.ask([b"x"], len)

    runner.run(asked())


@pytest.mark.skipif(sys.platform != "linux", reason="the pipe of another process is looked at in /proc")
def test_a_process_that_does_not_read_what_it_is_told_holds_up_nobody(runner: asyncio.Runner) -> None:
    async def told() -> int:
        child = _python(f"import time; time.sleep({DEADLINE_S})")
        child.tell(b"x" * 1_000_000 + b"\n")
        await eventually(partial(_unread, child.pid))
        hanging_up = asyncio.create_task(child.hang_up())
        for _ in range(10):
            await asyncio.sleep(0)
        assert not hanging_up.done()
        child.kill()
        await hanging_up
        return await child.wait()

    assert runner.run(told()) == -signal.SIGKILL


def test_a_process_whose_errors_and_output_are_not_wanted_says_nothing(
    runner: asyncio.Runner, capfd: pytest.CaptureFixture[str]
) -> None:
    async def says() -> int:
        return await _python(
            "import sys; print(1); print(2, file=sys.stderr)", output=False, errors=False
        ).wait()

    assert runner.run(says()) == 0
    assert capfd.readouterr() == ("", "")


def test_whoever_gives_up_waiting_may_wait_again(runner: asyncio.Runner) -> None:
    async def waits() -> int:
        child = _python("input()")
        waiting = asyncio.create_task(child.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        child.tell(b"\n")
        return await child.wait()

    assert runner.run(waits()) == 0


def test_no_descriptor_of_another_thread_is_closed_when_a_process_ends(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    stop, wrong = threading.Event(), list[OSError]()

    def opens(n: int) -> None:
        while not stop.is_set():
            descriptor = os.open(tmp_path / str(n), os.O_RDWR | os.O_CREAT)
            try:
                os.write(descriptor, b"x")
                os.close(descriptor)
            except OSError as error:
                wrong.append(error)

    async def many() -> None:
        for _ in range(200):
            assert await Child(("/bin/true",), {}).wait() == 0

    threads = [threading.Thread(target=opens, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        runner.run(many())
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def _unread(pid: int) -> int:
    """The bytes that wait in the stdin of a process."""
    waiting = bytearray(4)
    with Path(f"/proc/{pid}/fd/0").open("rb", buffering=0) as pipe:
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return int.from_bytes(waiting, sys.byteorder)


def _ended(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def _mine() -> list[str]:
    """Processes that this one has started and not waited for, and its open pipes."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    opened = list[str]()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            opened.append(str(path.readlink()))
    return [*children, *(found for found in sorted(opened) if found.startswith("pipe:"))]


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are listed in /proc")
def test_nothing_stays_of_mails_that_are_given_up_at_any_moment(runner: asyncio.Runner) -> None:
    async def given_up() -> None:
        readers = Readers()
        for turns in (*range(8), *range(8)):
            reading = asyncio.create_task(readers.signatures(MAIL, {}, "example.com", "somebody"))
            for _ in range(turns):
                await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
        await readers.close()
        assert readers.pids == []

    before = _mine()
    runner.run(given_up())
    assert _mine() == before


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are listed in /proc")
def test_nothing_stays_of_readers_that_died(runner: asyncio.Runner) -> None:
    async def killed() -> None:
        readers = Readers()
        for amid in (False, True, False):
            assert await readers.signatures(MAIL, {}, "example.com", "somebody") == ()
            (pid,) = readers.pids
            if amid:
                os.kill(pid, signal.SIGSTOP)
                reading = asyncio.create_task(readers.signatures(MAIL, {}, "example.com", "somebody"))
                await eventually(lambda: readers.at_work)
            os.kill(pid, signal.SIGKILL)
            if amid:
                with pytest.raises(ReaderDied):
                    await reading
            else:
                await eventually(partial(_ended, pid))
        await readers.close()

    before = _mine()
    runner.run(killed())
    assert _mine() == before


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are listed in /proc")
def test_nothing_stays_where_the_end_of_readers_is_given_up(runner: asyncio.Runner) -> None:
    async def given_up() -> None:
        for turns in range(6):
            with anyio.CancelScope() as scope:
                readers = Readers()
                try:
                    reading = asyncio.create_task(readers.signatures(MAIL, {}, "example.com", "somebody"))
                    await eventually(lambda readers=readers: readers.at_work)  # type: ignore[misc]
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    reading.cancel()
                    scope.cancel()
                finally:
                    await readers.close()
        await eventually(lambda: _mine() == before)

    before = _mine()
    runner.run(given_up())


def test_a_mail_that_is_being_read_when_readers_are_closed_is_tried_again(runner: asyncio.Runner) -> None:
    async def closed() -> None:
        for turns in range(20):
            readers = Readers()
            reading = asyncio.create_task(readers.signatures(MAIL, {}, "example.com", "somebody"))
            await eventually(lambda readers=readers: readers.at_work)  # type: ignore[misc]
            os.kill(readers.pids[0], signal.SIGSTOP)
            for _ in range(turns):
                await asyncio.sleep(0)
            await readers.close()
            with pytest.raises(ReaderDied):
                await reading

    runner.run(closed())
