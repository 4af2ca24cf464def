"""Pictures of pages: told by their content, bounded before anybody decodes them, served from our own address."""

from __future__ import annotations

import asyncio
import base64
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.agents.keys import StopKey
from engine.commands.pages.picture_files import BYTES_MAX, examined
from engine.commands.pages.pictures import KeepPicture
from engine.engine import Engine
from engine.imports.pictures import with_pictures
from engine.model.actors import Actor
from engine.model.pages import Show
from engine.refusals import Code, Refused
from tests.bounds.making import made, narrowed
from tests.pages.visitor import Visitor, changed, games, published
from tests.support.clock import Clock
from tests.support.engines import do, engine_in, refusal
from tests.support.serving import serving


def png(width: int, height: int) -> bytes:
    """A black picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc0\x00\x11\x08\x00\x02\x00\x03\x03" + b"\0" * 9 + b"\xff\xd9"
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
LOSSY = base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
LOSSLESS = base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
EXTENDED = b"RIFF\x16\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x1f\x03\x00\x57\x02\x00"
KINDS = [
    (png(3, 2), "png", (3, 2)),
    (JPEG, "jpg", (3, 2)),
    (GIF, "gif", (1, 1)),
    (LOSSY, "webp", (1, 1)),
    (LOSSLESS, "webp", (1, 1)),
    (EXTENDED, "webp", (800, 600)),
]
HEADS = [content[:n] for content, _, _ in KINDS for n in (4, 12, 24, len(content))]


@pytest.mark.parametrize(("content", "ending", "size"), KINDS)
def test_kind_and_size_are_told_by_the_content(content: bytes, ending: str, size: tuple[int, int]) -> None:
    found = examined(content)
    assert found.name.endswith(f".{ending}")
    assert (found.width, found.height) == size


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", Code.UNREADABLE_PICTURE),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", Code.UNREADABLE_PICTURE),
        (b"<!doctype html><script>alert(1)</script>", Code.UNREADABLE_PICTURE),
        (b"\xff\xd8\xff" + b"\xff" * 50, Code.UNREADABLE_PICTURE),
        (b"\xff\xd8\xff\xda\x00\x04ab", Code.UNREADABLE_PICTURE),
        (png(1, 1)[:20], Code.UNREADABLE_PICTURE),
        (png(1, 1) + b"\0" * BYTES_MAX, Code.TOO_LARGE),
        (png(4_097, 1), Code.TOO_LARGE),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x10\x00\x00\x00\x10\x00", Code.TOO_LARGE),
        (b"GIF89a\x00\x00\x00\x00", Code.TOO_LARGE),
    ],
)
def test_what_is_no_picture_or_too_large_a_one_is_refused(content: bytes, code: Code) -> None:
    with pytest.raises(Refused) as refused:
        examined(content)
    assert refused.value.code is code


@given(st.sampled_from(HEADS), st.binary(max_size=60))
def test_whatever_the_bytes_are_they_are_a_picture_or_refused(head: bytes, rest: bytes) -> None:
    try:
        found = examined(head + rest)
    except Refused:
        return
    assert 0 < found.width <= 4_096
    assert 0 < found.height <= 4_096


async def kept(engine: Engine, content: bytes) -> str:
    return (await do(engine, KeepPicture(content=content))).picture.name


async def test_a_page_shows_its_pictures_from_our_own_address_for_ever(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1)
    names = {
        field: await kept(engine, png(n, 2)) for n, field in enumerate(("logo", "banner", "background"), 1)
    }
    await published(engine, **names)
    for path in ("/s/season", f"/e/{event.id}"):
        page = await visitor.see(path)
        assert [to for to in page.page.links if "/brand/picture/" in to] == [
            f"/brand/picture/{names['background']}.css",
            f"/brand/picture/{names['banner']}",
            f"/brand/picture/{names['logo']}",
        ]
        assert 'width="1" height="2"' in page.answer.text
        assert page.page.inline == []
    shown = await visitor.web.get(f"/brand/picture/{names['logo']}")
    assert shown.content == png(1, 2)
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    again = await visitor.web.get(
        f"/brand/picture/{names['logo']}", headers={"If-None-Match": shown.headers["etag"]}
    )
    assert again.status_code == 304
    style = await visitor.web.get(f"/brand/picture/{names['background']}.css")
    assert f"url(/brand/picture/{names['background']})" in style.text


@pytest.mark.parametrize("name", ["x.png", "0" * 32 + ".png", "0" * 32 + ".svg", "..%2f..%2fdb", "x.png.css"])
async def test_a_picture_that_is_not_kept_is_not_there(visitor: Visitor, name: str) -> None:
    assert (await visitor.web.get(f"/brand/picture/{name}")).status_code == 404


async def test_pictures_are_toggled_and_taken_away(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 1)
    await published(engine, logo=await kept(engine, png(1, 1)))
    assert 'class="logo"' in (await visitor.see("/s/season")).answer.text
    await changed(engine, "season", hide=frozenset({Show.LOGO}))
    assert 'class="logo"' not in (await visitor.see("/s/season")).answer.text
    await changed(engine, "season", show=frozenset({Show.LOGO}))
    assert 'class="logo"' in (await visitor.see("/s/season")).answer.text
    page = await changed(engine, "season", logo="")
    assert page.logo is None
    assert 'class="logo"' not in (await visitor.see("/s/season")).answer.text


async def test_a_page_shows_only_pictures_of_its_organizer(engine: Engine) -> None:
    await published(engine)
    name = (await do(engine, KeepPicture(content=GIF, organizer="bob@cis.test"))).picture.name
    with pytest.raises(Refused, match="no such picture"):
        await changed(engine, "season", logo=name)
    eve = Actor(kind="agent", address="eve@example.org")
    assert await refusal(engine, KeepPicture(content=GIF, organizer="bob@cis.test"), eve) is Code.NOT_ALLOWED


async def test_what_no_page_shows_goes_after_a_day_and_the_rest_stays(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    shown, unshown = await kept(engine, png(1, 1)), await kept(engine, png(2, 1))
    await published(engine, banner=shown)
    clock.now += timedelta(hours=23)
    await kept(engine, GIF)
    assert await engine.picture(unshown)
    clock.now += timedelta(hours=2)
    await kept(engine, LOSSY)
    assert await engine.picture(unshown) is None
    assert await engine.picture(shown) == png(1, 1)


async def test_an_organizer_has_a_hundred_pictures_at_most(engine: Engine) -> None:
    for n in range(1, 101):
        await kept(engine, png(n, 1))
    assert await refusal(engine, KeepPicture(content=png(1, 2))) is Code.TOO_MANY
    assert await kept(engine, png(1, 1))


@asynccontextmanager
async def site(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A web server that answers each request so; its address, and what was asked."""
    asked: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()

    async with serving(talk) as port:
        yield f"http://127.0.0.1:{port}/logo", asked


