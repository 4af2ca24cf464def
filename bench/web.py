"""Pages and REST beside a bare Starlette: what a request costs the server's processor, and bytes on the wire."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, free_port, process, wait_for
from bench.search import add_events, opened
from bench.season import ORGANIZER, season
from bench.timing import Effort
from bench.usage import usage
from engine.commands.pages.pages import CreatePage
from engine.model.actors import Actor
from engine.model.pages import PageKind

_GROUP = "Pages and REST"
_CONNECTIONS = 64
_MANY, _FEW = 12_000, 128
_ROUNDS = 3
_DEFAULT_KB, _SEASON_KB = 12, 48
_NEXT = b"\r\n\r\n"


@dataclass(frozen=True)
class _Asked:
    """What is asked of ours and of the peer."""

    name: str
    path: str
    peer: str
    known: bool = False
    at_least: float | None = None
    within: float | None = None


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Requests in a second of the server's processor time, ours and the peer's by turns; sizes of pages."""
    env, log = environment(folder / "web"), folder / "web.log"
    uid = asyncio.run(filled(folder / "web"))
    ours, bare = free_port(), free_port()
    with ExitStack() as stack:
        serve = [*SERVER, "--http", f"127.0.0.1:{ours}", "--no-auth"]
        server = stack.enter_context(process(serve, env, log))
        wait_for(ours)
        page, whole = (asyncio.run(_body(ours, path)) for path in ("/s/season", "/s/season?all=1"))
        event = asyncio.run(_body(ours, f"/v1/events/{uid}", packed=False))
        peer = stack.enter_context(process(_peer(folder, bare, uid, page, event), env, log))
        wait_for(bare)
        yield from _sizes(ours, page, whole)
        count = _MANY if effort.rounds > 1 else _FEW
        for asked in _all(uid):
            yield _compared(asked, (server.pid, ours), (peer.pid, bare), count)


def _all(uid: str) -> list[_Asked]:
    return [
        _Asked("a page that is cached", "/s/season", "/page", at_least=0.8),
        _Asked("a page that the client has (304)", "/s/season", "/known", known=True, at_least=0.8),
        _Asked("GET /v1/events/{uid}", f"/v1/events/{uid}", "/event", within=1.3),
    ]


async def filled(folder: Path) -> str:
    """A season and its page; the uid of one game."""
    engine = await opened(folder)
    try:
        games = [game.event for game in season()]
        await add_events(engine, games)
        organizer = Actor(kind="local", address=ORGANIZER)
        page = CreatePage(kind=PageKind.SCHEDULE, title="Season", slug="season", organizer=ORGANIZER)
        await engine.apply(page, organizer)
    finally:
        await engine.close()
    return games[len(games) // 2].uid


def _peer(folder: Path, port: int, uid: str, page: bytes, event: bytes) -> list[str]:
    """The peer, with the same bytes to serve."""
    (folder / "page.gz").write_bytes(page)
    with sqlite3.connect(folder / "bare.db") as database:
        database.execute("CREATE TABLE event (uid TEXT PRIMARY KEY, body TEXT)")
        database.execute("INSERT INTO event VALUES (?, ?)", [uid, event.decode()])
    database.close()
    return [sys.executable, "-m", "bench.bare_web", str(port), str(folder), uid]


def _sizes(port: int, page: bytes, whole: bytes) -> Iterator[Figure]:
    assets = sum(len(asyncio.run(_body(port, path))) for path in _assets(page))
    total = (len(page) + assets) / 1000
    yield Figure(_GROUP, "the default view with all our assets, on the wire", total, "kB", below=_DEFAULT_KB)
    yield Figure(_GROUP, "the whole season, on the wire", len(whole) / 1000, "kB", below=_SEASON_KB)


def _assets(page: bytes) -> list[str]:
    return sorted(set(re.findall(r'(?:src|href)="(/brand/[^"]+)"', gzip.decompress(page).decode())))


def _compared(asked: _Asked, ours: tuple[int, int], peer: tuple[int, int], count: int) -> Figure:
    tag = asyncio.run(_tag(ours[1], asked.path)) if asked.known else ""
    pairs = [
        (_rate(*ours, asked.path, count, tag), _rate(*peer, asked.peer, count, tag)) for _ in range(_ROUNDS)
    ]
    mine, other = (median(pair[n] for pair in pairs) for n in (0, 1))
    faster = median(a / b for a, b in pairs)
    ratio = faster if asked.at_least else 1 / faster
    return Figure(
        _GROUP,
        f"{asked.name}, {_CONNECTIONS} connections, in a second of processor time",
        mine,
        "requests/s",
        at_least=asked.at_least,
        within=asked.within,
        peer="bare Starlette" + (", one SQLite read" if asked.within else ""),
        peer_value=other,
        ratio=ratio,
    )


def _rate(pid: int, port: int, path: str, count: int, tag: str) -> float:
    """Requests in a second of what the process uses."""
    asyncio.run(load(port, path, _CONNECTIONS, tag))
    before = usage(pid).cpu_ticks
    asyncio.run(load(port, path, count, tag))
    ticks = usage(pid).cpu_ticks - before
    return count * os.sysconf("SC_CLK_TCK") / max(ticks, 1)


async def load(port: int, path: str, count: int, tag: str = "") -> None:
    """Ask for a path about so many times, over all connections. Raises BenchFailed."""
    share = count // _CONNECTIONS
    await asyncio.gather(*(_connection(port, path, share, tag) for _ in range(_CONNECTIONS)))


async def _connection(port: int, path: str, count: int, tag: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for _ in range(count):
            status, _, _ = await _answer(reader, writer, path, tag)
            if status != (304 if tag else 200):
                raise BenchFailed(f"{path} answered {status}")
    finally:
        writer.close()


async def _answer(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    path: str,
    tag: str = "",
    *,
    packed: bool = True,
) -> tuple[int, dict[str, str], bytes]:
    head = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
    head += ["Accept-Encoding: gzip"] if packed else []
    head += [f"If-None-Match: {tag}"] if tag else []
    writer.write("\r\n".join([*head, "", ""]).encode())
    first, *lines = (await reader.readuntil(_NEXT)).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(first.split()[1]), headers, body


async def _body(port: int, path: str, *, packed: bool = True) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    status, _, body = await _answer(reader, writer, path, packed=packed)
    writer.close()
    if status != 200:
        raise BenchFailed(f"{path} answered {status}")
    return body


async def _tag(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    _, headers, _ = await _answer(reader, writer, path)
    writer.close()
    return headers["etag"]
