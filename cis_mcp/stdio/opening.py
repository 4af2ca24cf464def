"""Answers a client's first requests while the server is still being imported and its store opened.

The answers were made when the program was built (cis_mcp/mcp/opening.json). Answered here are a usual handshake and the
list of tools; any other request, and all after it, are left to the server. The server is given the handshake as well,
and its answer to it is left out.
"""

from __future__ import annotations

import json
import os
import select
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from cis_mcp.mcp.instructions import instructions
from cis_mcp.mcp.listed import opening
from cis_mcp.mcp.tools.access import Selection
from cis_mcp.stdio.wire import Wire, claimed
from cis_mcp.views.version import version
from engine.model.actors import Actor
from engine.process.ending import ending_signals

if TYPE_CHECKING:
    from engine.settings import Settings

_LINE_MAX = 16_384
"""Bytes of a message that is looked at here."""
_CHUNK = 65_536
_APPS, _APP = "io.modelcontextprotocol/ui", "text/html;profile=mcp-app"
_META = "io.modelcontextprotocol"

Id = str | int


@dataclass(frozen=True)
class OpeningState:
    """Where the server continues: bytes to read first, and the id of the request in them that was already answered."""

    incoming: bytes = b""
    answered: Id | None = None


class OpeningAnswers:
    """The answers of a server that has the tools `names` to the operator of this machine.

    `told`: makes the instructions for a client that may use these tools; `release`: the server's version.
    """

    def __init__(self, names: Sequence[str], told: Callable[[Sequence[str]], str], release: str) -> None:
        self._made = opening()
        self._names = names
        self._told = told
        self._release = release

    def handshake(self, params: object) -> dict[str, Any] | None:
        """The result of `initialize`; None if the server itself must look at `params`."""
        if not isinstance(params, dict) or params.keys() != {"protocolVersion", "capabilities", "clientInfo"}:
            return None
        spoken = params["protocolVersion"]
        if spoken not in self._made["versions"] or not _plain(params["capabilities"], params["clientInfo"]):
            return None
        made = self._made["initialize"]
        server = {**made["serverInfo"], "version": self._release}
        told = {"protocolVersion": spoken, "instructions": self._told(self._names)}
        return {**made, "serverInfo": server, **told}

    def discovery(self, params: object, headers: Mapping[str, str]) -> dict[str, Any] | None:
        """The result of `server/discover`, asked over HTTP; None if the server itself must look at it."""
        meta = params.get("_meta") if isinstance(params, dict) and params.keys() == {"_meta"} else None
        wanted = {f"{_META}/{name}" for name in ("protocolVersion", "clientInfo", "clientCapabilities")}
        if not isinstance(meta, dict) or meta.keys() != wanted:
            return None
        made, spoken = self._made["discover"], meta[f"{_META}/protocolVersion"]
        said = (headers.get("mcp-protocol-version"), headers.get("mcp-method"))
        plain = _plain(meta[f"{_META}/clientCapabilities"], meta[f"{_META}/clientInfo"])
        if spoken not in made["supportedVersions"] or said != (spoken, "server/discover") or not plain:
            return None
        server = {**made["_meta"][f"{_META}/serverInfo"], "version": self._release}
        told = {"instructions": self._told(self._names), "_meta": {f"{_META}/serverInfo": server}}
        return {**made, **told}

    def tools(self, capabilities: Mapping[str, Any]) -> dict[str, Any]:
        """The result of `tools/list` for a client with these `capabilities`."""
        wanted = set(self._names)
        listed = [one["tool"] for one in self._made["tools"] if one["tool"]["name"] in wanted]
        if _shows_pages(capabilities):
            listed = [_with_page(tool, self._page(tool["name"])) for tool in listed]
        return {**self._made["list"], "tools": listed}

    def _page(self, tool: str) -> str:
        fitting = [
            p for p in self._made["pages"] if tool in p["carriers"] and set(p["needs"]) <= set(self._names)
        ]
        return str(fitting[-1]["uri"]) if fitting else ""


def begun(settings: Settings, selection: Selection) -> Opening:
    """Start answering for a server that has the tools of `selection`.

    Call it in the main thread; from now on a signal ends the process with code 0.
    """
    for number in ending_signals():
        signal.signal(number, _leave)
    actor = Actor(kind="local", address=settings.local_organizer)
    names = [tool.name for tool in selection.listed]
    return Opening(claimed(), OpeningAnswers(names, partial(_told, actor), version()))


