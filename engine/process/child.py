"""Processes of this program beside the one that serves, with their stdin and stdout.

They are started by the standard library, whose vfork takes a millisecond on Linux. libuv's fork copies the page tables,
during which nothing else runs: 14 ms in a process of 150 MB. Their pipes are read and written in threads: uvloop closes
the descriptor of a file object, and then the object closes that number again, which may be another thread's by then.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, TypeVar

from engine.process.pools import CHILDREN, READERS

T = TypeVar("T")

log = logging.getLogger(__name__)

_NUMBER = 8


class Child:
    """A process; whoever starts it waits for its end, by which its pipes are closed.

    Raises OSError if it cannot be started.
    """

    def __init__(
        self, command: Sequence[str], env: dict[str, str], *, output: bool = True, errors: bool = True
    ) -> None:
        """Its output is to be read unless `output` is False; its errors go where this process's go, or nowhere."""
        self._popen = Popen(
            command,
            env=env,
            stdin=PIPE,
            stdout=PIPE if output else DEVNULL,
            stderr=None if errors else DEVNULL,
        )
        self._pipes = threading.Lock()
        """Held by the thread that reads or writes, so that no other closes a pipe meanwhile."""
        self._end: asyncio.Future[int] | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the negative of the signal that ended it; None while it runs."""
        return self._popen.poll()

    def kill(self) -> None:
        """End it at once, and have it waited for, whoever is still there then; harmless if it has ended."""
        self._popen.kill()
        self._ending()

    def tell(self, line: bytes) -> None:
        """Have a line written, however long it takes the process to read it."""
        CHILDREN.begin(self._told, line)

    def _told(self, line: bytes) -> None:
        stdin = self._popen.stdin
        assert stdin is not None
        with self._pipes:
            try:
                stdin.write(line)
                stdin.flush()
            except (OSError, ValueError):
                log.debug("a process has ended before it was told what to do")

    async def hang_up(self) -> None:
        """Close its stdin, by which it knows that nothing more comes; harmless to repeat."""
        await CHILDREN.run(self._hung_up)

    def _hung_up(self) -> None:
        with self._pipes:
            _close(self._popen.stdin)

    async def ask(self, pieces: Iterable[bytes | memoryview], read: Callable[[bytes], T]) -> T:
        """What `read`, in a thread, makes of its answer to `pieces`: eight bytes of size, and so many bytes.

        Raises OSError or EOFError if it ends before; what was cancelled goes on until it is killed.
        """
        return await READERS.run(self._asked, pieces, read)

    def _asked(self, pieces: Iterable[bytes | memoryview], read: Callable[[bytes], T]) -> T:
        stdin, stdout = self._popen.stdin, self._popen.stdout
        assert stdin is not None
        assert stdout is not None
        with self._pipes:
            if stdin.closed:
                raise EOFError
            stdin.writelines(pieces)
            stdin.flush()
            size = int.from_bytes(stdout.read(_NUMBER), "big")
            answer = stdout.read(size)
        if not size or len(answer) < size:
            raise EOFError
        return read(answer)

    async def said(self) -> bytes:
        """All that it writes to its stdout until it ends."""
        return await CHILDREN.run(self._said)

    def _said(self) -> bytes:
        assert self._popen.stdout is not None
        with self._pipes:
            return self._popen.stdout.read()

    async def wait(self) -> int:
        """Its `returncode`, once it has ended."""
        return await asyncio.shield(self._ending())

    def _ending(self) -> asyncio.Future[int]:
        """Its end, which a thread waits for from now on."""
        if self._end is None:
            self._end = CHILDREN.begin(self._ended)
        return self._end

    def _ended(self) -> int:
        code = self._popen.wait()
        with self._pipes:
            _close(self._popen.stdin)
            _close(self._popen.stdout)
        return code


def _close(pipe: IO[bytes] | None) -> None:
    if pipe is None:
        return
    try:
        pipe.close()
    except OSError:
        log.debug("what was not yet written to a process is not wanted any more")
