"""GET /openapi.json, for everyone: made once, as it takes a tenth of a second."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from cis_mcp.rest.openapi import document

_HEADERS = {
    "Cache-Control": "public, max-age=3600",
    "Access-Control-Allow-Origin": "*",
    "Vary": "Accept-Encoding",
}

_NEVER = re.compile(r"q=0(\.0*)?")


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
        made = await self._document()
        headers = {**_HEADERS, "ETag": f"W/{made.tag}"}
        if _known(request.headers.get("if-none-match", ""), made.tag):
            return Response(status_code=304, headers=headers)
        if not _unpacks(request.headers.get("accept-encoding", "")):
            return Response(made.whole, headers=headers, media_type="application/json")
        headers["Content-Encoding"] = "gzip"
        return Response(made.packed, headers=headers, media_type="application/json")

    async def _document(self) -> _Made:
        making = self._making = self._making or asyncio.create_task(asyncio.to_thread(self._make))
        try:
            return await asyncio.shield(making)
        except BaseException:
            if making.done() and self._making is making:
                self._making = None
            raise

    def _make(self) -> _Made:
        whole = json.dumps(document(self._public_url), ensure_ascii=False, separators=(",", ":")).encode()
        return _Made(whole, gzip.compress(whole, mtime=0), f'"{hashlib.sha256(whole).hexdigest()[:16]}"')


def _known(given: str, tag: str) -> bool:
    """True if an If-None-Match names the tag; they are compared weakly (RFC 9110, 13.1.2)."""
    return bool({"*", tag} & {each.strip().removeprefix("W/") for each in given.split(",")})


def _unpacks(given: str) -> bool:
    """True if an Accept-Encoding takes gzip (RFC 9110, 12.5.3)."""
    weights = dict(each.replace(" ", "").lower().partition(";")[::2] for each in given.split(","))
    return not _NEVER.fullmatch(weights.get("gzip", "q=0"))
