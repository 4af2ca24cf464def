"""Processes of this program beside the one that serves, with their stdin and stdout as streams.

They are started by the standard library, whose vfork takes a millisecond. libuv's fork copies the page tables, during
which nothing else runs: 14 ms in a process of 150 MB.
"""

from __future__ import annotations

import asyncio
from asyncio import BaseTransport, StreamReader, StreamReaderProtocol, StreamWriter
from asyncio.streams import FlowControlMixin
from collections.abc import Sequence
from subprocess import DEVNULL, PIPE, Popen

from engine.process.pools import CHILDREN

_AHEAD = 65_536
"""Bytes of its output that are read ahead."""


class Child:
    """A process that `started` has started; whoever started it waits for its end."""

    def __init__(
        self, popen: Popen[bytes], stdin: StreamWriter, stdout: StreamReader, pipes: Sequence[BaseTransport]
    ) -> None:
        self._popen = popen
        self._pipes = pipes
        self.stdin = stdin
        self.stdout = stdout
        """At its end from the beginning, if the output is not wanted."""

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the negative of the signal that ended it; None while it runs."""
        return self._popen.poll()

    def kill(self) -> None:
        """End it at once; harmless if it has ended."""
        self._popen.kill()

    async def wait(self) -> int:
        """Its `returncode`, once it has ended."""
        code = self._popen.poll()
        if code is None:
            code = await CHILDREN.run(self._popen.wait)
        for pipe in self._pipes:
            pipe.close()
        return code


async def started(
    command: Sequence[str], env: dict[str, str], *, output: bool = True, errors: bool = True
) -> Child:
    """Start `command`. Its output is read unless `output` is False; its errors go where this process's go.

    Raises OSError.
    """
    loop = asyncio.get_running_loop()
    popen = Popen(  # noqa: ASYNC220 -- said above
        command, env=env, stdin=PIPE, stdout=PIPE if output else DEVNULL, stderr=None if errors else DEVNULL
    )
    pipes = list[BaseTransport]()
    stdout = StreamReader(limit=_AHEAD, loop=loop)
    if popen.stdout is None:
        stdout.feed_eof()
    else:
        protocol = StreamReaderProtocol(stdout, loop=loop)
        pipes.append((await loop.connect_read_pipe(lambda: protocol, popen.stdout))[0])
    writing, flow = await loop.connect_write_pipe(FlowControlMixin, popen.stdin)
    return Child(popen, StreamWriter(writing, flow, None, loop), stdout, [*pipes, writing])
