"""GET /openapi.json, for everyone: made once, as it takes a tenth of a second."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from cis_mcp.rest.openapi import document

_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Access-Control-Allow-Origin": "*",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class _Made:
    whole: bytes
    packed: bytes
    tag: str


class ServedDocument:
    """Makes the document when it is first asked for, in a thread; whoever asks meanwhile waits for the same one."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._making: asyncio.Task[_Made] | None = None

    async def get(self, request: Request) -> Response:
        """Answer a GET or HEAD."""
        self._making = self._making or asyncio.create_task(asyncio.to_thread(self._make))
        made = await asyncio.shield(self._making)
        headers = {**_HEADERS, "ETag": made.tag}
        if made.tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if "gzip" not in request.headers.get("accept-encoding", ""):
            return Response(made.whole, headers=headers, media_type="application/json")
        return Response(
            made.packed, headers=headers | {"Content-Encoding": "gzip"}, media_type="application/json"
        )

    def _make(self) -> _Made:
        whole = json.dumps(document(self._public_url), ensure_ascii=False, separators=(",", ":")).encode()
        return _Made(whole, gzip.compress(whole, mtime=0), f'W/"{hashlib.sha256(whole).hexdigest()[:16]}"')
