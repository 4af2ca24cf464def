"""Serve over HTTP: the socket and the server; refuses a bind that would let strangers in."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import uvicorn
from sse_starlette.sse import AppStatus
from starlette.types import ASGIApp

from cis_mcp.http.app import application
from cis_mcp.http.connections import OpenConnections
from cis_mcp.http.protocol import DeadlineProtocol
from cis_mcp.http.security import AllowedNames, bracketed
from cis_mcp.mcp.server import CisServer
from cis_mcp.mcp.tools.access import CORE, Selection
from cis_mcp.mcp.tools.base import all_imported
from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.network import is_loopback
from engine.process.heap import settle
from engine.refusals import Code, Refused
from engine.settings import Settings

logger = logging.getLogger(__name__)

_REQUESTS = 2_000
"""Further requests get 503; connections are bounded before (`OpenConnections`)."""
_GRACE_S = 5
"""Time for answers that are being produced or read."""
_ANSWERS_S = 1.5
"""Seconds for calls that wait to answer, which an event stream may have to carry, before all streams are closed."""


async def serve_http(
    engine: Engine,
    listener: socket.socket,
    names: AllowedNames,
    stop: asyncio.Event,
    *,
    no_auth: bool = False,
    selection: Selection = CORE,
    prepare: Callable[[CisServer], None] = lambda _: None,
    health: Health | None = None,
) -> None:
    """Serve on `listener`, which `refuse_open_bind` let pass, until `stop` is set.

    `prepare` may add to the MCP server before anyone is let in.
    """

    def leaving() -> bool:
        return server.should_exit

    app = application(
        engine, names, no_auth=no_auth, selection=selection, leaving=leaving, health=health, prepare=prepare
    )
    config = web_config(app, engine.settings)
    # uvicorn takes the signals while it serves and raises them again when it is done; ours hears those, and what
    # comes before uvicorn listens, so that the engine is always closed after it.
    server = _Server(config)
    stopping = asyncio.create_task(_stop(server, stop))
    host, port = listener.getsockname()[:2]
    logger.info("MCP at http://%s:%d/mcp%s", bracketed(host), port, " without keys" if no_auth else "")
    if not is_loopback(host) and is_loopback(urlsplit(engine.settings.public_url).hostname or ""):
        logger.warning(
            "Clients that call this server by a name get 421: set CIS_PUBLIC_URL to the address that they use, "
            "such as https://cis.example.com."
        )
    all_imported()
    settle()
    await server.serve(sockets=[listener])
    stopping.cancel()


def web_config(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How uvicorn serves `app`: bounded, quiet, and in one version of HTTP."""
    return uvicorn.Config(
        app,
        http=_protocol(settings),
        ws="none",
        lifespan="on",
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=_REQUESTS,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )


def _protocol(settings: Settings) -> type[DeadlineProtocol]:
    """The wire of one server, whose connections are counted by themselves."""

    class Counted(DeadlineProtocol):
        crowd = OpenConnections(proxies=settings.proxy_networks)

    return Counted


class _Server(uvicorn.Server):
    """A server whose event streams end a moment after it began to stop, not at the signal."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        AppStatus.enable_automatic_graceful_drain = False
        AppStatus.should_exit = False

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: calls that wait answer first, then the streams are closed."""
        ending = asyncio.get_running_loop().call_later(_ANSWERS_S, _end_streams)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()


def _end_streams() -> None:
    AppStatus.should_exit = True


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


async def refuse_open_bind(engine: Engine, host: str, *, no_auth: bool) -> None:
    """Raise Refused(NOT_ALLOWED) if a bind to `host` would let strangers in, or no one at all."""
    if is_loopback(host):
        return
    if no_auth:
        raise Refused(
            Code.NOT_ALLOWED,
            f"--no-auth would let in anyone who reaches {host}.",
            "Bind to 127.0.0.1, or make a key with “cis-mcp key create” and leave --no-auth out.",
        )
    # With CIS_SECRET it is one of several machines: keys are made elsewhere, also after it has started.
    if engine.settings.oauth_issuer or engine.settings.secret.get_secret_value():
        return
    if not any(key.revoked is None for key in await engine.keys()):
        raise Refused(
            Code.NOT_ALLOWED,
            f"There is no key yet, so no one could use a server at {host}.",
            "Make one with “cis-mcp key create”, or bind to 127.0.0.1.",
        )


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to `host`; port 0 takes a free one. Raises OSError."""
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        listener = socket.create_server((bare, port), family=family)
    except OSError as error:
        # An unknown name has a number of its own, which os.strerror does not know.
        why = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        raise OSError(error.errno, why, f"{host}:{port}") from None
    # asyncio turns Nagle's algorithm off only where it sees that the socket is TCP; with it on, every answer
    # waits 40 ms for the client's delayed acknowledgement.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listener.detach())
