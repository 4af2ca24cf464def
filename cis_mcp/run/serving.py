"""What `cis-mcp serve` and `cis-mcp worker` run: the engine, with or without MCP."""

from __future__ import annotations

import logging
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

from cis_mcp.run.runtime import opened, running
from cis_mcp.run.stopping import end_soon, leave, stop_event
from cis_mcp.stdio.wire import claimed
from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.process.heap import one_heap, settle
from engine.refusals import Code, Refused
from engine.settings import Settings

if TYPE_CHECKING:
    from cis_mcp.mcp.tools import Selection
    from cis_mcp.stdio.opening import Opening

_SWITCH_S = 0.001
"""Seconds after which a thread of the store must hand Python's lock back to the event loop: with Python's own 5 ms,
which one turn of the loop can wait many times, all answers are late while a campaign is written."""
_FILES = 4_096


async def over_stdio(
    settings: Settings, selection: Selection, secret: str = "", opening: Opening | None = None
) -> NoReturn:
    """Serve MCP over stdio until stdin is closed or a signal comes; with a key, within its bounds.

    `opening`: the thread that has answered the client until now. Raises Refused: NOT_ALLOWED; OSError.
    """
    # Before anything that could print.
    wire = opening.wire if opening else claimed()
    from cis_mcp.stdio.serve import serve_stdio

    async with _running(settings) as engine:
        await serve_stdio(engine, wire, selection, stop_event(), secret, opening)
        end_soon()
    leave(0)


async def over_http(
    settings: Settings, host: str, port: int, selection: Selection, *, no_auth: bool
) -> NoReturn:
    """Serve MCP over HTTP until a signal comes; raises Refused, OSError."""
    from cis_mcp.http.security import guard
    from cis_mcp.http.serve import listening, refuse_open_bind, serve_http

    # All before anything is started: mail must not be taken in by a server that nobody can reach.
    names = guard(host, settings.public_url, settings.streams_url)
    async with opened(settings) as engine:
        await refuse_open_bind(engine, host, no_auth=no_auth)
    health = Health()
    with listening(host, port) as listener:
        async with _running(settings, health) as engine:
            stop = stop_event()
            await serve_http(
                engine, listener, names, stop, no_auth=no_auth, selection=selection, health=health
            )
    leave(0)


async def worker(settings: Settings) -> NoReturn:
    """Run inbox and dispatcher until a signal comes."""
    async with _running(settings):
        settle()
        logging.getLogger(__name__).info("worker runs")
        await stop_event().wait()
    leave(0)


def _open_many_files() -> None:
    """Raise the limit of open files: clients and mail servers may need more connections than the usual 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@asynccontextmanager
async def _running(settings: Settings, health: Health | None = None) -> AsyncIterator[Engine]:
    """The engine with its background work. Raises Refused(INVALID_ARGUMENT) if a setting is invalid."""
    sys.setswitchinterval(_SWITCH_S)
    one_heap()
    _open_many_files()
    async with AsyncExitStack() as stack:
        try:
            engine = await stack.enter_async_context(running(settings, health))
        except ValueError as error:
            raise Refused(
                Code.INVALID_ARGUMENT, f"A setting is invalid: {error}", "See “cis-mcp config”."
            ) from None
        yield engine
