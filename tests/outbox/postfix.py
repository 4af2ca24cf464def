"""Real mail servers for tests, where postfix is installed: smtp-sink, and a whole postfix that discards."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.ports import free_port, listens
from tests.support.waiting import DEADLINE_S, eventually

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
_SERVICES = """\
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
discard unix - - n - - discard
error unix - - n - - error
anvil unix - - n - 1 anvil
"""


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


async def _listened(port: int) -> None:
    async def listening() -> bool:
        return await listens(port)

    await eventually(listening)


@asynccontextmanager
async def smtp_sink(*options: str) -> AsyncIterator[int]:
    """postfix's smtp-sink on a loopback port; skips where it is not installed."""
    port = free_port()
    user = ("-u", "nobody") if os.getuid() == 0 else ()
    sink = await asyncio.create_subprocess_exec(
        _program("smtp-sink"), *user, *options, f"127.0.0.1:{port}", "100"
    )
    try:
        await _listened(port)
        yield port
    finally:
        with suppress(ProcessLookupError):
            sink.terminate()
        await sink.wait()


@dataclass(frozen=True)
class Postfix:
    """A running postfix: where it listens and what it wrote down."""

    port: int
    log: Path

    @property
    def delivered(self) -> list[str]:
        """Recipients in the order of delivery."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line.partition("to=<")[2].partition(">")[0] for line in lines if "status=sent" in line]


@contextmanager
def _open_folder() -> Iterator[Path]:
    """A folder that postfix's own user may enter, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="postfix-"))
    try:
        folder.chmod(0o755)
        (folder / "queue").mkdir()
        (folder / "data").mkdir()
        os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
        yield folder
    finally:
        shutil.rmtree(folder)


@asynccontextmanager
async def postfix(services: str = "", **options: str) -> AsyncIterator[Postfix]:
    """A postfix of the test's own that takes every mail and discards it; skips where there is none.

    `services`: further lines of its master.cf.
    """
    program = _program("postfix")
    if os.getuid() != 0:
        pytest.skip("postfix starts for root alone")
    with _open_folder() as folder:
        port = free_port()
        settings = {
            "compatibility_level": "3.6",
            "queue_directory": f"{folder}/queue",
            "data_directory": f"{folder}/data",
            "maillog_file": f"{folder}/log",
            "maillog_file_prefixes": str(folder),
            "myhostname": "mx.example.net",
            "mydestination": "",
            "inet_interfaces": "127.0.0.1",
            "mynetworks": "127.0.0.0/8",
            "default_transport": "discard",
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            **options,
        }
        (folder / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        (folder / "master.cf").write_text(f"127.0.0.1:{port} inet n - n - - smtpd\n{_SERVICES}{services}")
        await _run(program, "-c", str(folder), "start")
        try:
            await _listened(port)
            yield Postfix(port, folder / "log")
        finally:
            await _run(program, "-c", str(folder), "stop")


async def _run(*command: str) -> None:
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
    async with asyncio.timeout(DEADLINE_S):
        await process.wait()
