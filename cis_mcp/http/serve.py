"""Serve over HTTP: the door that is opened, the hosts that are believed, the server that runs behind it."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import os
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from cis_mcp.http.app import application, web_server
from cis_mcp.http.connections import Crowd
from cis_mcp.http.protocol import HastyProtocol
from cis_mcp.mcp.tools import Selection
from cis_mcp.run.stopping import stop_event
from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.refusals import Code, Refused
from engine.settings import Settings

logger = logging.getLogger(__name__)

_REQUESTS = 2_000
"""More than these at a time are told to come back later (503); connections are bounded before (`Crowd`)."""
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
_GRACE_S = 2
"""For answers that are being made or read; who waits for news is told to come back at once."""


async def serve_http(
    engine: Engine,
    listener: socket.socket,
    security: TransportSecuritySettings,
    *,
    no_auth: bool = False,
    selection: Selection = Selection(),  # noqa: B008 -- it is frozen
    prepare: Callable[[MCPServer], None] = lambda _: None,
    health: Health | None = None,
) -> None:
    """Serve on `listener`, whose door is not open (`refuse_open_door`), until a signal says to stop.

    `prepare` may add to the server before anybody is let in.
    """

    def leaving() -> bool:
        return server.should_exit

    mcp_server = web_server(engine, selection, leaving, no_auth=no_auth, health=health)
    prepare(mcp_server)
    app = application(mcp_server, engine.settings, security, no_auth=no_auth)
    config = web_config(app, engine.settings)
    # uvicorn takes the signals while it serves and raises them again when it is done; ours hears those, and what
    # comes before uvicorn listens, so that the engine is always closed after it.
    server = uvicorn.Server(config)
    stopping = asyncio.create_task(_stop(server, stop_event()))
    host, port = listener.getsockname()[:2]
    logger.info("MCP at http://%s:%d/mcp%s", _bracketed(host), port, " without keys" if no_auth else "")
    if not is_loopback(host) and is_loopback(urlsplit(engine.settings.public_url).hostname or ""):
        logger.warning(
            "Clients that call this server by a name get 421: set CIS_PUBLIC_URL to the address that they use, "
            "such as https://cis.example.com."
        )
    gc.freeze()
    gc.enable()
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


def _protocol(settings: Settings) -> type[HastyProtocol]:
    """The wire of one server, whose connections are counted by themselves."""

    class Counted(HastyProtocol):
        crowd = Crowd(proxies=settings.proxy_networks)

    return Counted


async def _stop(server: uvicorn.Server, stop: asyncio.Event) -> None:
    await stop.wait()
    server.should_exit = True


async def refuse_open_door(engine: Engine, host: str, *, no_auth: bool) -> None:
    """Raise Refused(NOT_ALLOWED) where a bind to `host` would let strangers in, or nobody at all."""
    if is_loopback(host):
        return
    if no_auth:
        raise Refused(
            Code.NOT_ALLOWED,
            f"--no-auth would let everybody in who reaches {host}.",
            "Bind to 127.0.0.1, or make a key with “cis-mcp key create” and leave --no-auth out.",
        )
    if engine.settings.oauth_issuer:
        return
    if not any(key.revoked is None for key in await engine.keys()):
        raise Refused(
            Code.NOT_ALLOWED,
            f"There is no key yet, so nobody could use a server at {host}.",
            "Make one with “cis-mcp key create”, or bind to 127.0.0.1.",
        )


def is_loopback(host: str) -> bool:
    """True where only this machine can reach a server that is bound to `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def guard(host: str, public_url: str) -> TransportSecuritySettings:
    """The DNS-rebinding guard, always on: this machine's names, the address bound to, and the public one.

    Raises Refused: INVALID_ARGUMENT for a bad CIS_PUBLIC_URL.
    """
    public = _public_host(public_url)
    names = dict.fromkeys([*_LOOPBACK_NAMES, _bracketed(host), public])
    hosts = [form for name in names for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{form}" for form in hosts for scheme in ("http", "https")]
    return TransportSecuritySettings(allowed_hosts=hosts, allowed_origins=origins)


def _public_host(public_url: str) -> str:
    try:
        parts = urlsplit(public_url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "CIS_PUBLIC_URL is not a web address.",
            "Set it to https://cis.example.com.",
        )
    return _bracketed(host)


def _bracketed(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to `host`; port 0 takes a free one. Raises OSError."""
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    try:
        listener = socket.create_server((bare, port), family=family)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), f"{host}:{port}") from None
    # asyncio turns Nagle's algorithm off only where it sees that the socket is TCP; with it on, every answer
    # waits 40 ms for the client's delayed acknowledgement.
    return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=listener.detach())
