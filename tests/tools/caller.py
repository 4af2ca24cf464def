"""A real MCP client in memory, that says what a tool answered in a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

from mcp import Client
from mcp.types import CallToolResult, TextContent

from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import EVERYTHING, Selection, Tier
from engine.engine import Engine
from engine.model.actors import Actor
from tests.support.waiting import DEADLINE_S

Mode = Literal["auto", "legacy"]
SCOPES = frozenset({"read", "events", "invites", "campaigns"})


class Caller:
    """Calls tools, and insists that each answer has the shape that every answer must have."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        result = await self.client.call_tool(tool, arguments, read_timeout_seconds=DEADLINE_S)
        assert isinstance(result, CallToolResult)
        assert text_of(result)
        assert result.structured_content is not None
        return result

    async def ok(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The data of an answer that is no error."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, text_of(result)
        assert result.structured_content is not None
        return result.structured_content

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The data of a refusal: its text says the same, and nothing was sent."""
        result = await self.call(tool, **arguments)
        assert result.is_error, text_of(result)
        data = result.structured_content
        assert data is not None
        assert set(data) - {"problems", "bound"} == {"code", "message", "hint", "sent"}
        assert data["sent"] is False
        assert text_of(result) == f"{data['code']}: {data['message']} {data['hint']}".strip()
        return data

    async def code(self, tool: str, **arguments: Any) -> str:
        """The code of a refusal."""
        return str((await self.refused(tool, **arguments))["code"])

    async def event(self, **arguments: Any) -> str:
        """The uid of a new event, two hours in New York on 2 May 2027."""
        given = {"start": "2027-05-02T19:00:00", "duration": "PT2H", "timezone": "America/New_York"}
        data = await self.ok("create_event", **{"summary": "Season opener", **given, **arguments})
        return str(data["event"]["uid"])


def text_of(result: CallToolResult) -> str:
    """The words of an answer."""
    first = result.content[0]
    assert isinstance(first, TextContent)
    return first.text


@asynccontextmanager
async def calling(
    engine: Engine,
    mode: Mode = "auto",
    actor: Actor | None = None,
    tier: Tier = "core",
    selection: Selection | None = None,
    granted: Selection = EVERYTHING,
) -> AsyncIterator[Caller]:
    """A client of a server over `engine`; without an actor it is the local operator."""
    server = build_server(
        engine,
        actor=lambda: actor or engine.local,
        selection=selection or Selection(tier),
        granted=lambda: granted,
    )
    async with Client(server, mode=mode, raise_exceptions=True) as client:
        yield Caller(client)


def agent(address: str, scopes: frozenset[str] = SCOPES) -> Actor:
    """An agent with a key for `address`."""
    return Actor(kind="agent", address=address, scopes=scopes)
