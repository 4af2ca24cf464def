"""Two stories of the console's hubs in a real browser, whole: a report drilled down to one person; the verifier."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from engine.commands.campaigns.reports import SendReport
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.model.people import Partstat
from tests.support.chromium import Browser
from tests.support.clock import Clock
from tests.support.engines import answer, created, deliver, do, engine_in, invite
from tests.support.webs import served
from tests.web.console import Hand, sign_in
from tests.web.stage import Site, screen

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def empty(_judges: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server with nothing on it."""
    folder = tmp_path_factory.mktemp("hubs")
    async with engine_in(folder, Clock()) as engine, served(engine, no_auth=True) as address:
        yield Site(engine, address, {})


async def test_a_report_leads_down_to_one_person(browser: Browser, empty: Site) -> None:
    engine = empty.engine
    event = await created(engine, organizer="ann@example.com", summary="Gala")
    kim = (await invite(engine, event, "kim@guests.example")).attendee
    await deliver(engine)
    await answer(engine, kim, Partstat.ACCEPTED)
    async with screen(browser, empty) as seen:
        await sign_in(engine, seen)
        hand = Hand(seen)
        await hand.click("Reports", "/console/reports")
        await hand.click("example.com", "/domains/")
        await hand.click("a*******@example.com", "/organizers/")
        await hand.click("Gala", "/events/")
        assert "1 of the 1 to whom an invite was sent answered" in await seen.text("main")
        await hand.click("One person after the other", "/people")
        await hand.write("Whole address", "KIM@guests.example")
        await hand.click("Find", "q=")
        assert "kim" not in await seen.js("location.href.toLowerCase()")
        await hand.click("k*******@guests.example", "/people/")
        text = await seen.text("main")
        assert "Answer: Yes" in text
        assert "invite 0 sent" in text
        assert seen.tab.complaints == []


async def test_the_verifier_waits_for_each_real_event(browser: Browser, empty: Site) -> None:
    engine = empty.engine
    event = await created(engine, organizer="ben@example.org", summary="Verify me")
    async with screen(browser, empty) as seen:
        await sign_in(engine, seen)
        hand = Hand(seen)
        await hand.click("Developers", "/console/developer")
        await hand.click("Verify this server", "/console/verify")
        await hand.click("Check what the server can check", "/preflight")
        assert "Verified" in await seen.text("#checks")
        await hand.click("With your own calendar", "/verify/events")
        await hand.click("b*******@example.org", "organizer=")
        await hand.click("Verify me", "/verify/steps")
        kim = (await invite(engine, event, "kim@guests.example")).attendee
        await deliver(engine)
        await seen.until("document.querySelectorAll('.steps .Verified').length === 4")
        await answer(engine, kim, Partstat.DECLINED)
        await seen.until("document.querySelectorAll('.steps .Verified').length === 5")
        await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
        await do(engine, SendReport(uid=event.uid))
        await deliver(engine)
        await seen.until("document.querySelectorAll('.steps .Verified').length === 7")
        await do(engine, CancelEvent(uid=event.uid))
        await seen.until("!!document.querySelector('#summary')")
        assert "8 verified, 0 skipped" in await seen.text("main")
        assert await seen.js("document.querySelectorAll('[data-copies]').length") == 1
        assert await seen.violations() == []
        await hand.click("Reset Everything", "/console/verify")
        assert seen.tab.complaints == []


async def test_a_branding_is_looked_at_saved_and_reset(browser: Browser, empty: Site) -> None:
    engine = empty.engine
    async with screen(browser, empty) as seen:
        await sign_in(engine, seen)
        hand = Hand(seen)
        await hand.click("Developers", "/console/developer")
        await hand.click("Branding", "/console/branding")
        await hand.write("Title", "The Club")
        await hand.write("Colour of buttons", "#0a5c36")
        await hand.write("invite", "Come!")
        await hand.click("Show it", "/console/branding")
        await seen.until("document.querySelector('#preview pre')?.innerText.startsWith('Come!')")
        assert await seen.text("header .brand") == "Calendar Invite Server"
        await hand.click("Save", "done=branded")
        assert await seen.text("header .brand") == "The Club"
        style = "getComputedStyle(document.querySelector('button.main')).backgroundColor"
        await seen.until(f"{style} === 'rgb(10, 92, 54)'")
        assert seen.tab.complaints == []
        assert await seen.violations() == []
        await hand.click("Reset everything", "done=unbranded")
        assert await seen.text("header .brand") == "Calendar Invite Server"
