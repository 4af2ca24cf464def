"""MCP over HTTP: the SDK's streamable HTTP behind our own root application, which has identified the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.request_state import RequestStateSecurity
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import Receive, Scope, Send

from cis_mcp.auth.callers import Caller, CallerAuthenticator
from cis_mcp.mcp.callers import required, user
from cis_mcp.mcp.server import CisServer, build_server
from cis_mcp.mcp.sessions import SharedSessions
from cis_mcp.mcp.single import WithoutSessions
from cis_mcp.mcp.tools.access import Selection, granted
from engine.engine import Engine


def web_server(
    engine: Engine,
    selection: Selection,
    leaving: Callable[[], bool],
    *,
    authenticator: CallerAuthenticator | None,
    state_key: bytes,
) -> CisServer:
    """The server for callers authenticated by `authenticator`, or for the local operator if that is None."""
    state = RequestStateSecurity(keys=[state_key])
    if authenticator is None:
        return build_server(
            engine,
            actor=lambda: engine.local,
            selection=selection,
            leaving=leaving,
            request_state_security=state,
        )
    return build_server(
        engine,
        actor=lambda: required().actor,
        selection=selection,
        granted=lambda: granted(required()),
        leaving=leaving,
        authenticator=authenticator,
        request_state_security=state,
    )


class McpEndpoint:
    """Serves MCP to the caller identified by the root application, within `sessions.running()`."""

    def __init__(self, sessions: SharedSessions | WithoutSessions) -> None:
        self.sessions = sessions
        self._app = AuthContextMiddleware(sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("caller")
        if isinstance(caller, Caller):
            scope["user"] = user(caller)
        await self._app(scope, receive, send)


def endpoint(
    server: CisServer,
    *,
    hosts: Sequence[str],
    origins: Sequence[str],
    body_max: int,
    key: bytes,
    single: bool = False,
) -> McpEndpoint:
    """The endpoint of `server`; hosts and origins other than `hosts` and `origins` are refused.

    `single`: each request gets one response as JSON, without sessions.
    """
    security = TransportSecuritySettings(allowed_hosts=list(hosts), allowed_origins=list(origins))

    def manager(*, stateless: bool) -> StreamableHTTPSessionManager:
        # What the SDK builds around its manager is the root's here: routes, and the check of keys.
        server.streamable_http_app(
            max_request_body_size=body_max,
            transport_security=security,
            stateless_http=stateless,
            json_response=single,
        )
        return server.session_manager

    if single:
        return McpEndpoint(WithoutSessions(manager(stateless=True)))
    return McpEndpoint(SharedSessions(manager(stateless=False), manager(stateless=True), key))
