"""A client of the era with a handshake, by hand: each message is written out, over stdio or over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from engine.engine import system_clock
from engine.model.bounds import Bounds
from tests.cli.processes import started
from tests.support.engines import engine_in
from tests.support.waiting import DEADLINE_S
from tests.support.webs import bearing, key_for, served

_WITH_VERSION_HEADER = "2025-06-18"


class Wire(ABC):
    """One connection; `version` is what the handshake came to."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self.version = ""

    @abstractmethod
    async def _exchanged(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request."""

    @abstractmethod
    async def _told(self, notification: dict[str, Any]) -> None:
        """Send what has no answer."""

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        """A request with a number of its own."""
        return {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": params}

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a request that must not be an error."""
        request = self.request(method, **params)
        answer = await self._exchanged(request)
        assert set(answer) == {"jsonrpc", "id", "result"}, answer
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", request["id"])
        result: dict[str, Any] = answer["result"]
        return result

    async def tell(self, method: str, **params: Any) -> None:
        await self._told({"jsonrpc": "2.0", "method": method, "params": params})

    async def shake_hands(self, version: str) -> dict[str, Any]:
        """What the server says of itself to a client that asks for `version`, and gets it."""
        client = {"name": "t", "version": "1"}
        said = await self.ask("initialize", protocolVersion=version, capabilities={}, clientInfo=client)
        assert said["protocolVersion"] == version
        self.version = version
        await self.tell("notifications/initialized")
        return said

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The result of a tool that must not refuse."""
        result = await self.ask("tools/call", name=tool, arguments=arguments)
        assert not result.get("isError"), result
        return result


class Stdio(Wire):
    """Lines to and from a process; `strays` came while an answer to something else was awaited."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self.strays: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        """Write a message and wait for nothing."""
        self._in.write(json.dumps(message).encode() + b"\n")
        await self._in.drain()

    async def _exchanged(self, request: dict[str, Any]) -> dict[str, Any]:
        await self.send(request)
        while (answer := await self._read()).get("id") != request["id"]:
            self.strays.append(answer)
        return answer

    async def _told(self, notification: dict[str, Any]) -> None:
        await self.send(notification)

    async def _read(self) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE_S):
            line = await self._out.readline()
        assert line, "the server ended"
        message: dict[str, Any] = json.loads(line)
        return message


class Http(Wire):
    """Posts to a web server; the version is in the head from 2025-06-18 on."""

    def __init__(self, web: httpx.AsyncClient) -> None:
        super().__init__()
        self._web = web
        self._session: dict[str, str] = {}

    async def _exchanged(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await self._posted(request)
        assert answer.status_code == 200, answer.text
        if request["method"] == "initialize":
            self._session = {"mcp-session-id": answer.headers["mcp-session-id"]}
        (found,) = [message for message in _messages(answer) if message.get("id") == request["id"]]
        return found

    async def _told(self, notification: dict[str, Any]) -> None:
        answer = await self._posted(notification)
        assert (answer.status_code, answer.content) == (202, b"")

    async def _posted(self, message: dict[str, Any]) -> httpx.Response:
        spoken = {"mcp-protocol-version": self.version} if self.version >= _WITH_VERSION_HEADER else {}
        return await self._web.post("/mcp", json=message, headers={**self._session, **spoken})


def _messages(answer: httpx.Response) -> list[dict[str, Any]]:
    """What came, as JSON or as a stream of events."""
    if answer.headers["content-type"].startswith("application/json"):
        return [answer.json()]
    lines = [line.removeprefix("data:") for line in answer.text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line.strip()]


@asynccontextmanager
async def over_stdio(folder: Path, **settings: str) -> AsyncIterator[Stdio]:
    """A `cis-mcp serve` of its own; it must end in good order when its stdin does."""
    process = await started(folder, "serve", **settings)
    assert process.stdin is not None
    assert process.stderr is not None
    draining = asyncio.create_task(process.stderr.read())
    try:
        yield Stdio(process)
        process.stdin.close()
        async with asyncio.timeout(DEADLINE_S):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        # Where the test fails, pytest shows what the server had to say.
        print((await draining).decode(), file=sys.stderr)
        await process.wait()


@asynccontextmanager
async def over_http(folder: Path) -> AsyncIterator[Http]:
    """The web application of an engine over `folder`, for a key of its own organizer."""
    async with engine_in(folder, system_clock) as engine, served(engine) as address:
        bounds = Bounds(horizon_days=0)
        headers = bearing(await key_for(engine, engine.local.address, bounds=bounds))
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as web:
            yield Http(web)
