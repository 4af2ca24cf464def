"""The console's hubs over HTTP beside a bare page of Starlette and Jinja with the same rows and one read of SQLite."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.bare_hubs import kept
from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, free_port, process, wait_for
from bench.questions import NOW
from bench.search import add_events
from bench.season import ORGANIZER, season
from bench.timing import Effort
from bench.usage import usage
from cis_mcp.auth.sessions import cookie_name
from cis_mcp.console.web import HUBS
from engine.commands.signing_in import MakeSignInLink, SignIn
from engine.engine import Engine
from engine.model.events import Event
from engine.settings import Settings

_GROUP = "The console's hubs"
_FEW = 1_000
_WIRE_KB, _WITHIN = 60, 3
_CALLS, _ROUNDS = 600, 5
_MS = 1_000
_LONGEST_S = 900.0
_HEAD_END = b"\r\n\r\n"
_PERSON = (
    "INSERT INTO attendee(event_uid, email, token, name, partstat, origin, prodid, fields, created, receipt_sequence) "
    "VALUES (?, ?, ?, '', 'needs-action', 'api', '', '{}', ?, -1)"
)


@dataclass(frozen=True)
class Site:
    """A server under measurement: its process, its port, and the cookie of its operator."""

    pid: int
    port: int
    cookie: str = ""

    async def get(self, path: str, times: int = 1, coding: str = "gzip", *, anew: bool = False) -> bytes:
        """The body of the last of so many answers, over one connection. Raises BenchFailed.

        `anew`: as a page that shows something new is made; one that says what was done is never kept.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {coding}\r\nCookie: {self.cookie}\r\n\r\n"
        asked = f"{path}?done=nothing" if anew else path
        body = b""
        try:
            for _ in range(times):
                writer.write(f"GET {asked} {head}".encode())
                answer = (await reader.readuntil(_HEAD_END)).decode("latin-1").lower()
                if " 200 " not in answer.partition("\r\n")[0]:
                    raise BenchFailed(f"{path} answered {answer.partition(chr(13))[0]}")
                size = int(answer.partition("content-length:")[2].partition("\r\n")[0])
                body = await reader.readexactly(size)
        finally:
            writer.close()
        return body

    def taken(self, path: str, calls: int, *, anew: bool = False) -> float:
        """Seconds of processor time of one call."""
        asyncio.run(self.get(path, 3, anew=anew))
        before = usage(self.pid).cpu_ticks
        asyncio.run(self.get(path, calls, anew=anew))
        return max(usage(self.pid).cpu_ticks - before, 1) / os.sysconf("SC_CLK_TCK") / calls


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Processor time of each hub's first page with many events, with few, and of the bare page, by turns."""
    many, people = effort.events, 10 * effort.attendees
    few = min(_FEW, many)
    calls, rounds = (_CALLS, _ROUNDS) if effort.rounds > 1 else (5, 1)
    large = asyncio.run(furnished(folder / "many", many, people))
    small = asyncio.run(furnished(folder / "few", few, few))
    with ExitStack() as stack:
        sites = [
            stack.enter_context(served(folder / name, cookie))
            for name, cookie in (("many", large), ("few", small))
        ]
        pages = {path: asyncio.run(sites[0].get(path, coding="identity")).decode() for path, _ in HUBS}
        database, port = folder / "bare.db", free_port()
        kept(database, pages)
        command = [sys.executable, "-m", "bench.bare_hubs", str(port), str(database)]
        peer = stack.enter_context(process(command, os.environ, folder / "hubs.log", longest_s=_LONGEST_S))
        wait_for(port)
        for path, name in HUBS:
            yield from _hub(path, name, (*sites, Site(peer.pid, port)), calls, rounds)


@contextmanager
def served(folder: Path, cookie: str, env: Mapping[str, str] | None = None) -> Iterator[Site]:
    """A server of what lies in the folder."""
    port = free_port()
    command = [*SERVER, "--http", f"127.0.0.1:{port}", "--no-auth"]
    log = folder.parent / "hubs.log"
    with process(command, env or environment(folder), log, longest_s=_LONGEST_S) as child:
        wait_for(port)
        yield Site(child.pid, port, cookie)


async def furnished(folder: Path, events: int, people: int) -> str:
    """So many events and people in the folder of a server; the cookie of its operator."""
    engine = await Engine.open(Settings(_env_file=None, data_dir=folder))
    try:
        games = [game.event for game in season()]
        made = [_another(games[n % len(games)], n) for n in range(events)]
        await add_events(engine, made)
        _invite(engine, [event.uid for event in made], people)
        link = await engine.apply(MakeSignInLink(), engine.local)
        session = await engine.apply(SignIn(code=link.code), engine.local)
        return f"{cookie_name(engine.settings)}={session.secret}"
    finally:
        await engine.close()


def _another(event: Event, n: int) -> Event:
    return event.model_copy(update={"uid": f"{n:08d}{event.uid[8:]}", "id": ""})


def _invite(engine: Engine, uids: list[str], people: int) -> None:
    rows = ((uids[n % len(uids)], f"p{n}@example.com", f"t{n}", NOW.timestamp()) for n in range(people))
    with closing(sqlite3.connect(engine.settings.database)) as database, database:
        database.executemany(_PERSON, rows)
        tally = [("system", "", people), ("organizer", ORGANIZER, people)]
        database.executemany("INSERT OR REPLACE INTO tally VALUES (?, ?, 'attendees', ?)", tally)


def _hub(path: str, name: str, sites: tuple[Site, ...], calls: int, rounds: int) -> Iterator[Figure]:
    wire = len(asyncio.run(sites[0].get(path)))
    turns = [
        [*(site.taken(path, calls) for site in sites), sites[0].taken(path, calls, anew=True)]
        for _ in range(rounds)
    ]
    ours, less, theirs, anew = (median(times[n] for times in turns) * _MS for n in range(4))
    bare = "bare Starlette and Jinja over HTTP, one SQLite read"
    yield Figure(
        _GROUP, f"{name}: processor time of its first page, over HTTP", ours, "ms", within=_WITHIN,
        peer=bare, peer_value=theirs, ratio=median(times[0] / times[2] for times in turns),
    )  # fmt: skip
    yield Figure(
        _GROUP, f"{name}: the same, made anew for each look", anew, "ms", within=_WITHIN,
        peer=bare, peer_value=theirs, ratio=median(times[3] / times[2] for times in turns),
    )  # fmt: skip
    yield Figure(
        _GROUP, f"{name}: the same with 1,000 events and people", less, "ms",
        peer="with many", peer_value=ours, ratio=median(times[0] / times[1] for times in turns),
    )  # fmt: skip
    yield Figure(_GROUP, f"{name}: on the wire", wire / 1000, "kB", below=_WIRE_KB)
