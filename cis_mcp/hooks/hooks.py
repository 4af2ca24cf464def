"""POST /hooks/{name}: the proof is checked on the bytes as they came; 2xx only means that they are kept.

401: it is not proven. 413, 429 and 503 are about size and load only. What a rule made of a delivery is shown in the
list of deliveries: no sender can cure a rule by trying again.
"""

from __future__ import annotations

import time
from collections import Counter

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cis_mcp.auth.recent import Recent
from engine.engine import Engine
from engine.model.triggers import Posted
from engine.network import client_network
from engine.refusals import Code, Refused
from engine.triggers.receiving import BODY_MAX, Receiver

_FAILURES_A_SECOND, _FAILURES_AT_ONCE = 1.0, 100
_KEPT = 10_000
_BUSY_S = 10
_DIGITS_MAX = 20


class Failures:
    """Counts each client's recent failed proofs: a bucket that empties by one a second."""

    def __init__(self) -> None:
        self._full: Recent[float] = Recent(_KEPT)

    def wait(self, site: str) -> float:
        """Seconds until `site` may try again; 0: now."""
        return max(
            0.0, (self._full.get(site) or 0.0) - time.monotonic() - _FAILURES_AT_ONCE / _FAILURES_A_SECOND
        )

    def note(self, site: str) -> None:
        """Count one failed proof."""
        self._full.put(site, max(self._full.get(site) or 0.0, time.monotonic()) + 1 / _FAILURES_A_SECOND)

    def refused(self, site: str) -> Response | None:
        """429 for a client with too many failed proofs; proven deliveries are kept, even from the same network."""
        if wait := self.wait(site):
            return response(429, "too_many_requests", {"Retry-After": str(int(wait) + 1)})
        self.note(site)
        return None


class Hooks:
    """The hooks of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._receiver = Receiver(engine)
        self._public = engine.settings.public_url.rstrip("/")
        self._failures = Failures()

    async def post(self, request: Request) -> Response:
        """Answer one request of a sender."""
        site = client_network(request.client.host if request.client else "")
        trigger = await self._receiver.trigger(request.path_params["name"])
        if trigger is None:
            return self._failures.refused(site) or response(404, Code.UNKNOWN_TRIGGER)
        try:
            body = await body_of(request)
            answer = (
                None
                if body is None
                else await self._receiver.take(trigger, posted_of(request, body, self._public))
            )
        except ClientDisconnect:
            # Nobody is left to answer, and half a body proves nothing.
            return response(400, Code.INVALID_PAYLOAD)
        except Refused as refused:
            return response(503, refused.code, {"Retry-After": str(_BUSY_S)})
        if body is None:
            return response(413, Code.TOO_LARGE)
        if answer is None:
            return self._failures.refused(site) or response(
                401, "unproven", {"WWW-Authenticate": "Signature"}
            )
        return Response(answer.body, answer.status, media_type=answer.media_type)


def posted_of(request: Request, body: bytes, public: str) -> Posted:
    """The request, with the public address from the settings: a sender could put anything into the Host header."""
    query = request.scope["query_string"].decode("latin-1")
    path = (request.scope.get("raw_path") or b"").decode("latin-1") or request.url.path
    given = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.scope["headers"]]
    times = Counter(name for name, _ in given)
    return Posted(
        method=request.method,
        url=f"{public}{path}{'?' if query else ''}{query}",
        headers={name: value for name, value in given if times[name] == 1},
        body=body,
    )


async def body_of(request: Request) -> bytes | None:
    """The body; None once it is larger than a delivery may be."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or len(announced) > _DIGITS_MAX or int(announced) > BODY_MAX:
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > BODY_MAX:
            return None
        parts.append(part)
    return b"".join(parts)


def response(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    """An answer to a request that failed, with its code."""
    return JSONResponse({"error": str(code)}, status, headers=headers)


def routes(engine: Engine) -> list[Route]:
    """The routes to which systems of record post."""
    return [Route("/hooks/{name}", Hooks(engine).post, methods=["POST"])]
