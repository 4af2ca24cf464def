"""Everything that answers over HTTP, put together: MCP at /mcp, /healthz, the pages of links, and what guards them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from mcp.server import MCPServer
from mcp.server.auth.routes import create_protected_resource_routes
from mcp.server.request_state import RequestStateSecurity
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import AnyHttpUrl
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from cis_mcp.auth.callers import auth_settings, caller, granted, resource_url, verifier
from cis_mcp.http import secret
from cis_mcp.http.bodies import BODY_MAX, LARGE_AT_ONCE, Bodies
from cis_mcp.http.limits import Gate, KeyLimits, Turns
from cis_mcp.mcp.server import TITLE, build_server
from cis_mcp.mcp.sessions import SharedSessions
from cis_mcp.mcp.tools import Selection
from cis_mcp.pages import links as pages
from cis_mcp.watch import status
from cis_mcp.watch.health import Health
from engine.commands.operators.operators import ADMIN, SCOPES
from engine.engine import Engine
from engine.settings import Settings


def web_server(
    engine: Engine,
    selection: Selection,
    leaving: Callable[[], bool],
    *,
    no_auth: bool,
    health: Health | None = None,
) -> MCPServer[Any]:
    """The MCP server as it is served over HTTP: for keys and tokens, or without both for the local operator."""
    folder = engine.settings.data_dir
    state = RequestStateSecurity(keys=[secret.derived(folder, "request state")])
    if no_auth:
        server = build_server(
            engine,
            actor=lambda: engine.local,
            selection=selection,
            leaving=leaving,
            request_state_security=state,
        )
    else:
        server = build_server(
            engine,
            actor=caller,
            selection=selection,
            granted=granted,
            leaving=leaving,
            token_verifier=verifier(engine),
            auth=auth_settings(engine.settings),
            request_state_security=state,
        )
    status.add(server, engine, health or Health())
    pages.add_unsubscribe(server, engine)
    pages.add_confirm(server, engine)
    return server


def application(
    server: MCPServer[Any],
    settings: Settings,
    security: TransportSecuritySettings,
    *,
    no_auth: bool,
) -> ASGIApp:
    """The whole web application; without keys only this machine gets in, and is not limited."""
    large = asyncio.Semaphore(LARGE_AT_ONCE)
    turns = Turns(settings.http_rate, settings.http_concurrency)

    def app(*, stateless: bool) -> Starlette:
        made = server.streamable_http_app(
            max_request_body_size=BODY_MAX, transport_security=security, stateless_http=stateless
        )
        if settings.oauth_issuer and not no_auth:
            _tell_issuer(made, settings)
        # At the end: behind the check of keys.
        limits = [] if no_auth else [Middleware(KeyLimits, turns=turns)]
        made.user_middleware += [*limits, Middleware(Bodies, large)]
        return made

    key = secret.derived(settings.data_dir, "sessions")
    sessions = SharedSessions(app(stateless=False), app(stateless=True), key)
    return sessions if no_auth else Gate(sessions)


def _tell_issuer(app: Starlette, settings: Settings) -> None:
    """RFC 9728 metadata with the scopes that there are; the SDK's own would name only those that every call needs."""
    app.router.routes[:0] = create_protected_resource_routes(
        resource_url=AnyHttpUrl(resource_url(settings.public_url)),
        authorization_servers=[AnyHttpUrl(settings.oauth_issuer)],
        scopes_supported=[*SCOPES, ADMIN],
        resource_name=TITLE,
    )
