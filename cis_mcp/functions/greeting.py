"""Answers the first request of a client without the SDK and the web application, which take a second to import.

A usual greeting of a caller with a valid key is answered here as the server itself would; any other request opens
the application, which answers everything from then on.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.auth.callers import Caller, CallerAuthenticator, TokenRefused
from cis_mcp.auth.keys import authenticator
from cis_mcp.http.security import AllowedNames
from cis_mcp.mcp.instructions import instructions
from cis_mcp.mcp.listed import LISTED
from cis_mcp.mcp.offers import without_news
from cis_mcp.mcp.replaying import again
from cis_mcp.mcp.tools.access import CORE, granted, permitted
from cis_mcp.stdio.opening import OpeningAnswers
from cis_mcp.views.version import version
from engine.engine import Engine

_BODY_MAX = 16_384
_KNOWN = {"jsonrpc", "id", "method", "params"}
_BEARER = "bearer "


class Greeting:
    """Answers greetings until another request needs the application, which `opened` opens."""

    def __init__(self, engine: Engine, names: AllowedNames, opened: Callable[[], Awaitable[ASGIApp]]) -> None:
        self._engine = engine
        self._callers: CallerAuthenticator = authenticator(engine)
        self._hosts = set(names.hosts)
        self._opened = opened
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is None and scope["type"] == "http":
            messages = [await receive()]
            answer = await self._answer(scope, messages[0])
            if answer is not None:
                await _say(send, answer)
                return
            self._app = await self._opened()
            receive = again(messages, receive)
        assert self._app is not None
        await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, message: Message) -> dict[str, Any] | None:
        """The answer to a greeting; None if the application must handle the request."""
        body = message.get("body", b"")
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if len(headers) != len(scope["headers"]):
            return None  # a header that comes twice
        if (scope["method"], scope["path"]) != ("POST", "/mcp") or not self._plain(headers):
            return None
        if len(body) > _BODY_MAX or message.get("more_body") or scope.get("query_string"):
            return None
        asked = _parsed(body)
        if asked.get("method") not in {"initialize", "server/discover"} or not _id(asked.get("id")):
            return None
        caller = await self._caller(headers["authorization"])
        if caller is None:
            return None
        answers = self._answers(caller)
        if asked["method"] == "initialize":
            result = None if "mcp-method" in headers else answers.handshake(asked.get("params"))
        else:
            result = answers.discovery(asked.get("params"), headers)
        return result and {"jsonrpc": "2.0", "id": asked["id"], "result": without_news(result)}

    def _plain(self, headers: Mapping[str, str]) -> bool:
        """True for a program's request for JSON, to this server, with a bearer token."""
        return (
            headers.get("host", "") in self._hosts
            and "origin" not in headers
            and "cookie" not in headers
            and headers.get("content-type", "").partition(";")[0].strip() == "application/json"
            and "application/json" in headers.get("accept", "")
            and headers.get("authorization", "").lower().startswith(_BEARER)
        )

    async def _caller(self, authorization: str) -> Caller | None:
        try:
            caller = await self._callers.caller(authorization[len(_BEARER) :])
        except TokenRefused:
            return None
        return None if caller is None or caller.api else caller

    def _answers(self, caller: Caller) -> OpeningAnswers:
        actor = caller.actor

        def told(tools: Sequence[str]) -> str:
            return instructions(self._engine.clock(), actor, tools)

        key = granted(caller)
        names = [tool.name for tool in LISTED.values() if permitted(tool, CORE, key, actor)]
        return OpeningAnswers(names, told, version())


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    known = isinstance(found, dict) and found.keys() <= _KNOWN and found.get("jsonrpc") == "2.0"
    return found if known else {}


def _id(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


async def _say(send: Send, answer: dict[str, Any]) -> None:
    body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