def _leave(_number: int, _frame: object) -> NoReturn:
    """Exit with code 0 at a signal, until the server handles signals itself.

    Without an exception: it would be raised wherever the process is, and a loop that is just starting cannot end by it.
    """
    os._exit(0)


def _told(actor: Actor, tools: Sequence[str]) -> str:
    return instructions(datetime.now(UTC), actor, tools)


class Opening:
    """A thread that answers over `wire` until the server takes over."""

    def __init__(self, wire: Wire, answers: OpeningAnswers) -> None:
        self.wire = wire
        self._answers = answers
        self._unread = bytearray()
        self._heard: list[bytes] = []
        self._capabilities: dict[str, Any] | None = None
        self._answered: Id | None = None
        self._woken, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="opening", daemon=True)
        self._thread.start()

    def taken_over(self) -> OpeningState:
        """End the thread once its current answer is sent; returns where the server continues."""
        os.write(self._wake, b".")
        self._thread.join()
        return OpeningState(b"".join(self._heard) + bytes(self._unread), self._answered)

    def _serve(self) -> None:
        while True:
            line, ending, rest = self._unread.partition(b"\n")
            if ending and len(line) <= _LINE_MAX:
                if not self._takes(bytes(line)):
                    return
                self._unread = rest
            elif ending or len(line) > _LINE_MAX or not self._read():
                return

    def _read(self) -> bool:
        """Read more; False if the server takes over or stdin is at its end."""
        ready, _, _ = select.select([self.wire.incoming.fileno(), self._woken], [], [])
        if self._woken in ready:
            return False
        chunk = os.read(self.wire.incoming.fileno(), _CHUNK)
        self._unread += chunk
        return bool(chunk)

    def _takes(self, line: bytes) -> bool:
        """Answer the message in `line`, or keep it for the server; False if only the server can handle it."""
        message = _parsed(line)
        method, params, asked = message.get("method"), message.get("params"), message.get("id")
        if method == "notifications/initialized" and self._capabilities is not None and not params:
            self._heard.append(line + b"\n")
            return "id" not in message
        if not isinstance(asked, str | int) or isinstance(asked, bool):
            return False
        if method == "initialize" and self._capabilities is None:
            result = self._answers.handshake(params)
            if result is None or not isinstance(params, dict):
                return False
            self._capabilities, self._answered = params["capabilities"], asked
            self._heard.append(line + b"\n")
            return self._say(asked, result)
        if method == "tools/list" and self._capabilities is not None and params in (None, {}):
            return self._say(asked, self._answers.tools(self._capabilities))
        return False

    def _say(self, asked: Id, result: Mapping[str, Any]) -> bool:
        """Send a result; False if no one reads any more, which the server will find too."""
        answer = {"jsonrpc": "2.0", "id": asked, "result": result}
        left = memoryview(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        descriptor = self.wire.outgoing.fileno()
        try:
            while left:
                select.select([], [descriptor], [])
                left = left[os.write(descriptor, left[: select.PIPE_BUF]) :]
        except OSError:
            return False
        return True


def _parsed(line: bytes) -> dict[str, Any]:
    """The message in `line`; empty if the server itself must look at it."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    known = isinstance(message, dict) and message.keys() <= {"jsonrpc", "id", "method", "params"}
    return message if known and message.get("jsonrpc") == "2.0" else {}


def _plain(capabilities: object, client: object) -> bool:
    """True if a handshake has nothing that a server might refuse or read differently."""
    if not isinstance(capabilities, dict) or not isinstance(client, dict):
        return False
    texts = all(isinstance(value, str) for value in client.values())
    return texts and client.keys() >= {"name", "version"} and all(map(_settings, capabilities.values()))


def _settings(value: object) -> bool:
    """True for an object of booleans and of objects that hold strings, booleans and lists."""
    return isinstance(value, dict) and all(isinstance(one, bool) or _named(one) for one in value.values())


def _named(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str | bool | list) for one in value.values())


def _shows_pages(capabilities: Mapping[str, Any]) -> bool:
    """True if the client supports MCP Apps (SEP-1865)."""
    return _APP in capabilities.get("extensions", {}).get(_APPS, {}).get("mimeTypes", ())


def _with_page(tool: dict[str, Any], uri: str) -> dict[str, Any]:
    return {**tool, "_meta": {**tool.get("_meta", {}), "ui": {"resourceUri": uri}}} if uri else tool
