"""POST /order: a shop's signed orders; 200 once one is carried out, 404 for what is not an order.

401: it is not signed with a secret of the shop. 413, 429 and 503 are about size and load only.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from cis_mcp.hooks.hooks import Failures, body_of, posted_of, response
from engine.engine import Engine
from engine.network import client_network
from engine.refusals import Code, Refused
from engine.triggers.orders import ShopOrders

_STATUS = {Code.TOO_LARGE: 413, Code.BUSY: 503}
_BUSY_S = 10


class OrderPath:
    """The handler of the path, for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._orders = ShopOrders(engine)
        self._public = engine.settings.public_url.rstrip("/")
        self._failures = Failures()

    async def post(self, request: Request) -> Response:
        """Answer one request of a shop."""
        site = client_network(request.client.host if request.client else "")
        if not self._orders.expected:
            return self._failures.refused(site) or response(404, "no_shop")
        try:
            body = await body_of(request)
        except ClientDisconnect:
            return response(400, Code.INVALID_PAYLOAD)
        if body is None:
            return response(413, Code.TOO_LARGE)
        posted = posted_of(request, body, self._public)
        if not self._orders.proven(posted):
            unproven = response(401, "unproven", {"WWW-Authenticate": "Signature"})
            return self._failures.refused(site) or unproven
        try:
            await self._orders.take(posted)
        except Refused as refused:
            status = _STATUS.get(refused.code, 404)
            return response(status, refused.code, {"Retry-After": str(_BUSY_S)} if status == 503 else None)
        return PlainTextResponse("Acknowledged")


def routes(engine: Engine) -> list[Route]:
    """The route to which a shop posts."""
    return [Route("/order", OrderPath(engine).post, methods=["POST"])]
