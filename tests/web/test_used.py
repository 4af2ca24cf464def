"""Pages as a person uses them: by keyboard, with filters, in another zone, on paper; and as a scanner does."""

from __future__ import annotations

import pytest

from engine.model.messages import Kind
from tests.support.chromium import Browser
from tests.support.engines import deliver
from tests.web.stage import Screen, Site, screen

ENTER, SPACE, TAB = ("Enter", 13, "\r"), (" ", 32, " "), ("Tab", 9)
SHOWN = "[...document.querySelectorAll('#events li')].filter(li => li.checkVisibility()).length"
pytestmark = pytest.mark.asyncio(loop_scope="package")


async def _tab_to(seen: Screen, condition: str) -> None:
    for _ in range(60):
        await seen.tab.press(*TAB)
        if await seen.js(f"document.activeElement.matches({condition!r})"):
            return
    raise AssertionError(f"no focus reaches {condition}")


async def test_a_person_with_a_keyboard_alone_gets_the_invites(browser: Browser, site: Site) -> None:
    await deliver(site.engine)
    async with screen(browser, site) as seen:
        await seen.go(site.paths["agenda"])
        await seen.tab.press(*TAB)
        assert await seen.js("document.activeElement.textContent") == "To the events"
        await seen.tab.press(*ENTER)
        for _ in range(2):
            await _tab_to(seen, "input[name=e]")
            await seen.tab.press(*SPACE)
        assert await seen.text("button.main") == "Send me these 2 invites"
        await seen.js("document.querySelector('input[name=email]').focus()")
        await seen.tab.type("kim@example.com")
        await seen.tab.press(*ENTER)
        await seen.loaded("/sent/sent")
        assert "Your 2 invites are on the way" in await seen.text()
        assert seen.tab.complaints == []
    sent = [m for m in await deliver(site.engine) if m.email == "kim@example.com"]
    assert [m.kind for m in sent] == [Kind.INVITE, Kind.INVITE]


async def test_the_focus_is_never_below_the_bar(browser: Browser, site: Site) -> None:
    """WCAG 2.2, 2.4.11."""
    async with screen(browser, site, 390, 700) as seen:
        await seen.go(site.paths["agenda"])
        covered = (
            "(() => { const box = document.activeElement.getBoundingClientRect();"
            "return box.bottom > document.querySelector('.send').getBoundingClientRect().top "
            "&& !document.activeElement.closest('.send') })()"
        )
        for _ in range(25):
            await seen.tab.press(*TAB)
            assert not await seen.js(covered)


