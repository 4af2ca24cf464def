"""Writes the pictures of public pages in docs: `python -m tests.web.gallery`."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path

from tests.cli.processes import run, serving
from tests.support.chromium import browsing
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.ports import free_port
from tests.support.webs import served
from tests.web.console import Hand, first_invite
from tests.web.stage import Screen, Site, furnished, screen

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCALE = 1.5


async def _picture(seen: Screen, name: str, width: int, height: int) -> None:
    await seen.tab.resize(width, height, SCALE)
    await seen.js("document.activeElement.blur()")
    shot = await seen.tab.send("Page.captureScreenshot", format="png")
    (DOCS / name).write_bytes(base64.b64decode(shot["data"]))


async def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        async with (
            engine_in(at / "site", Clock()) as engine,
            served(engine, no_auth=True) as address,
            browsing(at / "chromium") as browser,
        ):
            site = await furnished(engine, address)
            async with screen(browser, site, 920, 880) as seen:
                await seen.tab.send("Emulation.setTimezoneOverride", timezoneId="America/New_York")
                await seen.go(site.paths["schedule"])
                await seen.js(
                    "[...document.querySelectorAll('input[name=e]')].slice(0, 3).forEach(e => e.click())"
                )
                await _picture(seen, "schedule.png", 920, 880)
                await seen.media(prefers_color_scheme="dark")
                await seen.go(site.paths["agenda"])
                await _picture(seen, "schedule-dark.png", 430, 880)
                await seen.media(prefers_color_scheme="light")
                await seen.go(f"{site.paths['schedule']}?lang=ar")
                await seen.js("document.querySelectorAll('input[name=e]')[1].click()")
                await _picture(seen, "schedule-ar.png", 430, 880)


async def console() -> None:
    """Play the first invite at a fresh server, with a picture of each screen on the way."""
    with tempfile.TemporaryDirectory() as folder:
        at, port = Path(folder), free_port()
        (at / "data").mkdir()
        public = {"CIS_PUBLIC_URL": f"http://127.0.0.1:{port}"}
        async with (
            serving(at / "data", "--http", f"127.0.0.1:{port}", "--no-auth", **public),
            browsing(at / "chromium") as browser,
            browser.tab(900, 700) as tab,
        ):
            _, link, _ = await run(at / "data", "console", **public)
            seen = Screen(tab, Site(None, public["CIS_PUBLIC_URL"], {}))  # type: ignore[arg-type] -- a process has it

            async def picture(name: str) -> None:
                await _picture(seen, f"console-{name}.png", 900, 700)

            await first_invite(Hand(seen), link.strip(), "guest@example.com", picture)


if __name__ == "__main__":
    asyncio.run(main())
    asyncio.run(console())
