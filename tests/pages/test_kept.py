"""A page that is kept is answered ahead of all else, and is never another one than behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from cis_mcp.pages import published as public
from cis_mcp.pages.kept import KeptPages
from cis_mcp.pages.showing import PublishedPages
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.model.pages import Show
from tests.pages.visitor import games, published
from tests.support.engines import do


@dataclass
class Site:
    """A site, and what came past the kept pages."""

    web: httpx.AsyncClient
    past: list[str] = field(default_factory=list)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.web.get(
            path, headers={name.replace("_", "-"): text for name, text in headers.items()}
        )


@pytest.fixture
async def site(engine: Engine) -> AsyncIterator[Site]:
    room, past = PublishedPages(engine), list[str]()

    class Noting:
        def __init__(self, app: ASGIApp) -> None:
            self._app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            past.append(scope["path"])
            await self._app(scope, receive, send)

    guards = [Middleware(KeptPages, room=room), Middleware(Noting)]
    way = httpx.ASGITransport(Starlette(routes=public.routes(engine, room), middleware=guards))
    async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
        yield Site(web, past)


@pytest.mark.parametrize("path", ["/s/season", "/embed/s/season", "/s/season?all=1&lang=de"])
async def test_the_second_look_is_answered_at_once_and_in_every_header_as_the_first(
    engine: Engine, site: Site, path: str
) -> None:
    await games(engine, 30)
    await published(engine, show=frozenset({Show.EMBED}))
    for headers in (
        {},
        {"accept_encoding": "identity"},
        {"accept_language": "fr", "accept_encoding": "gzip"},
    ):
        site.past.clear()
        first, second = await site.get(path, **headers), await site.get(path, **headers)
        assert first.status_code == 200
        assert (first.headers.raw, first.content) == (second.headers.raw, second.content)
        known = await site.get(path, if_none_match=first.headers["etag"], **headers)
        assert (known.status_code, known.content) == (304, b"")
        assert known.headers["etag"] == first.headers["etag"]
        assert len(site.past) <= 1


async def test_an_edit_shows_in_the_next_look(engine: Engine, site: Site) -> None:
    (event,) = await games(engine, 1)
    await published(engine)
    before = [await site.get("/s/season") for _ in range(2)][-1]
    await do(engine, UpdateEvent(uid=event.uid, summary="Yaks at Owls"))
    after = await site.get("/s/season", if_none_match=before.headers["etag"])
    assert (after.status_code, "Yaks at Owls" in after.text) == (200, True)


@pytest.mark.parametrize("header", ["cookie", "authorization", "x_api_key"])
async def test_who_may_be_somebody_is_judged_first(engine: Engine, site: Site, header: str) -> None:
    await games(engine, 1)
    await published(engine)
    for _ in range(2):
        await site.get("/s/season")
    site.past.clear()
    await site.get("/s/season", **{header: "x"})
    assert site.past == ["/s/season"]


async def test_what_is_no_look_at_a_page_goes_on(engine: Engine, site: Site) -> None:
    await games(engine, 1)
    await published(engine)
    for _ in range(2):
        await site.get("/s/season")
    site.past.clear()
    for path in ("/s/nothing", "/s/season?q=owls", "/feed/season.ics"):
        assert (await site.get(path)).status_code in {200, 404}
    assert (await site.web.head("/s/season")).status_code in {200, 405}
    assert (await site.web.post("/s/season", data={"email": "ann@example.com"})).status_code == 422
    assert len(site.past) == 5
