"""The insides of libraries that we reach into are there, and no version that may lack them is allowed."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import sqlite3
import tomllib
from pathlib import Path
from typing import Any

import aiosqlite
import mcp.server.mcpserver.server as sdk
import pytest
from imapclient import IMAPClient
from mcp import Client
from mcp.server import MCPServer, ServerRequestContext
from mcp.server.mcpserver.resources import ResourceTemplate
from mcp.types import ListResourcesResult, PaginatedRequestParams
from sse_starlette.sse import AppStatus, EventSourceResponse
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from cis_mcp.mcp.compat import add_template, connection, logging_left_alone, low_level
from engine.inbox.sources.idling import IdlingClient
from engine.store.sqlite.compat import in_thread

ROOT = Path(__file__).parents[2]
CAPPED = {
    "aiosqlite": "<0.23",
    "imapclient": "<4.2",
    "mcp": "<2.4",
    "sse-starlette": "<4",
    "uvicorn": "<0.55",
}
PRIVATE = re.compile(r"_lowlevel_server|_resource_manager|session\._connection|\._conn\b|\._execute\(")


@pytest.mark.parametrize("library", CAPPED)
def test_a_library_that_we_reach_into_is_capped(library: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = (line for line in project["dependencies"] if re.match(rf"{library}\W", line))
    assert wanted.endswith(CAPPED[library])


def test_only_the_modules_of_compat_reach_into_aiosqlite_and_the_sdk() -> None:
    sources = [path for folder in ("cis_mcp", "engine") for path in (ROOT / folder).rglob("*.py")]
    reaching = {
        path.relative_to(ROOT).as_posix() for path in sources if PRIVATE.search(path.read_text("utf-8"))
    }
    assert reaching == {"cis_mcp/mcp/compat.py", "engine/store/sqlite/compat.py"}


async def test_aiosqlite_works_in_its_thread_with_its_own_connection() -> None:
    async with aiosqlite.connect(":memory:") as database:
        assert await in_thread(database, lambda inner: inner.execute("SELECT 1").fetchone()) == (1,)
        with pytest.raises(sqlite3.OperationalError):
            await in_thread(database, lambda inner: inner.execute("SELECT nothing"))


def test_no_server_of_the_sdk_sets_logging_up() -> None:
    assert callable(sdk.configure_logging)
    logging_left_alone()
    root = logging.getLogger()
    kept, root.handlers = root.handlers, []
    try:
        MCPServer[Any]("probe")
        assert root.handlers == []
    finally:
        root.handlers = kept


async def test_the_sdk_takes_a_handler_beneath_its_server_and_shows_the_connection() -> None:
    server = MCPServer[Any]("probe")
    seen: list[object] = []

    async def listed(
        context: ServerRequestContext[Any, Any], _params: PaginatedRequestParams
    ) -> ListResourcesResult:
        found = connection(context.session)
        seen.append((found.state, found.exit_stack, found.has_standalone_channel))
        return ListResourcesResult(resources=[])

    low_level(server).add_request_handler("resources/list", PaginatedRequestParams, listed)
    async with Client(server) as client:
        assert (await client.list_resources()).resources == []
    assert len(seen) == 1


async def test_the_sdk_takes_a_template_that_was_made_before() -> None:
    async def read(name: str) -> str:
        return f"about {name}"

    server = MCPServer[Any]("probe")
    add_template(server, ResourceTemplate.from_function(read, uri_template="probe://{name}"))
    async with Client(server) as client:
        (content,) = (await client.read_resource("probe://ann")).contents
        assert getattr(content, "text", "") == "about ann"


def test_the_sdk_s_server_asks_for_the_schema_of_a_tool_s_headers() -> None:
    assert list(inspect.signature(MCPServer._tool_input_schema).parameters) == ["self", "name"]
    assert "_tool_input_schema(" in inspect.getsource(inspect.getmodule(MCPServer) or MCPServer)


def test_imapclient_asks_its_socket_in_a_method_of_its_own() -> None:
    ours, theirs = (inspect.signature(kind._poll_socket).parameters for kind in (IdlingClient, IMAPClient))
    assert list(ours) == list(theirs)
    assert "self._poll_socket" in inspect.getsource(IMAPClient.idle_check)


async def test_uvicorn_s_protocol_has_what_ours_watches() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None: ...

    config = Config(app, interface="asgi3", ws="none", lifespan="off", log_config=None)
    protocol = H11Protocol(config, ServerState(), {}, asyncio.get_running_loop())
    for name in ("conn", "cycle", "flow", "transport", "scope", "client", "loop"):
        assert hasattr(protocol, name), name
    for name in ("connection_made", "data_received", "handle_events", "connection_lost", "shutdown"):
        assert callable(getattr(protocol, name)), name
    assert "self.message_event" in inspect.getsource(inspect.getmodule(H11Protocol) or H11Protocol)


def test_streams_of_the_sdk_end_when_we_say_so() -> None:
    assert {"enable_automatic_graceful_drain", "should_exit"} <= set(vars(AppStatus))
    assert "AppStatus.should_exit" in inspect.getsource(EventSourceResponse._listen_for_exit_signal)
