"""Writes the pictures of public pages in docs: `python -m tests.web.gallery`."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path

from tests.support.chromium import browsing
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.webs import served
from tests.web.stage import Screen, furnished, screen

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


if __name__ == "__main__":
    asyncio.run(main())
