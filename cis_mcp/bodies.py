"""Bodies of requests: each has to come in time, and only a few large ones are in memory at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BODY_MAX = 16 * 1024 * 1024
"""Bytes of a request: a list of about 300,000 addresses."""

_LARGE = 256 * 1024
LARGE_AT_ONCE = 8


@dataclass(frozen=True)
class Pace:
    """How slowly a body may come: `grace_s` from its beginning, and a second more for each `bytes_a_second`."""

    grace_s: float = 10
    bytes_a_second: int = 50_000


class SlowBodyError(Exception):
    """A body did not come in time."""


class Bodies:
    """Stands before the reading of a body; answers 408 where it comes too slowly."""

    def __init__(self, app: ASGIApp, pace: Pace, large: asyncio.Semaphore) -> None:
        self._app, self._pace, self._large = app, pace, large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        async with AsyncExitStack() as held:
            body = _Body(receive, self._pace, self._large, held)

            async def watched(message: Message) -> None:
                body.answered = True
                await send(message)

            try:
                await self._app(scope, body.receive, watched)
            except SlowBodyError:
                if body.answered:
                    raise
                await _too_slow()(scope, receive, send)


@dataclass
class _Body:
    source: Receive
    pace: Pace
    large: asyncio.Semaphore
    held: AsyncExitStack
    began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    size: int = 0
    whole: bool = False
    holds: bool = False
    answered: bool = False

    async def receive(self) -> Message:
        """The next piece; raises SlowBodyError. After the last, whatever comes whenever it comes."""
        if self.whole:
            return await self.source()
        deadline = self.began + self.pace.grace_s + self.size / self.pace.bytes_a_second
        try:
            async with asyncio.timeout_at(deadline):
                await self._make_room()
                message = await self.source()
        except TimeoutError:
            raise SlowBodyError from None
        self.size += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        return message

    async def _make_room(self) -> None:
        """A large body takes one of few places, and keeps it until its request is done."""
        if self.size > _LARGE and not self.holds:
            await self.held.enter_async_context(self.large)
            self.holds = True


def _too_slow() -> JSONResponse:
    body = {"error": "request_timeout", "error_description": "the body did not come in time; send it again"}
    return JSONResponse(body, 408, headers={"Connection": "close"})
