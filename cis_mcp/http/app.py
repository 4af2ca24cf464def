"""The root of everything served over HTTP: MCP at /mcp, pages, status, and the checks in front of them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from cis_mcp.auth.callers import CallerAuthenticator
from cis_mcp.auth.keys import authenticator
from cis_mcp.auth.sessions import SessionAuthenticator
from cis_mcp.console import routes as console
from cis_mcp.hooks import hooks, orders
from cis_mcp.http import secret
from cis_mcp.http.bodies import BODY_MAX, LARGE_AT_ONCE, Bodies
from cis_mcp.http.callers import Authentication, CallersOnly, metadata_routes, metadata_url
from cis_mcp.http.limits import AddressLimit, KeyLimits, KeyQuota
from cis_mcp.http.one_answer import OneAnswer, elsewhere
from cis_mcp.http.routing import BySegments
from cis_mcp.http.security import AllowedNames
from cis_mcp.mcp.scopes import ScopesAsked
from cis_mcp.mcp.server import TITLE, CisServer
from cis_mcp.mcp.single import without_streams
from cis_mcp.mcp.tools.access import CORE, Selection
from cis_mcp.mcp.web import McpEndpoint, endpoint, web_server
from cis_mcp.pages import approve, published, signin
from cis_mcp.pages import links as pages
from cis_mcp.pages.kept import KeptPages
from cis_mcp.pages.llms import llms_txt
from cis_mcp.pages.showing import PublishedPages
from cis_mcp.pages.ways import nowhere
from cis_mcp.rest import app as rest
from cis_mcp.watch import status
from cis_mcp.watch.health import Health
from engine.engine import Engine


def application(
    engine: Engine,
    names: AllowedNames,
    *,
    no_auth: bool,
    selection: Selection = CORE,
    leaving: Callable[[], bool] = lambda: False,
    health: Health | None = None,
    prepare: Callable[[CisServer], None] = lambda _: None,
    single: bool = False,
) -> ASGIApp:
    """The whole web application; without keys only this machine gets in, and is not limited.

    `prepare` may add to the MCP server before anyone is let in. `single`: each request gets one whole answer, and what
    needs more is refused.
    """
    callers = None if no_auth else authenticator(engine)
    folder = engine.settings.data_dir
    state_key = secret.derived(folder, "request state")
    server = web_server(engine, selection, leaving, authenticator=callers, state_key=state_key)
    prepare(server)
    streams = engine.settings.streams_url
    if single:
        without_streams(elsewhere(streams))(server)
    key = secret.derived(folder, "sessions")
    mcp = endpoint(
        server, hosts=names.hosts, origins=names.origins, body_max=BODY_MAX, key=key, single=single
    )
    app: ASGIApp = root(engine, mcp, callers, health or Health(), leaving)
    app = OneAnswer(app, streams) if single else app
    return app if no_auth else AddressLimit(app, engine.settings)


def root(
    engine: Engine,
    mcp: McpEndpoint,
    callers: CallerAuthenticator | None,
    health: Health,
    leaving: Callable[[], bool] = lambda: False,
) -> Starlette:
    """All routes, behind the check of keys and the limits; `callers` is None if no keys are asked for."""
    settings, room = engine.settings, PublishedPages(engine)

    def life(_app: Starlette) -> AbstractAsyncContextManager[None]:
        return mcp.sessions.running()

    guarded = CallersOnly(ScopesAsked(mcp, metadata_url(settings)), settings) if callers else mcp
    routes = [
        Route("/mcp", endpoint=guarded),
        *(metadata_routes(settings, TITLE) if callers else ()),
        *status.routes(engine, health),
        *pages.routes(engine),
        *published.routes(engine, room),
        *approve.routes(engine),
        *signin.routes(engine),
        *console.routes(engine, health),
        *hooks.routes(engine),
        *orders.routes(engine),
        Route("/llms.txt", llms_txt),
        *rest.routes(engine, keyed=callers is not None, leaving=leaving),
    ]
    return Starlette(
        routes=[BySegments(routes)],
        exception_handlers={404: nowhere},
        middleware=[Middleware(KeptPages, room=room), *_guards(engine, callers)],
        lifespan=life,
    )


def _guards(engine: Engine, callers: CallerAuthenticator | None) -> list[Middleware]:
    bodies = Middleware(Bodies, large=asyncio.Semaphore(LARGE_AT_ONCE))
    if callers is None:
        return [bodies]
    turns = KeyQuota(engine.settings.http_rate, engine.settings.http_concurrency)
    identified = Middleware(Authentication, authenticator=callers, sessions=SessionAuthenticator(engine))
    return [identified, Middleware(KeyLimits, turns=turns), bodies]
