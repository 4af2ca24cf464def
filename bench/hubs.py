"""The console's hubs beside a bare page of Starlette and Jinja with the same rows and one read of SQLite."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path
from statistics import median

from jinja2 import Environment
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Scope

from bench.figures import BenchFailed, Figure
from bench.questions import NOW
from bench.search import add_events, opened
from bench.season import ORGANIZER, season
from bench.timing import Effort
from cis_mcp.auth.sessions import cookie_name
from cis_mcp.console.routes import routes
from cis_mcp.console.web import HUBS
from engine.commands.signing_in import MakeSignInLink, SignIn
from engine.engine import Engine
from engine.model.events import Event

_GROUP = "The console's hubs"
_FEW = 1_000
_WIRE_KB, _WITHIN = 60, 3
_CALLS, _ROUNDS = 40, 5
_MS = 1_000
_ROW = re.compile(r"<tr>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<t[hd][^>]*>(.*?)</t[hd]>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")
_PAGE = Environment(autoescape=True).from_string(
    "<!doctype html><html lang=en><title>Rows</title><table>{% for row in rows %}<tr>{% for cell in row %}"
    "<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}</table></html>"
)
_PERSON = (
    "INSERT INTO attendee(event_uid, email, token, name, partstat, origin, prodid, fields, created, receipt_sequence) "
    "VALUES (?, ?, ?, '', 'needs-action', 'api', '', '{}', ?, -1)"
)


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Processor time of each hub's first page with many events, with few, and of the bare page, by turns."""
    many = effort.events
    yield from asyncio.run(_measured(folder, many, 10 * effort.attendees, min(_FEW, many)))


async def _measured(folder: Path, many: int, people: int, few: int) -> list[Figure]:
    large, small = await _furnished(folder / "many", many, people), await _furnished(folder / "few", few, few)
    try:
        found = [await _hub(folder, path, name, large, small) for path, name in HUBS]
    finally:
        await large[0].close()
        await small[0].close()
    return [figure for figures in found for figure in figures]


async def _furnished(folder: Path, events: int, people: int) -> tuple[Engine, ASGIApp, str]:
    """A server's console with so many events and people, and the cookie of its operator."""
    engine = await opened(folder)
    games = [game.event for game in season()]
    made = [_another(games[n % len(games)], n) for n in range(events)]
    await add_events(engine, made)
    _invite(engine, [event.uid for event in made], people)
    link = await engine.apply(MakeSignInLink(), engine.local)
    session = await engine.apply(SignIn(code=link.code), engine.local)
    return engine, Starlette(routes=routes(engine)), f"{cookie_name(engine.settings)}={session.secret}"


def _another(event: Event, n: int) -> Event:
    return event.model_copy(update={"uid": f"{n:08d}{event.uid[8:]}", "id": ""})


def _invite(engine: Engine, uids: list[str], people: int) -> None:
    rows = ((uids[n % len(uids)], f"p{n}@example.com", f"t{n}", NOW.timestamp()) for n in range(people))
    with closing(sqlite3.connect(engine.settings.database)) as database, database:
        database.executemany(_PERSON, rows)
        tally = [("system", "", people), ("organizer", ORGANIZER, people)]
        database.executemany("INSERT OR REPLACE INTO tally VALUES (?, ?, 'attendees', ?)", tally)


async def _hub(
    folder: Path, path: str, name: str, large: tuple[Engine, ASGIApp, str], small: tuple[Engine, ASGIApp, str]
) -> list[Figure]:
    page, wire = await _called(large[1], path, large[2])
    bare = _bare(folder / f"bare{path.replace('/', '-')}.db", page)
    pairs = []
    for _ in range(_ROUNDS):
        times = [
            await _taken(large[1], path, large[2]),
            await _taken(small[1], path, small[2]),
            await _taken(bare, "/"),
        ]
        pairs.append(times)
    ours, less, theirs = (median(times[n] for times in pairs) * _MS for n in range(3))
    ratio = median(times[0] / times[2] for times in pairs)
    growth = median(times[0] / times[1] for times in pairs)
    return [
        Figure(
            _GROUP, f"{name}: processor time of its first page", ours, "ms", within=_WITHIN,
            peer="bare Starlette and Jinja, one SQLite read", peer_value=theirs, ratio=ratio,
        ),
        Figure(
            _GROUP, f"{name}: the same with 1,000 events and people", less, "ms",
            peer="with many", peer_value=ours, ratio=growth,
        ),
        Figure(_GROUP, f"{name}: on the wire", wire / 1000, "kB", below=_WIRE_KB),
    ]  # fmt: skip


def _bare(path: Path, page: str) -> ASGIApp:
    """A page of the same rows: they lie in one row of SQLite, and are read for each request."""
    rows = [[unescape(_TAG.sub("", cell)) for cell in _CELL.findall(row)] for row in _ROW.findall(page)]
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE kept (id INTEGER PRIMARY KEY, body TEXT)")
    database.execute("INSERT INTO kept VALUES (1, ?)", [json.dumps(rows)])
    database.commit()

    async def show(_request: Request) -> Response:
        (body,) = database.execute("SELECT body FROM kept WHERE id = 1").fetchone()
        return Response(_PAGE.render(rows=json.loads(body)), media_type="text/html")

    return Starlette(routes=[Route("/", show)])


async def _taken(app: ASGIApp, path: str, cookie: str = "") -> float:
    """Seconds of processor time of one call."""
    await _asked(app, path, cookie, b"gzip")
    began = time.process_time()
    for _ in range(_CALLS):
        await _asked(app, path, cookie, b"gzip")
    return (time.process_time() - began) / _CALLS


async def _called(app: ASGIApp, path: str, cookie: str = "") -> tuple[str, int]:
    """The page, and its bytes on the wire as a browser gets it."""
    plain, _ = await _asked(app, path, cookie, b"identity")
    if not cookie:
        return plain.decode(), len(plain)
    packed, _ = await _asked(app, path, cookie, b"gzip")
    return plain.decode(), len(packed)


async def _asked(app: ASGIApp, path: str, cookie: str, coding: bytes) -> tuple[bytes, int]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"cookie", cookie.encode()), (b"accept-encoding", coding)]
    scope: Scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    await app(scope, receive, send)
    if sent[0]["status"] != 200:
        raise BenchFailed(f"{path} answered {sent[0]['status']}")
    return b"".join(message.get("body", b"") for message in sent[1:]), sent[0]["status"]
