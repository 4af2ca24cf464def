"""Serve MCP over stdin and stdout to the one client that started this process."""

from __future__ import annotations

import asyncio

from cis_mcp.auth.keys import KeyAuthenticator
from cis_mcp.mcp.server import CisServer, build_server
from cis_mcp.mcp.streams import serve_streams
from cis_mcp.mcp.tools import Selection
from cis_mcp.mcp.tools.access import granted
from cis_mcp.stdio.lines import Out, StdioLines
from cis_mcp.stdio.opening import Opening, OpeningState
from cis_mcp.stdio.wire import Wire
from engine.engine import Engine
from engine.process.heap import settle
from engine.refusals import Code, Refused


async def serve_stdio(
    engine: Engine,
    wire: Wire,
    selection: Selection,
    stop: asyncio.Event,
    secret: str = "",
    opening: Opening | None = None,
) -> None:
    """Serve the local operator, or the holder of the key `secret`, until the client closes stdin or `stop` is set.

    `opening`: what answered until now. At the end a thread may still be reading stdin; it cannot be interrupted.
    Raises Refused: NOT_ALLOWED.
    """
    server = await _server(engine, selection, secret)
    settle()
    serving = asyncio.ensure_future(_served(server, wire, opening))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        serving.result()


async def _served(server: CisServer, wire: Wire, opening: Opening | None) -> None:
    begun = await asyncio.to_thread(opening.taken_over) if opening else OpeningState()
    incoming = StdioLines(wire.incoming, begun=begun.incoming)
    await serve_streams(server, incoming, Out(wire.outgoing, answered=begun.answered))


async def _server(engine: Engine, selection: Selection, secret: str) -> CisServer:
    if not secret:
        return build_server(engine, actor=lambda: engine.local, selection=selection)
    authenticator = KeyAuthenticator(engine)
    first = await authenticator.caller(secret)
    if first is None:
        raise Refused(
            Code.NOT_ALLOWED,
            "The key of this server is unknown, revoked or expired.",
            "Make one with “cis-mcp key create”, and give it as CIS_KEY or --key-file.",
        )
    caller = first

    async def let_in() -> bool:
        # As the key is now: what it was narrowed to holds at once, also for what is only asked.
        nonlocal caller
        found = await authenticator.caller(secret)
        caller = found or caller
        return found is not None

    return build_server(
        engine,
        actor=lambda: caller.actor,
        selection=selection,
        granted=lambda: granted(caller),
        let_in=let_in,
    )
