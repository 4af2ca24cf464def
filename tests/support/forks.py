"""`cis-mcp` as a process of its own that begins with all imported; used as one of asyncio's is."""

from __future__ import annotations

import asyncio
import atexit
import os
import secrets
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import BinaryIO

from tests.support.forklaunch import request
from tests.support.forkserver import LISTENER

PIPE, DEVNULL = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
_LIMIT = 64 * 1024


class Forked:
    """A running process: what the tests use of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int, attendant: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._attendant = attendant
        self._loop.add_reader(attendant, self._told)

    def _told(self) -> None:
        self._loop.remove_reader(self._attendant)
        with self._attendant:
            self.returncode = int(self._attendant.recv(16))
        if self.stdin is not None:
            self.stdin.close()
        self._ended.set()

    async def wait(self) -> int:
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self, given: bytes | None = None) -> tuple[bytes, bytes]:
        """Write `given`, close stdin, read the rest of both outputs, and wait for the end."""
        out, err, _ = await asyncio.gather(_rest(self.stdout), _rest(self.stderr), self._feed(given))
        await self.wait()
        return out, err

    async def _feed(self, given: bytes | None) -> None:
        if self.stdin is None:
            return
        with suppress(BrokenPipeError, ConnectionResetError):
            if given:
                self.stdin.write(given)
                await self.stdin.drain()
        self.stdin.close()

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


async def _rest(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream is not None else b""


async def cis_mcp(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str],
    stdin: int | None = PIPE,
    stdout: int | None = PIPE,
    stderr: int | None = PIPE,
    limit: int = _LIMIT,
    nohup: bool = False,
    first: str = "",
) -> Forked | asyncio.subprocess.Process:
    """`cis-mcp <arguments>`, started, by `nohup` if wanted; elsewhere than on Linux by a new interpreter.

    `first`: what the process executes before the command.
    """
    if sys.platform != "linux":
        program = (
            ["-c", f"{first}\nfrom cis_mcp.cli.main import main\nmain()"] if first else ["-m", "cis_mcp"]
        )
        return await asyncio.create_subprocess_exec(
            *(*(["nohup"] if nohup else []), sys.executable, *program, *arguments),
            **{"cwd": cwd, "env": env, "stdin": stdin, "stdout": stdout, "stderr": stderr, "limit": limit},
        )
    pairs = [_ends(given, number) for number, given in enumerate((stdin, stdout, stderr))]
    theirs, ours = zip(*pairs, strict=True)
    try:
        process = Forked(
            *await asyncio.to_thread(
                _fork,
                begin(),
                [end.fileno() for end in theirs],
                request(arguments, str(cwd), dict(env), nohup=nohup, first=first),
            )
        )
    finally:
        for end in theirs:
            end.close()
    process.stdin = await _writer(ours[0])
    process.stdout, process.stderr = await _reader(ours[1], limit), await _reader(ours[2], limit)
    return process


def _ends(given: int | None, number: int) -> tuple[BinaryIO, BinaryIO | None]:
    """The end of a stream that goes to the process, and the one that stays here."""
    if given == PIPE:
        reading, writing = os.pipe()
        ends = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)
        return ends if number == 0 else ends[::-1]
    if given == DEVNULL:
        return os.fdopen(os.open(os.devnull, os.O_RDWR), "r+b", 0), None
    return os.fdopen(os.dup(number if given is None else given), "r+b" if number == 0 else "wb", 0), None


async def _writer(end: BinaryIO | None) -> asyncio.StreamWriter | None:
    if end is None:
        return None
    loop = asyncio.get_running_loop()
    protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    transport, _ = await loop.connect_write_pipe(lambda: protocol, end)
    return asyncio.StreamWriter(transport, protocol, None, loop)


async def _reader(end: BinaryIO | None, limit: int) -> asyncio.StreamReader | None:
    if end is None:
        return None
    stream = asyncio.StreamReader(limit)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), end)
    return stream


def _fork(name: str, descriptors: list[int], wanted: bytes) -> tuple[int, socket.socket]:
    """The pid of a process that does what is wanted, and what its end is told by."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"\0{name}")
        socket.send_fds(connection, [wanted], descriptors)
        return int(connection.recv(16)), connection
    except BaseException:
        connection.close()
        raise


def launching(*arguments: str) -> list[str]:
    """A command that runs `cis-mcp <arguments>` so, for a client that starts its server."""
    if sys.platform != "linux":
        return [sys.executable, "-m", "cis_mcp", *arguments]
    launcher = Path(__file__).with_name("forklaunch.py")
    return [sys.executable, "-I", "-S", str(launcher), begin(), *arguments]


@cache
def begin() -> str:
    """The name that a server listens at, for processes that are forked from this one, too; it ends with this one."""
    name = f"cis-{os.getpid()}-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(f"\0{name}")
        listener.listen(16)
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", str(Path(__file__).with_name("forkserver.py")), str(LISTENER)],
            {name: value for name, value in os.environ.items() if not name.startswith("CIS_")},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, listener.fileno(), LISTENER),
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            ],
        )
    atexit.register(_end, pid)
    return name


def _end(pid: int) -> None:
    """End the server and wait for it, so that what all processes took counts as this one's children's."""
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)
