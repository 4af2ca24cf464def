"""Lean MCP clients: JSON-RPC by hand, so that the server is measured and not a client.

Each speaks the era that is cheapest on its transport, where our own share weighs most: over stdio the
handshake, over HTTP single requests of 2026-07-28.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol, cast

from bench.figures import BenchFailed

_HANDSHAKE = "2025-11-25"
_SINGLE = "2026-07-28"
_CLIENT = {"name": "bench", "version": "1"}
_ANSWER_S = 60.0


class Wire(Protocol):
    """One client of one server."""

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The result of a request. Raises BenchFailed."""
        ...


def call(wire: Wire, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers as data. Raises BenchFailed where it is an error."""
    result = wire.request("tools/call", {"name": tool, "arguments": arguments})
    if result.get("isError"):
        raise BenchFailed(f"{tool} answered: {result['content']}")
    return cast("dict[str, Any]", result["structuredContent"])


def _result(tool: object, answer: dict[str, Any]) -> dict[str, Any]:
    if "result" not in answer:
        raise BenchFailed(f"{tool} was refused by the protocol: {answer}")
    return cast("dict[str, Any]", answer["result"])


class StdioWire:
    """Newline-delimited JSON-RPC with a server process, which is killed where it does not answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout
        self._id = 0

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    def open(self) -> None:
        """Shake hands."""
        params = {"protocolVersion": _HANDSHAKE, "capabilities": {}, "clientInfo": _CLIENT}
        self.request("initialize", params)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._id += 1
        self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": params})
        line = self._out.readline()
        while line:
            answer = json.loads(line)
            if answer.get("id") == self._id:
                return _result(method, answer)
            line = self._out.readline()
        raise BenchFailed(f"the server ended before it answered {method}")

    def close(self) -> None:
        """End stdin, by which the server ends."""
        self._in.close()

    def burst(self, tool: str, arguments: Mapping[str, Any], times: int) -> list[float]:
        """Write so many calls at once; the seconds from then to each answer."""
        asked = {}
        began = time.perf_counter()
        for _ in range(times):
            self._id += 1
            asked[self._id] = {"name": tool, "arguments": arguments}
        for id_, params in asked.items():
            self._send({"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": params})
        taken = []
        while asked:
            line = self._out.readline()
            if not line:
                raise BenchFailed(f"the server ended before it answered {tool}")
            answer = json.loads(line)
            if asked.pop(answer.get("id"), None):
                taken.append(time.perf_counter() - began)
                if _result(tool, answer).get("isError"):
                    raise BenchFailed(f"{tool} answered: {answer}")
        return taken

    def _send(self, message: Mapping[str, Any]) -> None:
        self._in.write(json.dumps(message).encode() + b"\n")
        self._in.flush()


class HttpWire:
    """Requests over one kept connection to /mcp."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
        self._id = 0

    def request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._id += 1
        meta = {
            "io.modelcontextprotocol/protocolVersion": _SINGLE,
            "io.modelcontextprotocol/clientCapabilities": {},
            "io.modelcontextprotocol/clientInfo": _CLIENT,
        }
        body = {"jsonrpc": "2.0", "id": self._id, "method": method, "params": {**params, "_meta": meta}}
        if _closed(self._connection.sock):
            self._connection.close()  # the server ends what was idle; the next request opens another
        self._connection.request("POST", "/mcp", json.dumps(body), self._headers(method, params))
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise BenchFailed(f"{method} got HTTP {response.status}: {content[:300]!r}")
        return _result(method, json.loads(content))

    def _headers(self, method: str, params: Mapping[str, Any]) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": _SINGLE,
            "Mcp-Method": method,
        }
        return {**headers, "Mcp-Name": params["name"]} if "name" in params else headers

    def close(self) -> None:
        self._connection.close()


def _closed(kept: socket.socket | None) -> bool:
    """True if the peer has closed the connection: before a request it has nothing else to say."""
    return kept is not None and bool(select.select([kept], [], [], 0)[0])


def watchdog(process: subprocess.Popen[bytes], seconds: float) -> threading.Timer:
    """Ends a process that outlives the longest measurement, so that nobody waits for ever."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    return timer
