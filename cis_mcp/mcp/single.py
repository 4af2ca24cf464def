"""MCP with one complete response per request and no open connections, as in AWS Lambda."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from mcp.server import ServerRequestContext
from mcp.server.context import CallNext, HandlerResult
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_REQUEST
from starlette.types import ASGIApp, Receive, Scope, Send

from cis_mcp.mcp.offers import without_news
from cis_mcp.mcp.server import CisServer
from cis_mcp.mcp.tools.base import failure
from engine.refusals import Code

WAIT_MAX_S = 25.0
"""The most seconds that a call may wait, since an HTTP API ends it after 30 s."""
_STREAMS = {"resources/subscribe", "resources/unsubscribe", "subscriptions/listen"}
_GREETINGS = {"initialize", "server/discover"}


class WithoutSessions:
    """Serves every request separately."""

    def __init__(self, manager: StreamableHTTPSessionManager) -> None:
        self._manager = manager
        self._app: ASGIApp = manager.asgi_app

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A context in which requests are served."""
        async with self._manager.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)


def without_streams(where: str) -> Callable[[CisServer], None]:
    """Make a server refuse what needs an open connection; `where`: a sentence on where that is available."""

    def prepare(server: CisServer) -> None:
        server.middleware.append(_WithoutStreams(where))

    return prepare


class _WithoutStreams:
    """Neither offers nor accepts subscriptions and long waits, and sends no progress, which is optional."""

    def __init__(self, where: str) -> None:
        self._where = where

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        if ctx.method in _STREAMS:
            raise MCPError(
                INVALID_REQUEST,
                f"Subscriptions are not available here; read the resource again instead. {self._where}",
            )
        arguments = (ctx.params or {}).get("arguments")
        if ctx.method == "tools/call" and isinstance(arguments, dict) and _waits_long(arguments):
            message = f"wait_s may be at most {WAIT_MAX_S:g} here."
            hint = f"Wait {WAIT_MAX_S:g} s and ask again. {self._where}"
            return failure(Code.INVALID_ARGUMENT, message, hint, sent=False)
        result = await call_next(ctx)
        if ctx.method in _GREETINGS and isinstance(result, dict):
            return without_news(result)
        return result


def _waits_long(arguments: dict[str, Any]) -> bool:
    seconds = arguments.get("wait_s")
    return isinstance(seconds, (int, float)) and seconds > WAIT_MAX_S
