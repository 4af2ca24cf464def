"""Sessions of older protocol versions behind a load balancer: those of another process are served without state.

Requests of 2026-07-28 have no sessions; any process serves any of them. An older client sends the id of the session
that its first request opened, and a later request may reach a process that does not know it. Ids are sealed with the
installation's secret, so each process recognizes those of the others (or its own from before a restart).
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.recent import Recent

_HEADER, _VERSION = b"mcp-session-id", b"mcp-protocol-version"
_MODERN = frozenset(version.encode() for version in MODERN_PROTOCOL_VERSIONS)
_SEAL = 32
_OURS_KEPT = 20_000
_OF_ONE_MAX = 100
"""The most sessions of one caller; further ones are served without state, which leaves room for other callers."""
_STAY_S = 30 * 60
"""The seconds after which the SDK ends an idle session."""


def _sessionless(scope: Scope) -> bool:
    """True for a request of a protocol version without sessions, whose answer opens none."""
    versions = [value for name, value in scope["headers"] if name in (_VERSION, _HEADER)]
    return len(versions) == 1 and versions[0] in _MODERN


def _caller(scope: Scope) -> str:
    """An identifier of the caller; empty if no keys are required."""
    caller = scope.get("caller")
    return caller.session if isinstance(caller, Caller) else ""


class SharedSessions:
    """Passes each request to `own`, or to `stateless` if its session belongs to another process."""

    def __init__(
        self, own: StreamableHTTPSessionManager, stateless: StreamableHTTPSessionManager, key: bytes
    ) -> None:
        self._managers = (own, stateless)
        self._own: ASGIApp = own.asgi_app
        self._stateless: ASGIApp = stateless.asgi_app
        self._key = key
        self._ours: Recent[bool] = Recent(_OURS_KEPT)
        self._callers: Recent[dict[str, float]] = Recent(_OURS_KEPT)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A context in which requests are served."""
        own, stateless = self._managers
        async with own.run(), stateless.run():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if _sessionless(scope):
            await self._own(scope, receive, send)
        else:
            await self._app_for(scope)(scope, receive, self._sealing(scope, send))

    def _app_for(self, scope: Scope) -> ASGIApp:
        """The app to serve the request, with the session's id restored to the one it knows."""
        given = next((value for name, value in scope["headers"] if name == _HEADER), None)
        session = self._opened(given) if given is not None else None
        if session is None:
            full = given is None and len(self._open(_caller(scope))) >= _OF_ONE_MAX
            return self._stateless if full else self._own
        others = [(name, value) for name, value in scope["headers"] if name != _HEADER]
        if self._ours.get(session.decode()) is None:
            scope["headers"] = others
            return self._stateless
        scope["headers"] = [*others, (_HEADER, session)]
        if scope["method"] == "DELETE":
            self._open(_caller(scope)).pop(session.decode(), None)
        return self._own

    def _open(self, caller: str) -> dict[str, float]:
        """The sessions of a caller that may still be open, with their times of opening; empty without a caller."""
        found = self._callers.get(caller) or {}
        since = time.monotonic() - _STAY_S
        while found and (oldest := next(iter(found))) and found[oldest] < since:
            del found[oldest]
        return found

    def _note(self, caller: str, session: str) -> None:
        if caller:
            self._callers.put(caller, {**self._open(caller), session: time.monotonic()})

    def _sealing(self, scope: Scope, send: Send) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    self._out(scope, name, value) for name, value in message.get("headers", ())
                ]
            await send(message)

        return sealed

    def _out(self, scope: Scope, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() != _HEADER:
            return name, value
        session = value.decode("latin-1")
        if self._ours.get(session) is None:
            self._note(_caller(scope), session)
        self._ours.put(session, True)
        return name, value + b"-" + self._seal(value)

    def _opened(self, sealed: bytes) -> bytes | None:
        """The id within a sealed one; None if no process of this installation issued it."""
        session, _, seal = sealed.rpartition(b"-")
        genuine = len(seal) == _SEAL and hmac.compare_digest(seal, self._seal(session))
        return session if genuine else None

    def _seal(self, session: bytes) -> bytes:
        return hmac.new(self._key, session, hashlib.sha256).hexdigest()[:_SEAL].encode()
