"""Answers calls whose token lacks scopes by 403 and the scopes needed, so that clients ask for them (RFC 6750)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.auth.callers import Caller
from cis_mcp.mcp.listed import LISTED
from cis_mcp.mcp.replaying import again
from cis_mcp.mcp.tools.access import granted

_READ_MAX = 256 * 1024
"""The most bytes of a request that are read for its tool's name; larger requests are passed on unchecked."""


class ScopesAsked:
    """Middleware before MCP; keys pass, since their holders cannot get more scopes by asking."""

    def __init__(self, app: ASGIApp, metadata: str) -> None:
        self._app, self._metadata = app, metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("caller")
        if not (isinstance(caller, Caller) and caller.issuer and scope.get("method") == "POST"):
            await self._app(scope, receive, send)
            return
        messages = await _whole(receive)
        lacking = _lacking(caller, b"".join(m.get("body", b"") for m in messages))
        if lacking:
            await self._refusal(lacking)(scope, receive, send)
            return
        await self._app(scope, again(messages, receive), send)

    def _refusal(self, scopes: Sequence[str]) -> JSONResponse:
        words = f"The call needs the scopes {' '.join(scopes)}"
        said = f'error="insufficient_scope", scope="{" ".join(scopes)}", error_description="{words}"'
        headers = {"WWW-Authenticate": f'Bearer {said}, resource_metadata="{self._metadata}"'}
        body = {"error": "insufficient_scope", "error_description": words, "scope": " ".join(scopes)}
        return JSONResponse(body, 403, headers=headers)


async def _whole(receive: Receive) -> list[Message]:
    """The messages of the body, up to the limit."""
    messages, size = [], 0
    while size <= _READ_MAX:
        messages.append(await receive())
        size += len(messages[-1].get("body", b""))
        if not messages[-1].get("more_body", False):
            break
    return messages


def _lacking(caller: Caller, body: bytes) -> list[str]:
    """All scopes of the call if the caller's token lacks some that it could have; otherwise empty."""
    tool = LISTED.get(_tool(body))
    if tool is None or not granted(caller).has(tool, bounded=bool(caller.actor.chain)):
        return []
    if tool.open_to(caller.actor.verbs, attended=caller.actor.attended):
        return []
    lacking = tool.verbs - caller.actor.verbs
    return sorted(verb.value for verb in tool.verbs) if lacking and lacking <= caller.grantable else []


def _tool(body: bytes) -> str:
    """The tool that a request calls; empty if it calls none."""
    if len(body) > _READ_MAX:
        return ""
    try:
        request: Any = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(request, dict) or request.get("method") != "tools/call":
        return ""
    params = request.get("params")
    name = params.get("name") if isinstance(params, dict) else ""
    return name if isinstance(name, str) else ""
