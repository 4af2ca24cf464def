"""Writes cis_mcp/mcp/opening.json: the server's own answers to the first requests of a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cis_mcp.mcp.apps import PAGES
from cis_mcp.mcp.listed import TIERS, Tier
from cis_mcp.mcp.server import CisServer, build_server
from cis_mcp.mcp.streams import HANDSHAKES, MODERN, serve_streams
from cis_mcp.mcp.tools import EVERYTHING
from cis_mcp.mcp.tools.base import ACTING, Spec
from cis_mcp.mcp.tools.catalog import SPECS
from engine.engine import Engine
from engine.model.verbs import verbs_of
from engine.settings import Settings

Result = dict[str, Any]
_META = "io.modelcontextprotocol"
_CLIENT = {"name": "manual", "version": "1"}


class _Asking:
    """The lines of a client that waits for each answer before it asks again."""

    def __init__(self, requests: Sequence[dict[str, Any]]) -> None:
        self.refuse: Callable[[str | int | None, str], Awaitable[None]] | None = None
        self._requests = requests
        self.answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: list[dict[str, Any]] = []

    async def __aiter__(self) -> AsyncIterator[str]:
        for request in self._requests:
            yield json.dumps(request)
            if "id" in request:
                self.heard.append(await self.answers.get())

    async def write(self, text: str) -> None:
        self.answers.put_nowait(json.loads(text))

    async def flush(self) -> None:
        """Do nothing: each line is written at once."""


async def conversation(server: CisServer, requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers of `server` to `requests`, made one after another over one connection."""
    asking = _Asking(requests)
    await serve_streams(server, asking, asking)
    return asking.heard


def handshake(version: str, capabilities: dict[str, Any]) -> list[dict[str, Any]]:
    """The first requests of a client, up to its list of tools."""
    params = {"protocolVersion": version, "capabilities": capabilities, "clientInfo": _CLIENT}
    return [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
    ]


def opening_json() -> str:
    """The file, a line for each tool."""
    with TemporaryDirectory() as folder:
        return asyncio.run(_made(Path(folder)))


async def _made(folder: Path) -> str:
    engine = await Engine.open(Settings(data_dir=folder, _env_file=None))
    try:
        server = build_server(engine, actor=lambda: engine.local, selection=EVERYTHING)
        found = {version: await _first(server, version) for version in HANDSHAKES}
        discovered = await _discovered(server)
    finally:
        await engine.close()
    newest = found[HANDSHAKES[-1]]
    alike = [version for version, answers in found.items() if answers == newest]
    return _text(alike, *newest, discovered)


async def _first(server: CisServer, version: str) -> tuple[Result, Result]:
    """The results of the first two requests, without what depends on the time or the version."""
    first, listed = (one["result"] for one in await conversation(server, handshake(version, {})))
    del first["protocolVersion"], first["instructions"], first["serverInfo"]["version"]
    return first, listed


async def _discovered(server: CisServer) -> Result:
    """The result of `server/discover`, without what depends on the time or the version."""
    meta = {
        f"{_META}/protocolVersion": MODERN[-1],
        f"{_META}/clientInfo": _CLIENT,
        f"{_META}/clientCapabilities": {},
    }
    asked = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": meta}}
    found: Result = (await conversation(server, [asked]))[0]["result"]
    del found["instructions"], found["_meta"][f"{_META}/serverInfo"]["version"]
    return found


def _tool(spec: Spec[Any], tier: Tier) -> Result:
    """A tool: where it is offered, what a key must allow to have it, and what clients see."""
    verbs = sorted(verb.value for verb in verbs_of(spec.scopes))
    needs = {"verbs": verbs, "acting": spec.scope == ACTING, "beside": spec.beside, "attended": spec.attended}
    return {"tier": tier, "module": spec.handler.__module__, **needs, "tool": spec.shown}


def _text(versions: Sequence[str], first: Result, listed: Result, discovered: Result) -> str:
    del listed["tools"]
    tiers = {spec.name: tier for tier in reversed(TIERS) for spec in SPECS[tier]}
    parts = {
        "versions": versions,
        "initialize": first,
        "discover": discovered,
        "list": listed,
        "pages": [
            {"uri": page.uri, "carriers": sorted(page.carriers), "needs": sorted(page.needs)}
            for page in PAGES
        ],
    }
    lines = [f"{_line(name)}: {_line(part)}," for name, part in parts.items()]
    each = ",\n".join(_line(_tool(spec, tiers[spec.name])) for spec in SPECS["operator"])
    return "\n".join(["{", *lines, f'"tools": [\n{each}\n]', "}"]) + "\n"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
