"""Stories of the console, played whole in a real browser: what a person clicks and types, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.inbox.quarantine import Quarantine
from engine.inbox.spool.spool import OwnMailbox
from engine.model.bounds import Bounds
from engine.model.campaigns import CampaignState
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.model.verbs import Verb
from tests.support import mails
from tests.support.chromium import Browser
from tests.support.clock import Clock
from tests.support.engines import answer, created, deliver, do, drafted, engine_in, invite
from tests.support.inboxes import inbox_of
from tests.support.webs import served
from tests.triggers import crm
from tests.web.console import Hand, sign_in
from tests.web.stage import Site, screen

ROWS, FAULTS = 2_000, 40
pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def console(_judges: None, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A server with nothing on it."""
    folder = tmp_path_factory.mktemp("stories")
    async with engine_in(folder, Clock()) as engine, served(engine, no_auth=True) as address:
        yield Site(engine, address, {})


async def _hand(console: Site, seen: object) -> Hand:
    """The operator, signed in."""
    await sign_in(console.engine, seen)  # type: ignore[arg-type] -- a screen
    return Hand(seen)  # type: ignore[arg-type]


def _list() -> str:
    """A list of 2,000 rows, of which 40 cannot be invited: no address, twice the same, two signs."""
    rows = [f"guest{n}@example.com,Guest {n}" for n in range(ROWS)]
    for n in range(0, FAULTS * 50, 50):
        rows[n] = ("nobody,Nobody", "guest1@example.com,Again", "a@@example.com,Two")[n // 50 % 3]
    return "\n".join(["email,name", *rows])


async def test_a_list_of_two_thousand_with_faults_is_judged_looked_at_and_sent(
    browser: Browser, console: Site, tmp_path: Path
) -> None:
    event = await created(console.engine, summary="Gala", description="Dear {{name}}")
    file = tmp_path / "guests.csv"
    file.write_text(_list(), encoding="utf-8")
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go(f"/console/events/{event.id}")
        await hand.click("Choose a list", "/list")
        await hand.upload("A file", file)
        await hand.click("Look at the list", "/console/lists/")
        text = await seen.text()
        assert f"{ROWS - FAULTS:,} will be invited" in text
        assert f"{FAULTS} skipped" in text
        assert "duplicate row" in text
        await seen.js("document.querySelector('#row').value = '77'")
        await hand.click("Show its mail", "sample")
        assert "Guest 76" in await seen.text(".mail")
        await hand.write("Type Yes", "Yes")
        await hand.click("Send to 1,960 people", "done=started")
        await deliver(console.engine)
        await seen.until("document.body.innerText.includes('finished')")
        assert "1,960 sent" in (await seen.text("#numbers"))
        assert await seen.violations() == []
        assert seen.tab.complaints == []


async def test_a_list_is_paused_left_found_again_and_goes_on(browser: Browser, console: Site) -> None:
    event = await created(console.engine, summary="Fair")
    draft = await drafted(console.engine, event, [f"p{n}@example.com" for n in range(30)])
    path = f"/console/lists/{draft.campaign.id}"
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go(path)
        await hand.write("Type Yes", "yes")
        await hand.click("Send to 30 people", "done=started")
        await hand.click("Pause", "done=paused")
        assert "paused" in await seen.text("#numbers")
        assert await deliver(console.engine) == []
        await seen.go("/console/lists")
        row = "[...document.querySelectorAll('tr')].find(row => row.innerText.includes('paused'))"
        await seen.js(f"{row}.querySelector('a').click()")
        await seen.loaded(path)
        await hand.click("Go on", "done=resumed")
        assert len(await deliver(console.engine)) == 30
        await seen.until("document.body.innerText.includes('finished')")
        assert seen.tab.complaints == []


async def test_a_change_shows_its_price_before_anybody_hears_of_it(browser: Browser, console: Site) -> None:
    event = await created(console.engine, summary="Party", location="Hall 1")
    for n in range(5):
        await invite(console.engine, event, f"friend{n}@example.com")
    await deliver(console.engine)
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go(f"/console/events/{event.id}")
        await hand.click("Change the event", "/edit")
        await hand.write("Where", ", upstairs")
        await hand.click("See what this would do", "/edit")
        await seen.until("document.body.innerText.includes('Who hears of it')")
        text = await seen.text()
        assert "5 people" in text
        assert "Hall 1, upstairs" in text
        assert await deliver(console.engine) == []
        await hand.click("Change the event", "done=changed")
        assert len(await deliver(console.engine)) == 5
        assert seen.tab.complaints == []


async def test_a_trigger_is_set_up_and_tried_before_it_is_live(browser: Browser, console: Site) -> None:
    verbs = frozenset({Verb.READ, Verb.CREATE, Verb.SEND, Verb.UPDATE, Verb.TRIGGER})
    await do(console.engine, CreateKey(name="CRM", address="crm@example.com", bounds=Bounds(verbs=verbs)))
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go("/console/agents")
        await hand.click("Triggers", "/console/triggers")
        await hand.click("New trigger", "/new")
        await hand.write("Name", "deals")
        await hand.choose("Whose signature", "hmac")
        await hand.choose("Rules", crm.RULES)
        await hand.click("Set it up", "/console/triggers")
        await seen.until("document.body.innerText.includes('It is set up as a draft.')")
        await hand.choose("A payload", json.dumps(crm.deal()))
        await hand.click("See what it would do", "/try")
        assert "2: a*******@example.com, b*******@example.com" in await seen.text("#try ~ * , main")
        assert await seen.violations() == []
        assert await deliver(console.engine) == []
        await hand.click("Make it live", "done=live")
        assert "live" in await seen.text(".state")
        assert seen.tab.complaints == []


async def test_a_mail_that_waits_is_read_and_let_through(browser: Browser, console: Site) -> None:
    engine = console.engine
    mail = mails.request(mails.vevent("u9", summary="Held back"), sender="olga@cis.test", proven=False)
    async with inbox_of(engine) as inbox:
        await inbox.take(mail.as_bytes(), (OwnMailbox(name="create"),))
    (waits,) = (await Quarantine(engine).page()).mails
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go("/console/agents")
        await hand.click("Quarantine", "/console/quarantine")
        await seen.js(f"document.querySelector('a[href$=\"{waits.id}\"]').click()")
        await seen.loaded(waits.id)
        assert "Held back" in await seen.text()
        await hand.click("Let it through", waits.id)
        await seen.until("document.body.innerText.includes('It was handled: created')")
        assert seen.tab.complaints == []
    assert await _titled(engine, "Held back") == 1


async def _titled(engine: Engine, title: str) -> int:
    found = await engine.search(EventQuery(query=title), engine.local)
    return len(found.events)


async def test_a_report_is_followed_down_to_one_person(browser: Browser, console: Site) -> None:
    event = await created(console.engine, organizer="boss@report.example", summary="Summit")
    kim = (await invite(console.engine, event, "kim@guests.example", name="Kim")).attendee
    await deliver(console.engine)
    await answer(console.engine, kim, Partstat.ACCEPTED)
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go("/console")
        await hand.click("Reports", "/console/reports")
        await hand.click("report.example", "/domains/")
        await hand.click("b*******@report.example", "/organizers/")
        await hand.click("Summit", "/console/reports/events/")
        await hand.click("One person after the other", "/people")
        await hand.click("k*******@guests.example", "/people/")
        text = await seen.text()
        assert "Yes" in text
        assert "kim@" not in text
        assert await seen.violations() == []
        assert seen.tab.complaints == []


async def test_a_key_s_bounds_are_changed_by_keyboard_alone(browser: Browser, console: Site) -> None:
    made = await do(console.engine, CreateKey(name="Keyed", address="keyed@example.com"))
    async with screen(browser, console) as seen:
        await _hand(console, seen)
        await seen.go(f"/console/keys/{made.key.id}/bounds")
        for _ in range(60):
            await seen.tab.press("Tab", 9)
            if await seen.js("document.activeElement.id === 'day'"):
                break
        await seen.js("document.activeElement.select()")
        await seen.tab.type("42")
        await seen.tab.press("Enter", 13, "\r")
        await seen.loaded("done=bounded")
    (key,) = [key for key in await console.engine.keys() if key.id == made.key.id]
    assert key.bounds
    assert key.bounds.day == 42


async def test_a_form_that_is_sent_takes_no_second_click_until_its_page_is_come_back_to(
    browser: Browser, console: Site
) -> None:
    async with screen(browser, console) as seen:
        await _hand(console, seen)
        await seen.go("/console/keys/new")
        await seen.js("document.addEventListener('submit', (sent) => sent.preventDefault())")
        button = "document.querySelector('main button.main')"
        # At once, since it is made usable again by itself.
        clicked = f"{button}.click(); new Promise((done) => setTimeout(() => done({button}.disabled)))"
        assert await seen.js(clicked)
        await seen.js("dispatchEvent(new Event('pageshow'))")
        assert not await seen.js(f"{button}.disabled")


async def test_the_preview_of_a_page_follows_its_form(browser: Browser, console: Site) -> None:
    await created(console.engine, organizer="pages@example.com", summary="Zoo night")
    async with screen(browser, console) as seen:
        hand = await _hand(console, seen)
        await seen.go("/console/pages/-/new")
        await hand.write("Title", "Nights at the zoo")
        await hand.choose("Organizer", "pages@example.com")
        await hand.write("Text above", "Bring a torch")
        shown = "document.querySelector('iframe').contentDocument?.body?.innerText ?? ''"
        await seen.until(f"({shown}).includes('Bring a torch')")
        await seen.until(f"({shown}).includes('Zoo night')")
        await hand.click("Put it on the web", "done=online")
        assert seen.tab.complaints == []
    assert (await console.engine.pages(console.engine.local))[0].title == "Nights at the zoo"


async def test_a_campaign_s_page_tells_the_same_after_a_reload(browser: Browser, console: Site) -> None:
    event = await created(console.engine, summary="Walk")
    draft = await drafted(console.engine, event, ["one@example.com"])
    async with screen(browser, console, 390, 800) as seen:
        hand = await _hand(console, seen)
        await seen.go(f"/console/lists/{draft.campaign.id}")
        await hand.write("Type Yes", "Yes")
        await hand.click("Send to 1 person", "done=started")
        await deliver(console.engine)
        await seen.until("document.body.innerText.includes('finished')")
        await seen.go(f"/console/lists/{draft.campaign.id}")
        assert "finished" in await seen.text("#numbers")
    view = await console.engine.campaign(draft.campaign.id, console.engine.local)
    assert view.campaign.state is CampaignState.FINISHED
