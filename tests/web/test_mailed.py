"""Pages that links in mails lead to, and refusals, as browsers, axe-core and html-validate see them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from engine.commands.pages.sending import SendFromPage
from engine.commands.signing_in import MakeSignInLink
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.messages import Kind
from engine.model.people import Partstat
from tests.pages.visitor import games, published
from tests.support import mails
from tests.support.approvals import waiting
from tests.support.chromium import Browser
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, created, deliver, do, engine_in, invite
from tests.support.inboxes import receiving
from tests.support.waiting import DEADLINE_S
from tests.support.webs import served
from tests.web.console import sign_in
from tests.web.stage import LONG, Screen, Site, invalid, screen
from tests.web.test_used import ENTER, SPACE, TAB

pytestmark = pytest.mark.asyncio(loop_scope="package")
ANN = "ann@example.com"
PUBLIC = "https://cis.example.org"
_VISITOR = Actor(kind="attendee", address="")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def mailed(_judges: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server from which mails with links went out, and the paths that they lead to."""
    clock, folder = Clock(), tmp_path_factory.mktemp("mailed")
    settings = {"authserv_ids": mails.OPERATOR_SERVER, "public_url": PUBLIC, "organizers": "*"}
    async with engine_in(folder, clock, **settings) as engine, served(engine) as address:
        yield Site(engine, address, await _paths(engine, clock))


async def _paths(engine: Engine, clock: Clock) -> dict[str, str]:
    made = await games(engine, 8)
    await published(engine, consent=f"I agree. {LONG}")
    expired = await _asked(engine, [event.uid for event in made[:6]], "late@example.com")
    clock.move(days=30)
    waits = await _asked(engine, [event.uid for event in made], ANN)
    event = await created(engine, summary=LONG, location=LONG)
    token = (await invite(engine, event, ANN)).attendee.token
    held = await waiting(engine, event.uid, summary=f"New {LONG}", location="Elsewhere")
    async with receiving(engine) as post:
        await post(mails.request())
        await deliver(engine)
        await post(mails.cancel(proven=False))
        confirm = re.search(r"/confirm/[a-z0-9]+", (await post.notice()).notice.text)  # type: ignore[union-attr]
    assert confirm
    return {
        "confirm": confirm[0],
        "nothing to confirm": "/confirm/unknown",
        "unsubscribe": f"/unsubscribe/{token}",
        "never sent": "/unsubscribe/unknown",
        "who decides": f"/approve/{held}",
        "nothing to decide": "/approve/unknown",
        "sign in": "/signin",
        "sign in once": f"/signin/{(await do(engine, MakeSignInLink())).code}",
        "ask for many": waits,
        "asked too late": expired,
    }


async def _asked(engine: Engine, uids: list[str], email: str) -> str:
    """The path of the button in the mail that asks before so much is sent."""
    await deliver(engine)
    command = SendFromPage(slug="season", uids=tuple(uids), email=email, by_person=True, consent=True)
    await do(engine, command, _VISITOR)
    (mail,) = await deliver(engine)
    found = re.search(r"/confirm/send/\S+", mail.notice.text if mail.notice else "")
    assert found
    return found[0]


async def test_pages_that_mails_lead_to_are_accessible_in_light_and_dark_and_from_right_to_left(
    browser: Browser, mailed: Site
) -> None:
    async with screen(browser, mailed) as seen:
        for width, scheme, lang in ((1_000, "light", "en"), (320, "dark", "ar")):
            await seen.tab.resize(width, 900)
            await seen.media(prefers_color_scheme=scheme)
            for name, path in mailed.paths.items():
                await seen.go(f"{path}?lang={lang}")
                assert await seen.js("document.documentElement.lang") == lang
                assert await seen.violations() == [], (name, scheme)
                assert await seen.js("document.documentElement.scrollWidth") <= width, name
        assert [c for c in seen.tab.complaints if "404" not in c] == []
        await sign_in(mailed.engine, seen)
        await seen.go(f"{mailed.paths['who decides']}?lang=de")
        assert "Elsewhere" in await seen.text()
        assert await seen.violations() == []
        assert await seen.js("document.documentElement.scrollWidth") <= 320


