"""What pages keep of their answers is never older than what was written."""

from __future__ import annotations

from starlette.requests import Request

from cis_mcp.pages.showing import PublishedPages, Shown
from cis_mcp.pages.web import CompressedBody
from engine.engine import Engine
from tests.pages.visitor import published, season
from tests.support.engines import created


def _request() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/s/season", "query_string": b"", "headers": []})


async def _shown(engine: Engine, room: PublishedPages) -> Shown:
    await season(engine, 10)
    return await room.of(await published(engine, slug="season"))


async def test_the_same_request_is_answered_again_until_anything_is_written(engine: Engine) -> None:
    room, body = PublishedPages(engine), CompressedBody.of(b"page")
    shown = await _shown(engine, room)
    first = _request()
    assert await room.seen(first.scope) is None
    room.see(first, shown, body)
    assert await room.seen(_request().scope) is body
    await created(engine)
    assert await room.seen(_request().scope) is None


async def test_what_was_made_while_something_was_written_is_not_kept(engine: Engine) -> None:
    room, old = PublishedPages(engine), CompressedBody.of(b"before")
    shown = await _shown(engine, room)
    slow = _request()
    assert await room.seen(slow.scope) is None
    await created(engine)
    assert await room.seen(_request().scope) is None
    room.see(slow, shown, old)
    assert await room.seen(_request().scope) is None