async def test_filtering_is_instant_over_all_games_and_ticks_survive_it(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.go(site.paths["schedule"])
        before = await seen.js("document.querySelectorAll('#events li').length")
        await seen.js("document.querySelector('input[name=e]').click()")
        await seen.js("document.querySelector('input[type=search]').focus()")
        await seen.tab.type("yaks wolves")
        await seen.until(f"{SHOWN} > 0 && {SHOWN} < 30")
        assert before == 100
        assert await seen.js("document.querySelectorAll('#events li').length") == 2_430
        assert await seen.text("#chosen") == "1 chosen (1 not shown just now)."
        assert "shown" in await seen.text(".count")
        await seen.js(
            "document.querySelector('input[type=search]').value = '';"
            "const team = document.querySelector('select[name=team]'); team.value = 'Yaks';"
            "team.dispatchEvent(new Event('input', {bubbles: true}))"
        )
        await seen.until(f"{SHOWN} > 100")
        assert await seen.js(
            "[...document.querySelectorAll('#events li:not([hidden]) b')].every(b => b.textContent.includes('Yaks'))"
        )
        assert seen.tab.complaints == []


async def test_a_question_in_words_goes_to_the_server(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.go(site.paths["schedule"])
        await seen.js("document.querySelector('input[type=search]').focus()")
        await seen.tab.type("yaks on sundays in may")
        await seen.tab.press(*ENTER)
        await seen.loaded("q=yaks+on+sundays+in+may")
        headings = await seen.js("[...document.querySelectorAll('#events h2')].map(h => h.textContent)")
        assert headings
        assert all(h.startswith("Sunday") and h.endswith("May 2027") for h in headings)


async def test_a_chip_that_is_pressed_leaves_the_rest_the_ticks_and_the_address(
    browser: Browser, site: Site
) -> None:
    async with screen(browser, site) as seen:
        await seen.go(f"{site.paths['schedule']}?q=yaks+on+sundays+in+may")
        assert await seen.js("document.querySelectorAll('.reading button').length") >= 2
        await seen.js(
            "document.querySelector('input[name=email]').value = 'ann@example.com';"
            "[...document.querySelectorAll('input[name=e]')].forEach((one, n) => { one.checked = n === 0 });"
            "document.querySelector('.reading button').focus()"
        )
        ticked, chips = await seen.js(
            "[document.querySelector('input[name=e]:checked').value, "
            "document.querySelectorAll('.reading button').length]"
        )
        await seen.tab.press(*ENTER)
        await seen.loaded("email=ann")
        assert await seen.js("document.querySelectorAll('.reading button').length") == chips - 1
        assert await seen.js(f"document.querySelector('input[name=e][value=\"{ticked}\"]').checked")
        assert await seen.js("document.querySelector('input[name=email]').value") == "ann@example.com"
        assert seen.tab.complaints == []


async def test_a_scanner_that_runs_scripts_and_submits_forms_makes_one_mail_that_asks(
    browser: Browser, site: Site
) -> None:
    await deliver(site.engine)
    async with screen(browser, site) as seen:
        for _ in range(3):
            await seen.go(site.paths["event"])
            await seen.js(
                "document.querySelector('input[name=email]').value = 'victim@example.com';"
                "dispatchEvent(new KeyboardEvent('keydown'));"
                "document.querySelector('button.main').click()"
            )
            await seen.loaded("/sent/asked")
    mails = [m for m in await deliver(site.engine) if m.email == "victim@example.com"]
    assert [m.kind for m in mails] == [Kind.NOTICE]


async def test_whoever_looks_from_elsewhere_sees_their_own_time_second(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.tab.send("Emulation.setTimezoneOverride", timezoneId="Asia/Tokyo")
        await seen.go(site.paths["event"])
        assert "Thursday, 25 March 2027, 20:10 America/New_York" in await seen.text("dd")
        assert "09:10 your time, Friday" in await seen.text("dd")
        await seen.tab.send("Emulation.setTimezoneOverride", timezoneId="America/New_York")
        await seen.go(site.paths["event"])
        assert "your time" not in await seen.text("dd")


async def test_on_paper_there_are_the_events_and_no_form(browser: Browser, site: Site) -> None:
    async with screen(browser, site) as seen:
        await seen.media(type="print")
        await seen.go(site.paths["agenda"])
        assert await seen.js("document.querySelector('h2').checkVisibility()")
        for selector in (".send", ".filter", "input[name=e]", ".more"):
            assert not await seen.js(f"document.querySelector({selector!r}).checkVisibility()"), selector


async def test_without_scripts_a_page_sends_by_one_mail_that_asks(browser: Browser, site: Site) -> None:
    await deliver(site.engine)
    async with screen(browser, site) as seen:
        await seen.tab.send("Emulation.setScriptExecutionDisabled", value=True)
        await seen.go(site.paths["event"])
        await seen.js("document.querySelector('input[name=email]').focus()")
        await seen.tab.type("nojs@example.com")
        await seen.tab.press(*ENTER)
        await seen.loaded("/sent/asked")
    assert [m.kind for m in await deliver(site.engine) if m.email == "nojs@example.com"] == [Kind.NOTICE]


async def test_a_reader_of_a_newsletter_gets_the_invite_with_one_press(browser: Browser, site: Site) -> None:
    await deliver(site.engine)
    async with screen(browser, site, 390, 700) as seen:
        await seen.tab.send(
            "Page.navigate", url=f"{site.address}{site.paths['link']}?e=rea%2Bder%40example.com&mc_eid=1"
        )
        await seen.loaded(site.paths["link"])
        await seen.until("location.search === ''")
        assert await seen.js("document.querySelector('input[name=email]').value") == "rea+der@example.com"
        below = "document.querySelector('button.main').getBoundingClientRect().bottom"
        assert await seen.js(below) <= 700, "the button is in the first view"
        assert await seen.text("button.main") == "Register Now"
        await _tab_to(seen, "button.main")
        await seen.tab.press(*ENTER)
        await seen.loaded("/sent")
        assert "Your invite is on the way" in await seen.text()
        await seen.tab.send("Page.reload")
        await seen.loaded("/sent")
    sent = [m for m in await deliver(site.engine) if m.email == "rea+der@example.com"]
    assert [m.kind for m in sent] == [Kind.INVITE]


async def test_a_scanner_that_opens_a_link_and_runs_its_scripts_sends_nothing(
    browser: Browser, site: Site
) -> None:
    """Pressing the button by a script, as some scanners do, makes one mail that asks."""
    await deliver(site.engine)
    async with screen(browser, site) as seen:
        for _ in range(2):
            await seen.tab.send(
                "Page.navigate", url=f"{site.address}{site.paths['link']}?e=scanned%40example.com"
            )
            await seen.loaded(site.paths["link"])
            await seen.until("location.search === ''")
        assert await deliver(site.engine) == []
        await seen.js("document.querySelector('button.main').click()")
        await seen.loaded("/asked")
    assert [m.kind for m in await deliver(site.engine)] == [Kind.NOTICE]


_SHIFTS = (
    "new Promise(done => { let sum = 0; const seen = new PerformanceObserver(list => {"
    "for (const one of list.getEntries()) sum += one.value });"
    "seen.observe({type: 'layout-shift', buffered: true});"
    "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(sum), 50))) })"
)


async def test_nothing_jumps_on_a_phone(browser: Browser, site: Site) -> None:
    """While it loads, while somebody scrolls, and when the bar of the address goes away and the height changes.

    The viewer's own time comes by script, before anything is painted. Half of what Web Vitals call good is the bound.
    """
    async with screen(browser, site, 360, 640) as seen:
        for page in ("schedule", "odd", "event", "link"):
            await seen.go(site.paths[page])
            for height in (640, 700, 640):
                await seen.tab.resize(360, height)
                await seen.js("scrollBy(0, 900)")
            assert await seen.js(_SHIFTS) <= 0.05, page
