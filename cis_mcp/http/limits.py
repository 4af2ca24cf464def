"""Limits of each caller: requests a second and concurrent calls for each key, and attempts without a key."""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.recent import Recent
from cis_mcp.auth.sessions import secret_in
from cis_mcp.http.refusals import turned_away
from engine.network import client_network
from engine.settings import Settings

BURST_S = 10
"""What a key has left unused of the last seconds it may spend at once."""
_STRANGERS_RATE, _STRANGERS_BURST = 10.0, 100
"""Requests a second of one address that carry no key, or one that was not let in before."""
_KEPT = 10_000


class Meter:
    """Lets `rate` requests a second through for each name, `burst` of them at once; a rate of 0 lets all through.

    It keeps one moment for each name (a token bucket told as GCRA), and the names that were seen last.
    """

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._empty: Recent[float] = Recent(_KEPT)

    def wait(self, name: str) -> float:
        """Seconds that `name` has to wait; 0: it may go on now, and that was counted."""
        if not self._rate:
            return 0
        now = self._clock()
        at = max(self._empty.get(name) or now, now)
        early = at - now - (self._burst - 1) / self._rate
        if early > 1e-9:
            return early
        self._empty.put(name, at + 1 / self._rate)
        return 0


class AddressLimit:
    """Middleware in front of everything: limits requests by address unless they carry a key accepted before.

    A key that was let in is looked up by its hash, so guesses from the same address do not lock it out; so is the
    session of a person, several of whom may share an address.
    """

    def __init__(self, app: ASGIApp, settings: Settings, meter: Meter | None = None) -> None:
        self._app, self._settings = app, settings
        self._strangers = meter or Meter(_STRANGERS_RATE, _STRANGERS_BURST)
        self._known: Recent[bool] = Recent(_KEPT)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or at_hook(scope):
            await self._app(scope, receive, send)
            return
        shown = credential(scope, self._settings)
        if not (shown and self._known.get(shown)):
            wait = self._strangers.wait(site(scope))
            if wait:
                await _too_many(scope, wait, "too many requests from this network without a known key")(
                    scope, receive, send
                )
                return
        await self._app(scope, receive, send)
        if shown:
            self._remember(shown, let_in=let_in(scope))

    def _remember(self, credential: str, *, let_in: bool) -> None:
        if let_in:
            self._known.put(credential, True)
        else:
            self._known.drop(credential)


class KeyQuota:
    """The running and recent requests of each key; shared by all apps of one server."""

    def __init__(self, rate: float, concurrency: int) -> None:
        self.meter = Meter(rate, max(1, round(rate * BURST_S)))
        self.concurrency = concurrency
        self.under_way: Counter[str] = Counter()


class KeyLimits:
    """Middleware behind the check of keys: refuses callers that exceed their quota."""

    def __init__(self, app: ASGIApp, turns: KeyQuota) -> None:
        self._app, self._turns = app, turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = scope.get("caller")
        if isinstance(caller, Caller):
            await self._in_turn(caller.session, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _in_turn(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        turns = self._turns
        if turns.concurrency and turns.under_way[name] >= turns.concurrency:
            words = f"this key has {turns.concurrency} calls under way, and may not have more"
            await _too_many(scope, 1, words)(scope, receive, send)
            return
        if wait := turns.meter.wait(name):
            await _too_many(scope, wait, "this key asks more often than it may")(scope, receive, send)
            return
        turns.under_way[name] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            turns.under_way[name] -= 1
            if not turns.under_way[name]:
                del turns.under_way[name]


def at_hook(scope: Scope) -> bool:
    """True for a request at a hook, which proves itself in its sender's way and has limits of its own."""
    path = str(scope.get("path", ""))
    return path.startswith("/hooks/") or path == "/order"


def let_in(scope: Mapping[str, Any] | None) -> bool:
    """True if a request carried a key, or a token that may do something here."""
    return isinstance(scope.get("caller") if scope else None, Caller)


def site(scope: Scope) -> str:
    """The client that a request comes from."""
    return client_network(scope["client"][0] if scope.get("client") else "")


def credential(scope: Scope, settings: Settings) -> str:
    """What stands for the Authorization header of a request, its x-api-key or its session; empty if it has none."""
    headers = dict(scope["headers"])
    value = headers.get(b"authorization", b"") or headers.get(b"x-api-key", b"")
    if not value and b"cookie" in headers:
        value = secret_in(settings, Headers(scope=scope)).encode()
    return hashlib.sha256(value).hexdigest() if value else ""


def _too_many(scope: Scope, wait: float, words: str) -> Response:
    seconds = max(1, math.ceil(wait))
    message = f"{words}; try again in {seconds} s"
    return turned_away(scope, 429, "too_many_requests", message, {"Retry-After": str(seconds)})
