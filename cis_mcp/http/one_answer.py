"""For a server that gives one whole answer to each request, as a function of AWS Lambda does: what it cannot give is
refused with where to find it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.http.refusals import turned_away

ANSWER_MAX = 4_400_000
"""Bytes of an answer: Lambda takes 6 MB of JSON, in which binary content grows by a third."""
_STREAM = b"text/event-stream"
_NO_STREAMS, _TOO_LARGE = "no_streams", "answer_too_large"


def elsewhere(url: str) -> str:
    """Where connections stay open, as a sentence."""
    if url:
        return f"Ask {url}, where connections stay open."
    return "This installation has no server whose connections stay open: its operator sets CIS_STREAMS_URL to one."


class OneAnswer:
    """Hands an answer on once it is whole; refuses streams, and answers that are too large."""

    def __init__(self, app: ASGIApp, streams_url: str) -> None:
        self._app = app
        self._where = elsewhere(streams_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == "/mcp" and scope["method"] in {"GET", "DELETE"}:
            # 405 is what clients of MCP take as: no stream, and no sessions to end.
            words = f"there are no streams and no sessions here. {self._where}"
            await turned_away(scope, 405, _NO_STREAMS, words, {"Allow": "POST"})(scope, receive, send)
        else:
            await self._whole(scope, receive, send)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        gathered = _Gathered()
        await self._app(scope, gathered.until_refused(receive), gathered.take)
        if gathered.why:
            await self._refusal(scope, gathered.why)(scope, receive, send)
            return
        for message in gathered.messages:
            await send(message)

    def _refusal(self, scope: Scope, why: str) -> Response:
        if why == _NO_STREAMS:
            return turned_away(scope, 501, why, f"server-sent events are not available here. {self._where}")
        words = f"this answer has more than {ANSWER_MAX:,} bytes; ask for less of it. {self._where}"
        return turned_away(scope, 501, why, words)


@dataclass
class _Gathered:
    """What an application answers, until it is refused."""

    messages: list[Message] = field(default_factory=list)
    size: int = 0
    why: str = ""
    _refused: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, message: Message) -> None:
        if self.why:
            return
        if message["type"] == "http.response.start":
            kind = dict(message.get("headers", ())).get(b"content-type", b"")
            self.why = _NO_STREAMS if kind.startswith(_STREAM) else ""
        self.size += len(message.get("body", b""))
        if self.size > ANSWER_MAX:
            self.why = _TOO_LARGE
        if self.why:
            self.messages.clear()
            self._refused.set()
        else:
            self.messages.append(message)

    def until_refused(self, receive: Receive) -> Receive:
        """What the client sends; that it has gone, once its answer is refused, so that the application ends it."""

        async def received() -> Message:
            coming = asyncio.ensure_future(receive())
            refused = asyncio.ensure_future(self._refused.wait())
            try:
                await asyncio.wait({coming, refused}, return_when=asyncio.FIRST_COMPLETED)
                return coming.result() if coming.done() else {"type": "http.disconnect"}
            finally:
                coming.cancel()
                refused.cancel()

        return received
