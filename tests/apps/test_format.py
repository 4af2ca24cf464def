"""How the pages put numbers, times and programs in words, asked of the modules themselves in the browser."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cis_mcp.mcp.apps.document import script
from tests.support.chromium import Browser

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def _said(browser: Browser, *expressions: str, locale: str = "en-US") -> list[Any]:
    """What each expression gives, with `format` of that locale."""
    asked = ", ".join(expressions)
    code = f"(() => {{ {script('format')}\nconst format = new Format({json.dumps(locale)}); return [{asked}]; }})()"
    async with browser.tab(100, 100) as tab:
        found: list[Any] = await tab.evaluate(code)
        return found


async def test_a_share_is_never_rounded_to_nothing_or_to_all(browser: Browser) -> None:
    pairs = {(0, 0): "0%", (0, 9): "0%", (1, 1000): "<1%", (1, 3): "33%", (999, 1000): ">99%", (5, 5): "100%"}
    said = await _said(browser, *(f"format.share({part}, {whole})" for part, whole in pairs))
    assert said == list(pairs.values())


async def test_a_time_is_told_on_the_clock_of_the_event(browser: Browser) -> None:
    start, end = '{local: "2027-05-01T19:05:00-04:00"}', '{local: "2027-05-01T21:50:00-04:00"}'
    late = '{local: "2027-05-02T01:00:00-04:00"}'
    day = '{local: "2027-05-01"}'
    said = await _said(
        browser,
        f"format.span({start}, {end}, false)",
        f"format.span({start}, {late}, false)",
        f"format.span({day}, {day}, true)",
    )
    assert [" ".join(text.split()) for text in said] == [
        "Sat, May 1, 2027, 7:05 PM – 9:50 PM",
        "Sat, May 1, 2027, 7:05 PM – Sun, May 2, 2027, 1:00 AM",
        "Sat, May 1, 2027, all day",
    ]


@pytest.mark.parametrize("locale", ["de-DE", "xx-nonsense-locale-that-is-none", "*", ""])
async def test_any_locale_of_a_host_will_do(browser: Browser, locale: str) -> None:
    (said,) = await _said(browser, "format.number(1234)", locale=locale)
    assert said == ("1.234" if locale == "de-DE" else "1,234")


async def test_a_program_is_called_by_its_name(browser: Browser) -> None:
    names = {
        "-//Google Inc//Google Calendar 70.9054//EN": "Google Calendar",
        "-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN": "Mozilla Calendar",
        "Microsoft Exchange Server 2010": "Microsoft Exchange Server",
        "-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN": "Outlook",
        "-//Apple Inc.//iPhone OS 19.1//EN": "iPhone OS",
        "mail": "By mail",
        "-//": "Unknown",
        "": "Unknown",
        "////////": "Unknown",
    }
    assert await _said(browser, *(f"program({json.dumps(one)})" for one in names)) == list(names.values())
