"""The console in a real browser: the first invite by the screen alone, each page judged, no complaint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message as Mail
from pathlib import Path
from types import SimpleNamespace

import pytest
import pytest_asyncio

from cis_mcp.auth.sessions import cookie_name
from cis_mcp.console.guard import form_token
from engine.commands.signing_in import MakeSignInLink, SignIn
from tests.cli.processes import run, serving
from tests.support.chromium import Browser
from tests.support.clock import Clock
from tests.support.engines import do, engine_in
from tests.support.ports import free_port
from tests.support.webs import served
from tests.web.console import Hand, first_invite, furnished, in_session, show, sign_in
from tests.web.stage import Screen, Site, invalid, screen
from tests.web.test_lighthouse import judged_together

ACTIONS_MAX = 25
GUEST = "guest@example.com"
pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def console(_judges: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server whose console has everything to show."""
    folder = tmp_path_factory.mktemp("console")
    async with engine_in(folder, Clock()) as engine, served(engine, no_auth=True) as address:
        yield await furnished(engine, address)


async def test_a_person_sends_their_first_invite_to_a_local_mailbox_by_the_screen_alone(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    port = free_port()
    public = {"CIS_PUBLIC_URL": f"http://127.0.0.1:{port}"}
    async with serving(tmp_path, "--http", f"127.0.0.1:{port}", "--no-auth", **public):
        _, link, _ = await run(tmp_path, "console", **public)
        async with screen(browser, site) as seen:
            hand = Hand(seen)
            await first_invite(hand, link.strip(), GUEST)
            assert seen.tab.complaints == []
    assert len(hand.actions) <= ACTIONS_MAX
    (mail,) = _mails(tmp_path)
    assert mail["To"] == GUEST
    assert "method=REQUEST" in mail.as_string()


def _mails(folder: Path) -> list[Mail]:
    """Those for the guest in all mailboxes of the machine."""
    found = [message_from_bytes(path.read_bytes()) for path in folder.rglob("new/*")]
    return [mail for mail in found if mail["To"] == GUEST]


async def test_every_page_is_accessible_in_light_in_dark_and_on_a_narrow_screen(
    browser: Browser, console: Site
) -> None:
    async with screen(browser, console) as seen:
        await seen.go("/console/signin")
        assert await seen.violations() == []
        await sign_in(console.engine, seen)
        for name, path in console.paths.items():
            for width, scheme in ((1_000, "light"), (1_000, "dark"), (320, "light")):
                await seen.tab.resize(width, 900)
                await seen.media(prefers_color_scheme=scheme)
                await show(seen, path)
                assert await seen.violations() == [], (name, width, scheme)
            assert await seen.js("document.documentElement.scrollWidth") <= 320, name
        # axe speaks to each frame; the one that shows a mail belongs to no origin, and hears nobody.
        expected = ("404", "postMessage")
        assert [c for c in seen.tab.complaints if not any(one in c for one in expected)] == []
        foreign = [
            url for url in seen.tab.requests if not url.startswith((console.address, "data:", "about:"))
        ]
        assert foreign == []


async def test_every_page_is_valid_html(browser: Browser, console: Site, tmp_path: Path) -> None:
    files = []
    async with screen(browser, console) as seen:
        await sign_in(console.engine, seen)
        for name, path in console.paths.items():
            await show(seen, path)
            file = tmp_path / f"{name.replace(' ', '-')}.html"
            file.write_text(await _source(seen), encoding="utf-8")
            files.append(file)
    assert invalid(files) == ""


async def _source(seen: Screen) -> str:
    return str(await seen.js("fetch(location.href).then(answer => answer.text())"))


async def test_the_code_of_a_link_is_copied_by_a_button(browser: Browser, console: Site) -> None:
    async with screen(browser, console) as seen:
        await sign_in(console.engine, seen)
        await seen.tab.send("Browser.grantPermissions", permissions=["clipboardReadWrite"])
        await show(seen, console.paths["link"])
        first = "document.querySelector('[data-copy]')"
        await seen.js(f"{first}.nextElementSibling.click()")
        await seen.until(f"{first}.nextElementSibling.textContent === 'Copied'")
        assert await seen.js("navigator.clipboard.readText()") == await seen.js(f"{first}.textContent")


async def test_what_waits_is_approved_by_keyboard_on_a_phone(browser: Browser, console: Site) -> None:
    async with screen(browser, console, 390, 700) as seen:
        await sign_in(console.engine, seen)
        await seen.go(console.paths["held"])
        for _ in range(40):
            await seen.tab.press("Tab", 9)
            if await seen.js("document.activeElement.innerText === 'Yes, do this'"):
                break
        await seen.tab.press("Enter", 13, "\r")
        await seen.loaded("done=approved")
        assert "Approved" in await seen.text(".done")
    assert await console.engine.held_actions(console.engine.local, waiting=True, limit=9) == []


async def test_every_page_of_the_console_has_full_marks_for_accessibility_and_best_practices(
    console: Site, tmp_path: Path
) -> None:
    made = await do(console.engine, MakeSignInLink())
    session = await do(console.engine, SignIn(code=made.code))
    cookie = f"{cookie_name(console.engine.settings)}={session.secret}"
    holder = SimpleNamespace(token=form_token(session.secret))
    # Lighthouse counts the status of a page that is not here as a fault of its own.
    pages = {
        name: console.address + in_session(path, holder)
        for name, path in console.paths.items()
        if name != "not here"
    }
    found = await judged_together(pages, tmp_path / "judged", {"Cookie": cookie})
    assert len(found) > 40
    full = {"accessibility": 1, "best-practices": 1}
    assert {
        name: one for name, one in found.items() if one["scores"] != full or one["at"] != pages[name]
    } == {}
