"""Request bodies: only a few large ones are in memory at once; one that breaks off is not logged as an error."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.http.refusals import turned_away
from cis_mcp.mcp.shape import VALUES_MAX, Values

BODY_MAX = 16 * 1024 * 1024
"""Bytes of a request: a list of about 300,000 addresses."""

_LARGE = 256 * 1024
LARGE_AT_ONCE = 8
_PATIENCE_S = 10.0


class NoRoomError(Exception):
    """A large body waited too long for a place in memory."""


class TooManyValuesError(Exception):
    """A body holds more than a request may."""


class BrokenOffError(Exception):
    """The client left before its body was whole."""


class Bodies:
    """Stands before the reading of a body; answers 503 where others have taken the places for large ones."""

    def __init__(self, app: ASGIApp, large: asyncio.Semaphore, patience_s: float = _PATIENCE_S) -> None:
        self._app, self._large, self._patience_s = app, large, patience_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._large, self._patience_s)
        try:
            await self._app(scope, body.receive, send)
        except NoRoomError:
            await _no_room(scope)(scope, receive, send)
        except TooManyValuesError:
            await _too_many_values(scope)(scope, receive, send)
        except BrokenOffError:
            # There is no one left to answer.
            return
        finally:
            body.leave()


class _Body:
    """One body; a large one takes one of few places, and keeps it until its request is done."""

    __slots__ = ("_large", "_patience_s", "_placed", "_size", "_source", "_values", "_whole")

    def __init__(self, source: Receive, large: asyncio.Semaphore, patience_s: float) -> None:
        self._source, self._large, self._patience_s = source, large, patience_s
        self._size, self._placed, self._whole = 0, False, False
        self._values = Values()

    async def receive(self) -> Message:
        """The next piece, or that the client left. Raises NoRoomError, TooManyValuesError, BrokenOffError."""
        if self._size > _LARGE and not (self._placed or self._whole):
            await self._place()
        message = await self._source()
        if message["type"] == "http.request":
            self._take(message.get("body", b""), whole=not message.get("more_body", False))
        elif not self._whole:
            raise BrokenOffError
        return message

    def _take(self, piece: bytes, *, whole: bool) -> None:
        # What comes in one small piece cannot hold many.
        alone = whole and not self._size and len(piece) <= _LARGE
        self._size += len(piece)
        self._whole = whole
        if not alone and self._values.feed(piece) > VALUES_MAX:
            raise TooManyValuesError

    async def _place(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                await self._large.acquire()
        except TimeoutError:
            raise NoRoomError from None
        self._placed = True

    def leave(self) -> None:
        if self._placed:
            self._large.release()


def _no_room(scope: Scope) -> Response:
    words = "too many large requests at once; try again in 10 s"
    return turned_away(scope, 503, "too_many_requests", words, {"Retry-After": "10"})


def _too_many_values(scope: Scope) -> Response:
    words = (
        f"a request may hold {VALUES_MAX} values; this one holds more. Send a long list in parts, or as csv"
    )
    return turned_away(scope, 413, "too_large", words)
