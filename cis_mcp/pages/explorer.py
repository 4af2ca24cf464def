"""GET /explorer: every operation of the REST API as a form; the key stays in the browser's page."""

from __future__ import annotations

from functools import cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cis_mcp.pages.web import CompressedBody, answer, asset, render


@cache
def _page() -> CompressedBody:
    page = render(
        "explorer.html", explorer_css=asset("explorer.css").path, explorer_js=asset("explorer.js").path
    )
    return CompressedBody.of(page)


async def _explorer(request: Request) -> Response:
    return answer(request, _page())


def routes() -> list[Route]:
    """The page; what it sends goes to the paths that the document names."""
    return [Route("/explorer", _explorer, methods=["GET"])]
