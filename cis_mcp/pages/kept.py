"""Answers cached pages before anything else: such a request needs no routing, parsing or checks."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from cis_mcp.pages.showing import PublishedPages
from cis_mcp.pages.web import ready

_WAYS = ("/s/", "/u/", "/embed/")
_ASKS_MORE = frozenset({b"authorization", b"x-api-key", b"cookie"})
"""Headers by which a visitor may be somebody: who they are is judged before they are answered."""


class KeptPages:
    """Answers a GET of a page that was answered before and is as it was; everything else goes on to `app`."""

    def __init__(self, app: ASGIApp, room: PublishedPages) -> None:
        self._app, self._room = app, room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(_WAYS):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        plain = len(headers) == len(scope["headers"]) and _ASKS_MORE.isdisjoint(headers)
        body = await self._room.seen(scope) if plain else None
        if body is None:
            await self._app(scope, receive, send)
            return
        made = ready(body, headers, framed=scope["path"].startswith("/embed/"))
        start = {"type": "http.response.start", "status": made.status_code, "headers": [*made.raw_headers]}
        await send(start)
        await send({"type": "http.response.body", "body": made.body})