async def test_pages_that_mails_lead_to_and_refusals_are_valid_html(mailed: Site, tmp_path: Path) -> None:
    files = []

    def keep(name: str, page: httpx.Response) -> None:
        file = tmp_path / f"{name.replace(' ', '-')}.html"
        file.write_text(page.text, encoding="utf-8")
        files.append(file)

    async with httpx.AsyncClient(base_url=mailed.address, timeout=DEADLINE_S) as web:
        for name, path in mailed.paths.items():
            keep(name, await web.get(path))
        forms = {
            "no address": {"email": "nobody", "consent": "yes", "e": "x"},
            "nothing ticked": {"email": ANN, "consent": "yes"},
            "no consent": {"email": f'"><script>{LONG}', "e": "x"},
            "too much": {"email": "x" * 200_000},
        }
        for name, form in forms.items():
            refused = await web.post("/s/season", data=form)
            assert refused.status_code in {413, 422}
            keep(name, refused)
    assert invalid(files) == ""


async def _tab_to(seen: Screen, condition: str) -> None:
    for _ in range(60):
        await seen.tab.press(*TAB)
        if await seen.js(f"document.activeElement.matches({condition!r})"):
            return
    raise AssertionError(f"no focus reaches {condition}")


async def _registers(seen: Screen, path: str, email: str) -> None:
    await seen.go(path)
    await _tab_to(seen, "input[name=email]")
    await seen.tab.type(email)
    await _tab_to(seen, "button.main")
    await seen.tab.press(*ENTER)
    await seen.loaded("/sent/sent")


async def test_by_keyboard_in_arabic_on_a_dark_phone_people_register_change_their_mind_and_leave(
    browser: Browser, tmp_path: Path
) -> None:
    """The one place is taken, and after a No the next one's; then who said No wants no more mail."""
    async with engine_in(tmp_path, Clock()) as engine, served(engine, no_auth=True) as address:
        event = await created(engine, places=1)
        await published(engine)
        site = Site(engine, address, {})
        async with screen(browser, site, 320, 700) as seen:
            await seen.media(prefers_color_scheme="dark")
            path = f"/e/{event.id}?lang=ar"
            await _registers(seen, path, ANN)
            assert await seen.js("document.documentElement.dir") == "rtl"
            assert [m.kind for m in await deliver(engine)] == [Kind.INVITE]
            await seen.go(path)
            assert await seen.js("document.querySelector('input[name=email]')") is None, "it is taken"
            assert await seen.violations() == []
            ann = await attendee(engine, event, ANN)
            await answer(engine, ann, Partstat.DECLINED)
            await _registers(seen, path, "ben@example.com")
            assert [m.email for m in await deliver(engine) if m.kind is Kind.INVITE] == ["ben@example.com"]
            token = ann.token
            await seen.go(f"/unsubscribe/{token}?lang=ar")
            await _tab_to(seen, "button")
            await seen.tab.press(*SPACE)
            await seen.until("!document.querySelector('button')")
            assert seen.tab.complaints == []
        assert (await engine.holder(token)) is not None
        async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
            form = {"email": ANN, "h": "1"}
            other = await created(engine, summary="Other")
            assert (await web.post(f"/e/{other.id}", data=form)).status_code == 303
        assert await deliver(engine) == [], "they get the same answer, and no mail"


async def test_on_a_slow_network_an_impatient_person_gets_one_invite(
    browser: Browser, tmp_path: Path
) -> None:
    """Half a second there, half a second back, 20 kB a second."""
    async with engine_in(tmp_path, Clock()) as engine, served(engine, no_auth=True) as address:
        event = await created(engine)
        await published(engine)
        async with screen(browser, Site(engine, address, {}), 360, 700) as seen:
            slow = {
                "offline": False,
                "latency": 500,
                "downloadThroughput": 20_000,
                "uploadThroughput": 20_000,
            }
            await seen.tab.send("Network.emulateNetworkConditions", **slow)
            await seen.go(f"/e/{event.id}")
            await _tab_to(seen, "input[name=email]")
            await seen.tab.type(ANN)
            for _ in range(3):
                await seen.tab.press(*ENTER)
            await seen.loaded("/sent/sent")
            assert "Your invite is on the way" in await seen.text()
            await seen.tab.send("Page.reload")
            await seen.loaded("/sent/sent")
        assert [m.kind for m in await deliver(engine)] == [Kind.INVITE]
