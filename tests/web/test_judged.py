"""Each page, full, is accessible in light, dark and at 320 pixels, and is valid HTML."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from engine.mail.locale.language import TAGS
from tests.support.chromium import Browser
from tests.support.waiting import DEADLINE_S
from tests.web.stage import Site, invalid, screen

PAGES = (
    *("schedule", "odd", "agenda", "upcoming", "none fit", "ticked", "empty", "event", "cancelled event"),
    *("long event", "frame", "sent", "asked", "not here", "explorer"),
    *("link", "link to several", "link sent", "link asked"),
)
pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_is_accessible_in_light_in_dark_and_on_a_narrow_screen(
    browser: Browser, site: Site, page: str
) -> None:
    async with screen(browser, site) as seen:
        for width, scheme in ((1_000, "light"), (1_000, "dark"), (320, "light")):
            await seen.tab.resize(width, 900)
            await seen.media(prefers_color_scheme=scheme)
            await seen.go(site.paths[page])
            assert await seen.violations() == [], (width, scheme)
        assert await seen.js("document.documentElement.scrollWidth") <= 320
        assert [c for c in seen.tab.complaints if "404" not in c] == []
        assert {url.split("/")[2] for url in seen.tab.requests} == {site.address.split("/")[2]}


async def test_an_error_is_accessible_and_has_the_focus(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.go(site.paths["schedule"])
        await seen.js(
            "document.querySelector('input[name=email]').value = 'a@b';"
            "document.querySelector('input[name=e]').checked = true;"
            "document.querySelector('form').requestSubmit(document.querySelector('button.main'))"
        )
        await seen.until("document.activeElement?.id === 'problem'")
        assert "not an email address" in await seen.text("#problem")
        assert await seen.violations() == []


async def test_the_whole_season_is_accessible(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.go(site.paths["season"])
        assert await seen.js("document.querySelectorAll('input[name=e]').length") > 2_400
        assert await seen.violations() == []


async def test_each_page_is_valid_html(site: Site, tmp_path: Path) -> None:
    files = []
    async with httpx.AsyncClient(base_url=site.address, timeout=DEADLINE_S) as web:
        for name, path in site.paths.items():
            file = tmp_path / f"{name.replace(' ', '-')}.html"
            file.write_text((await web.get(path)).text, encoding="utf-8")
            files.append(file)
    assert invalid(files) == ""


@pytest.mark.parametrize("lang", ["de", "ar"])
async def test_a_page_is_accessible_on_a_narrow_screen_in_other_languages(
    browser: Browser, site: Site, lang: str
) -> None:
    """Long words in light, and from right to left in dark."""
    async with screen(browser, site, 320) as seen:
        await seen.media(prefers_color_scheme="dark" if lang == "ar" else "light")
        for page in (
            "schedule",
            "odd",
            "agenda",
            "none fit",
            "event",
            "long event",
            "link",
            "sent",
            "not here",
        ):
            path = site.paths[page]
            await seen.go(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            assert await seen.js("document.documentElement.lang") == lang
            assert await seen.violations() == [], page
            assert await seen.js("document.documentElement.scrollWidth") <= 320, page
            assert [c for c in seen.tab.complaints if "404" not in c] == [], page


async def test_every_language_fits_a_narrow_screen_and_its_script_speaks_it(
    browser: Browser, site: Site
) -> None:
    async with screen(browser, site, 320) as seen:
        said = {}
        for lang in TAGS:
            for page in ("odd", "event", "link", "sent", "schedule"):
                path = site.paths[page]
                await seen.go(f"{path}{'&' if '?' in path else '?'}lang={lang}")
                assert await seen.js("document.documentElement.scrollWidth") <= 320, (lang, page)
            assert await seen.js("document.documentElement.lang") == lang
            await seen.js("document.querySelectorAll('input[name=e]')[1].click()")
            said[await seen.text("#chosen")] = lang
        assert set(said.values()) == set(TAGS), "no two say the same"
        assert seen.tab.complaints == []


async def test_the_script_counts_and_filters_in_the_language_of_the_page(
    browser: Browser, site: Site
) -> None:
    async with screen(browser, site) as seen:
        await seen.go(f"{site.paths['schedule']}?lang=ar")
        for n, told in ((1, "هذه الدعوة"), (2, "هاتين الدعوتين"), (3, "(3)")):
            await seen.js(f"document.querySelectorAll('input[name=e]')[{n}].click()")
            assert told in await seen.text("button.main")
        await seen.js("document.querySelector('[name=q]').value = 'foxes'")
        await seen.js("document.querySelector('[name=q]').dispatchEvent(new Event('input', {bubbles: true}))")
        await seen.until("document.querySelector('.count').textContent.includes('يظهر')")
        assert await seen.js("getComputedStyle(document.querySelector('.what')).direction") == "rtl"
