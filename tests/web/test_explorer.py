"""The API explorer as a developer uses it."""

from __future__ import annotations

import json

import pytest

from tests.support.chromium import Browser
from tests.web.stage import Screen, Site, screen

pytestmark = pytest.mark.asyncio(loop_scope="package")
OPEN = "document.querySelector('details:not([hidden])')"


async def _opened(seen: Screen, words: str) -> None:
    await seen.go("/explorer")
    await seen.until("document.querySelectorAll('details').length > 40")
    await seen.js(f"find.value = {json.dumps(words)}; find.dispatchEvent(new Event('input'))")
    await seen.js(f"{OPEN}.open = true")


async def test_a_developer_finds_an_operation_sends_it_and_copies_it(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await _opened(seen, "post create_event")
        assert await seen.text("#state") == "1 operation"
        body = {"summary": "Explorer's event", "start": "2027-05-02T19:00:00Z", "duration": "PT2H"}
        # Its own organizer: the site's season is counted by other tests.
        body["organizer"] = "explorer@cis.test"
        await seen.js(f"{OPEN}.querySelector('textarea').value = {json.dumps(json.dumps(body))}")
        await seen.js(
            f"{OPEN}.querySelector('textarea').dispatchEvent(new Event('input', {{bubbles: true}}))"
        )
        await seen.js("document.getElementById('key').value = 'cis_secret'")
        curl = await seen.js(f"{OPEN}.querySelector('pre').textContent")
        assert '-H "Authorization: Bearer $CIS_KEY"' in curl
        assert "Explorer'\\''s event" in curl
        await seen.js(f"{OPEN}.querySelector('form').requestSubmit()")
        await seen.until(f"{OPEN}.querySelectorAll('pre')[1].textContent.startsWith('201')")
        answer = await seen.js(f"{OPEN}.querySelectorAll('pre')[1].textContent")
        assert '"summary": "Explorer\'s event"' in answer
        kept = "JSON.stringify([document.cookie, {...localStorage}, {...sessionStorage}])"
        assert "cis_secret" not in curl + answer + await seen.js(kept)
        assert seen.tab.complaints == []


async def test_a_refusal_is_shown_as_the_server_gave_it(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await _opened(seen, "get /v1/events/{uid} show an event")
        await seen.js(f"{OPEN}.querySelector('input').value = '../nowhere'")
        await seen.js(f"{OPEN}.querySelector('form').requestSubmit()")
        await seen.until(f"{OPEN}.querySelectorAll('pre')[1].textContent.startsWith('404')")
        assert '"code"' in await seen.js(f"{OPEN}.querySelectorAll('pre')[1].textContent")


async def test_the_explorer_is_accessible_with_an_operation_open(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        for width, scheme in ((1_000, "light"), (320, "dark")):
            await seen.tab.resize(width, 900)
            await seen.media(prefers_color_scheme=scheme)
            await _opened(seen, "campaign")
            assert await seen.violations() == []
            assert await seen.js("document.documentElement.scrollWidth") <= width
