"""What the four stories share: an MCP client that acts unattended, with a key and its bounds.

CIS_MCP_URL says where the server is, CIS_MCP_KEY with which key the agent acts. Nothing else is used than MCP.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent

LOOK_S = float(os.environ.get("CIS_LOOK_S", "5"))
"""How often to look for news."""


class RefusedError(Exception):
    """The server refused a call: nothing was changed and nothing was sent."""

    def __init__(self, tool: str, answer: dict[str, Any]) -> None:
        super().__init__(f"{tool}: {answer.get('code')}: {answer.get('message')}")
        self.code = str(answer.get("code"))


class Agent:
    """Calls tools. What waits for the owner is waited for; what is refused is not tried in another way."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.refused: list[str] = []

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The data of an answer. Raises RefusedError."""
        result = await self._client.call_tool(tool, arguments)
        assert isinstance(result, CallToolResult)
        data = result.structured_content or {}
        if result.is_error:
            first = result.content[0]
            raise RefusedError(
                tool, data or {"message": first.text if isinstance(first, TextContent) else ""}
            )
        return data

    async def attempt(self, tool: str, **arguments: Any) -> dict[str, Any] | None:
        """The data of an answer; None for a refusal, which is noted for the owner."""
        try:
            return await self.call(tool, **arguments)
        except RefusedError as refused:
            self.refused.append(str(refused))
            return None

    async def approved(self, answer: dict[str, Any], patience_s: float = 600) -> bool:
        """True if what was asked is done; where it waits for the owner, once they have said Yes."""
        if "held" not in answer:
            return True
        held_id = answer["held"]["id"]
        shown = await self.call("get_held_action", id=held_id, wait_s=patience_s)
        return bool(shown["held"]["state"] == "approved")

    async def event(self, key: str, **values: Any) -> dict[str, Any]:
        """The event that this agent made under `key`; made now if there is none. Asking again makes no second one."""
        made = await self.call("create_event", idempotency_key=key, **values)
        event: dict[str, Any] = made["event"]
        return event


@asynccontextmanager
async def connected(url: str, key: str) -> AsyncIterator[Agent]:
    """An agent that acts with `key` at the server of this address."""
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(headers=headers, timeout=700) as web:
        transport = streamable_http_client(url, http_client=web)
        async with Client(transport) as client:
            yield Agent(client)


def main(story: Callable[..., Awaitable[dict[str, Any]]]) -> None:
    """Play a story over the files that the command line names, and print what came of it as JSON."""
    texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]]

    async def play() -> dict[str, Any]:
        async with connected(os.environ["CIS_MCP_URL"], os.environ["CIS_MCP_KEY"]) as agent:
            return {**await story(agent, *texts), "refused": agent.refused}

    json.dump(asyncio.run(play()), sys.stdout, ensure_ascii=False)
