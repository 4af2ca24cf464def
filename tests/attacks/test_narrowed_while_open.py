"""A key that is narrowed while its client stays connected."""

from __future__ import annotations

from mcp import Client

from cis_mcp.mcp.tools import Selection
from cis_mcp.stdio.serve import _server
from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from tests.bounds.making import narrowed
from tests.support.engines import do


async def names(client: Client) -> set[str]:
    return {tool.name for tool in (await client.list_tools()).tools}


async def test_a_key_over_stdio_reads_no_more_than_it_may_now(engine: Engine) -> None:
    made = await do(engine, CreateKey(name="", scopes=frozenset({"read", "create", "send", "report"})))
    server = await _server(engine, Selection("extended"), made.secret)
    async with Client(server) as client:
        assert "send_report" in await names(client)
    await narrowed(engine, made.key, verbs=["create", "send"])
    async with Client(server) as client:
        assert "send_report" not in await names(client)
