"""Sessions of the handshake era behind a load balancer: what another process opened is served without its state.

Requests of 2026-07-28 have no sessions; any process serves any of them. An older client sends the id of the session
that its first request opened, and the next may reach a process that never heard of it. Ids are sealed with the
secret of the installation, so each process knows which ones a sibling gave out (or itself, before a restart).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.limits import Recent

_HEADER, _VERSION = b"mcp-session-id", b"mcp-protocol-version"
_MODERN = frozenset(version.encode() for version in MODERN_PROTOCOL_VERSIONS)
_SEAL = 32
_OURS_KEPT = 20_000


def _sessionless(scope: Scope) -> bool:
    """True for a request of the era without sessions: its answer opens none."""
    versions = [value for name, value in scope["headers"] if name in (_VERSION, _HEADER)]
    return len(versions) == 1 and versions[0] in _MODERN


class SharedSessions:
    """Hands each request to `own`, or, where its session is a sibling's, to `stateless`."""

    def __init__(self, own: Starlette, stateless: Starlette, key: bytes) -> None:
        self._own, self._stateless, self._key = own, stateless, key
        self._ours: Recent[bool] = Recent(_OURS_KEPT)
        self._life = Starlette(lifespan=self._both)

    @asynccontextmanager
    async def _both(self, _app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for app in (self._own, self._stateless):
                await stack.enter_async_context(app.router.lifespan_context(app))
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._life(scope, receive, send)
            return
        if _sessionless(scope):
            await self._own(scope, receive, send)
        else:
            await self._app_for(scope)(scope, receive, self._sealing(send))

    def _app_for(self, scope: Scope) -> ASGIApp:
        """Which app serves the request; the session's id is put back to what that app knows."""
        given = next((value for name, value in scope["headers"] if name == _HEADER), None)
        session = self._opened(given) if given is not None else None
        if session is None:
            return self._own
        others = [(name, value) for name, value in scope["headers"] if name != _HEADER]
        if self._ours.get(session.decode()) is None:
            scope["headers"] = others
            return self._stateless
        scope["headers"] = [*others, (_HEADER, session)]
        return self._own

    def _sealing(self, send: Send) -> Send:
        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [self._out(name, value) for name, value in message.get("headers", ())]
            await send(message)

        return sealed

    def _out(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name.lower() != _HEADER:
            return name, value
        self._ours.put(value.decode("latin-1"), True)
        return name, value + b"-" + self._seal(value)

    def _opened(self, sealed: bytes) -> bytes | None:
        """The id within a sealed one; None where no process of this installation gave it out."""
        session, _, seal = sealed.rpartition(b"-")
        genuine = len(seal) == _SEAL and hmac.compare_digest(seal, self._seal(session))
        return session if genuine else None

    def _seal(self, session: bytes) -> bytes:
        return hmac.new(self._key, session, hashlib.sha256).hexdigest()[:_SEAL].encode()
