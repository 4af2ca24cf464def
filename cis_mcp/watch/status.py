"""Status for monitoring: /healthz (it is running), /readyz (it can do its work), /metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from cis_mcp.auth.callers import Caller
from cis_mcp.watch.health import Health
from cis_mcp.watch.metrics import CONTENT_TYPE, MetricsCollector
from engine.engine import Engine
from engine.model.verbs import ADMIN
from engine.network import is_loopback

_LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_PASSED_ON = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_FRESH = {"Cache-Control": "no-store"}


def routes(engine: Engine, health: Health) -> list[Route]:
    """The routes: the status, and the key with which the record is signed."""
    tower = MetricsCollector(engine, health)

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_FRESH)

    async def readyz(_request: Request) -> Response:
        problems = await health.problems(engine)
        if problems:
            return JSONResponse({"status": "not ready", "reasons": problems}, 503, headers=_FRESH)
        return JSONResponse({"status": "ready"}, headers=_FRESH)

    async def metrics(request: Request) -> Response:
        if engine.settings.metrics != "open" and not (_on_this_machine(request) or _is_admin(request)):
            return _keep_out(request)
        return PlainTextResponse(await tower.text(), media_type=CONTENT_TYPE, headers=_FRESH)

    async def keys(_request: Request) -> Response:
        published = await asyncio.to_thread(engine.signer.published)
        return JSONResponse(published, headers={"Cache-Control": "public, max-age=3600"})

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/.well-known/cis-keys", keys),
    ]


def _on_this_machine(request: Request) -> bool:
    """True for a program on this machine that asks directly, not through a proxy or from another site's page."""
    return (
        request.client is not None
        and is_loopback(request.client.host)
        and request.url.hostname in _LOCAL_NAMES
        and "origin" not in request.headers
        and not any(name in request.headers for name in _PASSED_ON)
    )


def _is_admin(request: Request) -> bool:
    caller = request.scope.get("caller")
    return isinstance(caller, Caller) and ADMIN in caller.actor.verbs


def _keep_out(request: Request) -> Response:
    """401 without a key, 403 if its scope is too narrow (RFC 6750, 3.1)."""
    known = isinstance(request.scope.get("caller"), Caller)
    error = f'error="insufficient_scope", scope="{ADMIN}"' if known else f'scope="{ADMIN}"'
    headers: Mapping[str, str] = {"WWW-Authenticate": f"Bearer {error}", **_FRESH}
    words = f"Metrics are served to keys with the scope {ADMIN} and to this machine; or set CIS_METRICS=open."
    body = {"error": "insufficient_scope" if known else "unauthorized", "error_description": words}
    return JSONResponse(body, 403 if known else 401, headers=headers)