def answer(content: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nContent-Type: text/html\r\n\r\n"
    return head.encode() + content


async def test_a_picture_is_fetched_once_and_told_by_its_content(tmp_path: Path, clock: Clock) -> None:
    async with (
        engine_in(tmp_path, clock, local_receivers="127.0.0.0/8") as engine,
        site(answer(png(5, 5))) as (url, asked),
    ):
        given = await with_pictures(engine, engine.local, None, {"logo": url, "title": "x"})
        assert given["title"] == "x"
        assert await engine.picture(given["logo"]) == png(5, 5)
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (answer(b"<svg/>"), Code.UNREADABLE_PICTURE),
        (answer(b"", "404 Not Found"), Code.URL_NOT_READABLE),
        (answer(b"", "302 Found\r\nLocation: http://127.0.0.1:1/"), Code.URL_NOT_READABLE),
        (answer(png(1, 1) + b"\0" * BYTES_MAX), Code.TOO_LARGE),
        (b"", Code.URL_NOT_READABLE),
    ],
)
async def test_what_cannot_be_fetched_as_a_picture_is_refused(
    tmp_path: Path, clock: Clock, sent: bytes, code: Code
) -> None:
    async with (
        engine_in(tmp_path, clock, local_receivers="127.0.0.0/8") as engine,
        site(sent) as (url, _),
    ):
        with pytest.raises(Refused) as refused:
            await with_pictures(engine, engine.local, None, {"logo": url})
        assert refused.value.code is code


async def test_a_key_has_no_picture_fetched_from_where_it_may_not_link_nor_while_it_is_stopped(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, local_receivers="127.0.0.0/8") as engine,
        site(answer(png(5, 5))) as (url, asked),
    ):
        key = await made(engine, verbs="publish", links=["127.0.0.1"])

        async def bound() -> str:
            with pytest.raises(Refused) as refused:
                await with_pictures(engine, key.actor, None, {"logo": f"{url}?guests=ann@example.com"})
            return refused.value.bound

        await narrowed(engine, key, links=[])
        assert await bound() == "links"
        await narrowed(engine, key, links=["127.0.0.1"])
        await do(engine, StopKey(key_id=key.id))
        assert await bound() == "stopped"
        await do(engine, StopKey(key_id=key.id, stopped=False))
        await narrowed(engine, key, links=["127.0.0.1"], verbs="create")
        assert await bound() == "verbs"
        assert asked == []
        await narrowed(engine, key, links=["127.0.0.1"], verbs="publish")
        assert (await with_pictures(engine, key.actor, None, {"logo": url}))["logo"]
        assert len(asked) == 1


async def test_no_picture_is_fetched_from_a_private_network(engine: Engine) -> None:
    async with site(answer(png(1, 1))) as (url, asked):
        for address in (
            url,
            url.replace("http:", "https:"),
            "https://169.254.169.254/x",
            "file:///etc/passwd",
        ):
            with pytest.raises(Refused) as refused:
                await with_pictures(engine, engine.local, None, {"banner": address})
            assert refused.value.code is Code.URL_NOT_ALLOWED
        assert asked == []
        reader = Actor(kind="agent", address="agent@cis.test", scopes=frozenset({"read"}))
        with pytest.raises(Refused) as refused:
            await with_pictures(engine, reader, None, {"banner": url})
        assert refused.value.code is Code.NOT_ALLOWED
