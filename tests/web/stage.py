"""A server with full pages, what judges them, and a person before the screen."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pictures import KeepPicture
from engine.engine import Engine
from engine.model.pages import EVENTS_MAX, Show
from tests.pages.test_pictures import png
from tests.pages.visitor import changed, published, season
from tests.support.chromium import CHROMIUM, Browser, Tab
from tests.support.engines import created, do
from tests.support.waiting import DEADLINE_S, eventually

MODULES = Path(__file__).resolve().parents[2] / ".judges" / "node_modules"
_AXE = MODULES / "axe-core" / "axe.min.js"
_HTML = MODULES / "html-validate" / "bin" / "html-validate.mjs"
LIGHTHOUSE = MODULES / "lighthouse" / "cli" / "index.js"
_NODE = MODULES / "node" / "bin" / "node"
RULES = Path(__file__).with_name("htmlvalidate.json")

LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz " * 3
GAMES = 2_430


def missing() -> list[str]:
    """The judges that are not installed."""
    there = {
        "chromium": CHROMIUM,
        "axe-core": _AXE.exists(),
        "html-validate": _html_validate(),
        "node": node(),
        "lighthouse": LIGHTHOUSE.exists(),
    }
    return [name for name, found in there.items() if not found]


def node() -> str | None:
    return str(_NODE) if _NODE.exists() else shutil.which("node")


def _html_validate() -> Path | None:
    return next((MODULES / "html-validate").glob("bin/html-validate.*js"), None)


@cache
def axe_script() -> str:
    return _AXE.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Site:
    """A server, and the paths of its pages by what they show."""

    engine: Engine
    address: str
    paths: dict[str, str]


async def furnished(engine: Engine, address: str) -> Site:
    """All that a page can show: a season, long names, moved and cancelled games, a series, a day, errors."""
    await season(engine, GAMES)
    events = await engine.store.events_of(engine.local.address, EVENTS_MAX)
    cancelled, moved = events[3], events[5]
    await do(engine, CancelEvent(uid=cancelled.uid, reason="Rain & snow"))
    when = Timing(start="2027-03-25T20:10", duration="PT3H", timezone="America/New_York")
    await do(engine, UpdateEvent(uid=moved.uid, when=when))
    day = Timing(start="2027-05-04", end="2027-05-06", timezone="Europe/Paris")
    odd = [
        await created(
            engine, organizer="o@cis.test", summary=LONG, location=LONG, description=f"{LONG}\n\nTwo"
        ),
        await created(engine, organizer="o@cis.test", summary="Days off", when=day),
        await created(engine, organizer="o@cis.test", summary="Weekly", recurrence="FREQ=WEEKLY;COUNT=9"),
    ]
    everything = frozenset(Show)
    await published(engine, title="League 2027", slug="league", intro="Tick your games.", show=everything)
    await published(
        engine,
        title=LONG[:120],
        slug="odd",
        organizer="o@cis.test",
        layout="cards",
        hours=12,
        show=everything,
        colour="#b3400f",
        consent="I agree to get calendar invites by mail from the League.",
        by="month",
    )
    await changed(
        engine,
        "odd",
        logo=await _picture(engine, 320, 90),
        banner=await _picture(engine, 1_600, 400),
        background=await _picture(engine, 800, 800),
    )
    await published(engine, title="Foxes", slug="foxes", query="Foxes home", layout="agenda")
    await published(engine, title="April", slug="april", month="2027-04", kind="upcoming", layout="compact")
    await published(engine, title="Nothing", slug="nothing", month="2031-01")
    link = await _link(engine, events[9].id)
    several = await _link(engine, *[event.id for event in events[20:26]])
    paths = {
        "link": link,
        "link to several": several,
        "link sent": f"{link}/sent",
        "link asked": f"{several}/asked",
        "schedule": "/s/league",
        "season": "/s/league?all=1",
        "odd": "/s/odd",
        "agenda": "/s/foxes",
        "upcoming": "/u/april",
        "none fit": "/s/league?q=xyzzy",
        "ticked": f"/s/league?team=Foxes&e={events[9].id}&e={events[900].id[:5]}&email=a@example.com",
        "empty": "/s/nothing",
        "event": f"/e/{moved.id}",
        "cancelled event": f"/e/{cancelled.id}",
        "long event": f"/e/{odd[0].id}",
        "frame": "/embed/s/odd",
        "sent": "/sent/sent?n=3&x=1&to=/s/league",
        "asked": "/sent/asked?n=9&to=/s/league",
        "not here": "/s/unknown",
        "explorer": "/explorer",
    }
    return Site(engine, address, paths)


async def _picture(engine: Engine, width: int, height: int) -> str:
    """The name of a black picture that is kept for the odd organizer."""
    command = KeepPicture(content=png(width, height), organizer="o@cis.test")
    return (await do(engine, command)).picture.name


async def _link(engine: Engine, *events: str) -> str:
    """The path of a link that sends these events."""
    command = CreateLink(name="May", events=events, vendor="mailchimp", button="Register Now")
    return f"/c/{(await do(engine, command)).link.token}"


@dataclass
class Screen:
    """A tab with a page in it."""

    tab: Tab
    site: Site

    async def go(self, path: str) -> None:
        await self.tab.send("Page.navigate", url=self.site.address + path)
        await self.loaded(path)

    async def loaded(self, path: str = "") -> None:
        """Wait for a page whose address holds `path`, and for its script."""

        where = f"(location.pathname + location.search).includes({json.dumps(path)})"
        await self.until(f"document.readyState === 'complete' && {where}")

    async def js(self, expression: str) -> Any:
        return await self.tab.evaluate(expression)

    async def text(self, selector: str = "body") -> str:
        node = f"document.querySelector({json.dumps(selector)})"
        return " ".join(str(await self.js(f"{node}?.innerText ?? ''")).split())

    async def until(self, expression: str) -> None:
        async def true() -> bool:
            # Between two pages there is nothing that could be asked.
            with suppress(AssertionError):
                return bool(await self.js(expression))
            return False

        await eventually(true)

    async def violations(self) -> list[str]:
        """What axe finds wrong with the page as it stands."""
        await self.js(axe_script() + ";0")
        found = await self.js(
            "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map("
            "v => `${v.id}: ${v.nodes.length} × ${v.nodes[0].html.slice(0, 160)} ${v.nodes[0].failureSummary}`))"
        )
        return list(found)

    async def media(self, **features: str) -> None:
        """As a person set their device: prefers_color_scheme="dark", or on paper: type="print"."""
        kind = features.pop("type", "")
        named = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        await self.tab.send("Emulation.setEmulatedMedia", media=kind, features=named)


@asynccontextmanager
async def screen(
    browser: Browser, site: Site, width: int = 1_000, height: int = 900
) -> AsyncIterator[Screen]:
    """A new tab of that size."""
    async with browser.tab(width, height) as tab:
        yield Screen(tab, site)


def invalid(files: list[Path]) -> str:
    """What html-validate finds wrong in the files; empty if nothing is."""
    command = [node() or "node", str(_html_validate()), "--config", str(RULES), "--formatter", "text"]
    done = subprocess.run(
        [*command, *map(str, files)], capture_output=True, text=True, timeout=DEADLINE_S * 4, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr
