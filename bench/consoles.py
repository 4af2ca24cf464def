"""Five consoles open on a campaign's page while it goes out: what they cost it beside what they use themselves."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench.figures import BenchFailed, Figure
from bench.hubs import Site, served
from bench.processes import environment, sink
from bench.timing import Effort
from bench.usage import together
from cis_mcp.auth.sessions import cookie_name
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign, confirm_token
from engine.commands.events.events import CreateEvent
from engine.commands.events.timing import Timing
from engine.commands.signing_in import MakeSignInLink, SignIn
from engine.engine import Engine
from engine.model.list_rows import ListRow
from engine.settings import Settings
from engine.store.sqlite.counters import counted

_GROUP = "The console's hubs"
_CONSOLES, _WITHIN = 5, 1.03
_ROUNDS = 3
_PAUSE_S, _LOOK_S = 1.0, 0.02
"""An open page asks again a second after each answer, as console.js does; how often the store is looked into."""
_LONGEST_S = 600.0
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_SENT = f"SELECT coalesce(sum(n), 0) FROM ({counted('campaign', '?1')}) WHERE name = 'delivery.sent'"


@dataclass(frozen=True)
class _Run:
    """Seconds from the first tenth to the last mail, processor time in that, and of it what consoles used."""

    seconds: float
    used: float
    own: float = 0.0


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """The same campaign alone and with five open consoles, by turns."""
    n, pairs = effort.crowd, []
    with sink(folder / "consoles.log") as (port, name):
        outbox = f"smtp://127.0.0.1:{port}"
        for turn in range(min(_ROUNDS, effort.rounds)):
            alone = _run(folder / f"alone{turn}", outbox, n, 0)
            pairs.append((alone, _run(folder / f"open{turn}", outbox, n, _CONSOLES)))
    yield Figure(
        _GROUP,
        f"a campaign of {n:,} into {name} with five consoles open on it: processor time",
        median(both.used for _, both in pairs),
        "s",
        within=_WITHIN,
        peer="the same alone, and what the consoles use on an idle server",
        peer_value=median(alone.used + both.own for alone, both in pairs),
        ratio=median(both.used / (alone.used + both.own) for alone, both in pairs),
    )
    yield Figure(
        _GROUP,
        "the same: time",
        median(both.seconds for _, both in pairs),
        "s",
        peer="alone",
        peer_value=median(alone.seconds for alone, _ in pairs),
        ratio=median(both.seconds / alone.seconds for alone, both in pairs),
    )


def _run(folder: Path, outbox: str, n: int, consoles: int) -> _Run:
    campaign, cookies = asyncio.run(_started(folder, n, consoles))
    with served(folder, "", environment(folder, outbox=outbox)) as site:
        sites = [Site(site.pid, site.port, cookie) for cookie in cookies]
        return asyncio.run(_watched(folder, site, sites, campaign, n))


async def _started(folder: Path, n: int, consoles: int) -> tuple[str, list[str]]:
    """A campaign that begins as soon as somebody serves the folder, and the cookies of so many operators."""
    engine = await Engine.open(
        Settings(_env_file=None, data_dir=folder, invite_limit=0, undo_campaign_s=0)  # type: ignore[call-arg]
    )
    try:
        start = (engine.clock() + timedelta(days=30)).isoformat()
        when = Timing(start=start, duration="PT2H")
        made = await engine.apply(CreateEvent(summary="Opening", when=when), engine.local)
        rows = [ListRow(email=f"guest{i}@example.com") for i in range(n)]
        draft = await engine.apply(DraftCampaign(uid=made.event.uid, recipients=rows), engine.local)
        token = confirm_token(draft.campaign, draft.event)
        begin = ControlCampaign(
            campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=token
        )
        await engine.apply(begin, engine.local)
        return draft.campaign.id, [await _signed_in(engine) for _ in range(consoles)]
    finally:
        await engine.close()


async def _signed_in(engine: Engine) -> str:
    link = await engine.apply(MakeSignInLink(), engine.local)
    session = await engine.apply(SignIn(code=link.code), engine.local)
    return f"{cookie_name(engine.settings)}={session.secret}"


async def _watched(folder: Path, site: Site, consoles: list[Site], campaign: str, n: int) -> _Run:
    path, answers = f"/console/lists/{campaign}", [0]
    await _until(folder, campaign, n // 10)
    began, before = time.perf_counter(), together(site.pid).cpu_s
    looking = [asyncio.create_task(_open(one, path, answers)) for one in consoles]
    await _until(folder, campaign, n)
    seconds, used = time.perf_counter() - began, together(site.pid).cpu_s - before
    for one in looking:
        one.cancel()
    await asyncio.gather(*looking, return_exceptions=True)
    own = answers[0] * await asyncio.to_thread(consoles[0].taken, path, 200) if consoles else 0.0
    return _Run(seconds, max(used, _TICK_S), own)


async def _open(console: Site, path: str, answers: list[int]) -> None:
    while True:
        await console.get(path)
        answers[0] += 1
        await asyncio.sleep(_PAUSE_S)


async def _until(folder: Path, campaign: str, sent: int) -> None:
    """Return once so many are sent. Raises BenchFailed after ten minutes."""
    database = Settings(_env_file=None, data_dir=folder).database
    over = time.perf_counter() + _LONGEST_S
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as opened:
        while opened.execute(_SENT, [campaign]).fetchone()[0] < sent:
            if time.perf_counter() > over:
                raise BenchFailed(f"the campaign did not finish in {_LONGEST_S:g} s")
            await asyncio.sleep(_LOOK_S)
