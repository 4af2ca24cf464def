"""The real web application on a port of the loopback, its clients, alone or in turn with others."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import httpx
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from cis_mcp.http.app import application
from cis_mcp.http.security import guard
from cis_mcp.http.serve import listening, web_config
from cis_mcp.mcp.server import CisServer
from cis_mcp.mcp.tools import Selection
from cis_mcp.watch.health import Health
from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from tests.support.engines import do
from tests.support.waiting import DEADLINE_S, eventually

Mode = Literal["auto", "legacy"]
JSON_HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
EVERY_CORE = Selection()


@asynccontextmanager
async def served(
    engine: Engine,
    *,
    no_auth: bool = False,
    selection: Selection = EVERY_CORE,
    health: Health | None = None,
    prepare: Callable[[CisServer], None] = lambda _: None,
    configure: Callable[[uvicorn.Config], None] = lambda _: None,
) -> AsyncIterator[str]:
    """The address of the engine's web application, as `cis-mcp serve --http` runs it."""
    settings = engine.settings
    app = application(
        engine,
        guard("127.0.0.1", settings.public_url, settings.streams_url),
        no_auth=no_auth,
        selection=selection,
        leaving=lambda: server.should_exit,
        health=health,
        prepare=prepare,
    )
    config = web_config(app, settings)
    configure(config)
    server = uvicorn.Server(config)
    with listening("127.0.0.1", 0) as listener:
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await eventually(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            async with asyncio.timeout(DEADLINE_S):
                await running


async def key_for(engine: Engine, address: str = "ann@example.com", **values: Any) -> str:
    """A new key's secret."""
    return (await do(engine, CreateKey(name="", address=address, **values))).secret


def bearing(token: str) -> dict[str, str]:
    return {**JSON_HEADERS, "Authorization": f"Bearer {token}"}


class Balancer(httpx.AsyncBaseTransport):
    """Gives each request to the next of `addresses`, whichever the one before went to."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._ports = itertools.cycle([int(address.rpartition(":")[2]) for address in addresses])
        self._network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(port=next(self._ports))
        return await self._network.handle_async_request(request)

    async def aclose(self) -> None:
        await self._network.aclose()


@asynccontextmanager
async def client(
    addresses: str | Sequence[str], token: str = "", mode: Mode = "auto", **values: Any
) -> AsyncIterator[Client]:
    """An MCP client with `token` of the server at `addresses`, or of several in turn."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    balancer = Balancer([addresses] if isinstance(addresses, str) else addresses)
    async with AsyncExitStack() as stack:
        web = await stack.enter_async_context(
            httpx.AsyncClient(headers=headers, timeout=DEADLINE_S, transport=balancer)
        )
        transport = streamable_http_client("http://127.0.0.1/mcp", http_client=web)
        yield await stack.enter_async_context(Client(transport, mode=mode, **values))
