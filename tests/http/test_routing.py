"""Routes are found by their first segments, and by nothing else than before."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from cis_mcp.http.routing import BySegments

PATHS = (
    *(
        "/",
        "/mcp",
        "/v1/events",
        "/v1/events/{uid}",
        "/v1/events/{uid}/invites",
        "/v1/keys",
        "/v1/{rest:path}",
    ),
    *("/s/{slug}", "/s/{slug}/more", "/embed/s/{slug}", "/.well-known/cis-keys"),
)


def _route(path: str) -> Route:
    async def told(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{path} {dict(request.path_params)}")

    return Route(path, told)


async def _answer(app: Starlette, path: str) -> tuple[int, str]:
    way = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=way, base_url="http://cis.test") as web:
        found = await web.get(path)
    return found.status_code, found.text


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/",
            "/mcp",
            "/mcp/",
            "/v1",
            "/v1/events",
            "/v1/events/x",
            "/v1/events/x/invites",
            "/v1/events/x/y",
        ),
        *("/v1/keys", "/v1/nothing", "/v1/nothing/at/all", "/s", "/s/league", "/s/league/more", "/s/v1/x"),
        *("/embed/s/league", "/embed/x", "/.well-known/cis-keys", "/nothing", "//v1/events", "/s/%2F"),
    ],
)
async def test_each_path_has_the_answer_that_it_has_among_all_routes(path: str) -> None:
    routes = [_route(known) for known in PATHS]
    indexed = await _answer(Starlette(routes=[BySegments(routes)]), path)
    assert indexed == await _answer(Starlette(routes=routes), path)
