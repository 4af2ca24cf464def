"""Pictures of pages, from our own address: hashed names that browsers keep, and the stylesheet of a background."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cis_mcp.pages.web import YEAR, CompressedBody, answer
from engine.engine import Engine
from engine.model.pages import Page
from engine.model.pictures import PagePicture, is_name, media_of

_NOTHING = "default-src 'none'; sandbox"
"""What a picture that is opened by itself may do."""


def of(page: Page, logo: PagePicture | None = None) -> dict[str, object]:
    """The pictures of a page that templates show, as its toggles say; `logo`: used if the page has none of its own."""
    found = {"logo": page.logo or logo, "banner": page.banner, "background": page.background}
    return {name: one if name in page.shows else None for name, one in found.items()}


def _style(name: str) -> bytes:
    return f"body{{background:var(--ground) url(/brand/picture/{name}) center/cover fixed}}\n".encode()


def picture(engine: Engine) -> Callable[[Request], Awaitable[Response]]:
    """GET /brand/picture/{name}: a picture, or with .css behind its name the stylesheet that puts it behind a page."""

    async def show(request: Request) -> Response:
        asked = request.path_params["name"]
        name = asked.removesuffix(".css")
        if asked != name and is_name(name):
            return answer(
                request, CompressedBody.of(_style(name), "text/css; charset=utf-8"), cache_control=YEAR
            )
        content = await engine.picture(name)
        if content is None:
            return Response("Not found\n", 404, media_type="text/plain")
        found = answer(request, CompressedBody(media_of(name), name, content, b""), cache_control=YEAR)
        found.headers["Content-Security-Policy"] = _NOTHING
        return found

    return show


def routes(engine: Engine) -> list[Route]:
    """Where pictures are."""
    return [Route("/brand/picture/{name:str}", picture(engine), methods=["GET"])]
