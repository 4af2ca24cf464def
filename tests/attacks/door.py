"""A real server process with keys, and what an attacker posts to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from engine.engine import Engine, system_clock
from engine.model.verbs import SCOPES
from tests.cli.processes import serving
from tests.support.engines import settings_in
from tests.support.migrated import make_database
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for

PROTOCOL = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": PROTOCOL,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass
class Key:
    """One caller with a key."""

    address: str
    secret: str
    web: httpx.AsyncClient

    async def post(self, body: bytes, **headers: str) -> httpx.Response:
        sent = {
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "authorization": f"Bearer {self.secret}",
            **headers,
        }
        return await self.web.post(f"{self.address}/mcp", content=body, headers=sent)

    async def ask(self, method: str, named: str = "", **params: Any) -> dict[str, Any]:
        """What the server answers to one request of the era without sessions."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": _META}}
        headers = {"mcp-protocol-version": PROTOCOL, "mcp-method": method}
        if named:
            headers["mcp-name"] = named
        answer = await self.post(json.dumps(body, ensure_ascii=False).encode(), **headers)
        found: dict[str, Any] = answer.json()
        return found

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The data of a tool's answer; of a refusal its code, message, hint."""
        answer = await self.ask("tools/call", tool, name=tool, arguments=arguments)
        data: dict[str, Any] = answer["result"]["structuredContent"]
        return data

    async def event(self) -> str:
        data = await self.call("create_event", summary="Board", start="2027-05-02T19:00:00Z", duration="PT1H")
        return str(data["event"]["uid"])


async def new_key(folder: Path, address: str, scopes: Iterable[str] = SCOPES, **settings: str) -> str:
    """The secret of a new key in the store of `folder`."""
    given = {name.removeprefix("CIS_").lower(): value for name, value in settings.items()}
    opened = settings_in(folder, **given)
    make_database(opened.database)
    engine = await Engine.open(opened, clock=system_clock)
    try:
        return await key_for(engine, address, scopes=frozenset(scopes))
    finally:
        await engine.close()


@asynccontextmanager
async def two_keys(
    folder: Path, options: tuple[str, ...] = (), **settings: str
) -> AsyncIterator[tuple[Key, Key]]:
    """Keys of two organizers at one server process."""
    given = {"CIS_ORGANIZERS": "*@example.com", **settings}
    secrets = [await new_key(folder, f"{name}@example.com", **given) for name in ("ann", "bob")]
    async with (
        serving(folder, "--http", "127.0.0.1:0", *options, **given) as (address, _),
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        ann, bob = (Key(address, secret, web) for secret in secrets)
        yield ann, bob
