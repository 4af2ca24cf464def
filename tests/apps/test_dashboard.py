"""The dashboard in a real Chromium, over the real server, while real mails leave."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.mcp.tools import Selection
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.timing import Timing
from engine.engine import Engine, system_clock
from engine.model.campaigns import CampaignState
from engine.model.events import Event
from engine.model.people import Partstat
from engine.outbox.smtp.pipelining import Patience, PipeliningTransport
from engine.outbox.target import SmtpTarget
from tests.apps import looks
from tests.apps.stage import View, staging
from tests.bounds.making import made
from tests.support.chromium import Browser
from tests.support.engines import (
    answer,
    attendee,
    control,
    created,
    deliver,
    drafted,
    engine_in,
    invite,
    invite_all_answers,
    jobs_done,
    working,
)
from tests.support.sink import Sink, sinking
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="package")

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u202etxt.exe"
EMAILS = [f"guest{number}@example.org" for number in range(60)]


async def _event(engine: Engine, **values: Any) -> Event:
    when = Timing(
        start=f"{datetime.now(UTC).year + 1}-05-01T19:05", duration="PT2H", timezone="America/New_York"
    )
    return await created(engine, **{"when": when, "location": "Harbor Yards", **values})


def _transport(sink: Sink) -> PipeliningTransport:
    target = SmtpTarget.of(f"smtp://127.0.0.1:{sink.port}?connections=2")
    return PipeliningTransport(target, "cis.test", Patience(connect=60, answer=60, end_of_data=600))


async def _placed(view: View) -> None:
    """Wait until the event's own line is there, which moves all that stands below it."""
    await view.shows("Harbor Yards", "#when")


async def test_it_shows_an_event_and_who_answered_what(browser: Browser, engine: Engine) -> None:
    event = await _event(engine)
    await invite_all_answers(engine, event)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_stats", {"scope": "event", "key": event.uid})
        text = await view.shows("Season opener")
        assert "May 1" in text
        assert "7:05 PM – 9:05 PM (New York) · Harbor Yards" in text
        assert "Invited 4 people" in text
        assert "Answered 75% 3 of 4" in text
        assert "Said Yes 1 33% of the answers" in text
        assert (
            await view.text("#answers")
            == "Answers 75% answered Yes 1 25% Maybe 1 25% No 1 25% No answer 1 25%"
        )
        label = await view.js("document.querySelector('svg').getAttribute('aria-label')")
        assert label == "Answers: Yes 1, Maybe 1, No 1, Sends somebody else 0, No answer 1."
        assert await view.js("document.querySelector('main').getAttribute('aria-busy')") == "false"


async def test_an_answer_that_comes_while_it_is_open_appears_by_itself(
    browser: Browser, engine: Engine
) -> None:
    event = await _event(engine)
    people = await invite_all_answers(engine, event)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_stats", {"scope": "event", "key": event.uid})
        await view.shows("Answered 75%")
        await answer(engine, people["silent"], Partstat.ACCEPTED)
        await view.shows("Answered 100% 4 of 4")
        # The button asks at once.
        await answer(engine, people["no"], Partstat.ACCEPTED)
        await view.click("#refresh")
        await view.shows("Yes 3 75%")


async def test_it_is_live_while_a_campaign_runs_and_pauses_and_goes_on(
    browser: Browser, engine: Engine
) -> None:
    event = await _event(engine)
    draft = await drafted(engine, event, [*EMAILS, "not an address"], rate=20)
    async with sinking() as sink, working(engine, _transport(sink)), staging(browser, engine) as stage:
        sink.answer(EMAILS[0], "550 5.1.1 <b>No such user</b>")
        # However slow the page is, the list is neither through before it is seen to move nor before it pauses.
        sink.taking.clear()
        sink.holds_at = 20
        await control(engine, draft, CampaignAction.START)
        view = await stage.open("get_campaign", {"campaign_id": draft.campaign.id})
        await view.shows("Campaign · sending")
        seen = "Number(document.querySelector('[role=progressbar]').getAttribute('aria-valuenow'))"
        first = await view.js(seen)
        sink.taking.set()
        await view.until(f"{seen} > {first}")
        assert await view.js("!document.querySelector('#pulse').hidden")
        await view.click("#control-slot button")
        await view.shows("Campaign · paused")
        assert (await engine.campaign(draft.campaign.id, engine.local)).campaign.state is CampaignState.PAUSED
        assert "Go on sending" in await view.text("#control-slot")
        sink.taking.set()
        await view.click("#control-slot button:not([hidden])")
        await view.shows("Campaign · finished")
        await view.shows("59 of 60 mails sent")
        assert "<b>No such user</b>" in await view.text("#troubles")
        assert "1 row was skipped" in await view.text("#troubles")
        assert "invalid address" in await view.js("document.querySelector('#troubles details').textContent")
        assert await view.text("#control-slot") == ""
        assert [told.split("“")[1].split("”")[0] for told in await view.told()] == ["pause", "resume"]


async def test_a_draft_shows_what_would_be_sent_and_is_sent_by_its_button(
    browser: Browser, engine: Engine
) -> None:
    event = await _event(engine)
    rows = [{"email": email} for email in EMAILS[:3]]
    async with sinking() as sink, working(engine, _transport(sink)), staging(browser, engine) as stage:
        view = await stage.open("bulk_send", {"uid": event.uid, "recipients": rows})
        text = await view.shows("3 of 3 people would be invited.")
        assert "To guest0@example.org" in text
        assert sink.mails == []
        await _placed(view)
        await view.click("#draft button")
        await view.shows("Campaign · finished")
        assert sorted(sink.recipients) == EMAILS[:3]


async def test_a_list_whose_start_waits_for_a_yes_is_told_beside_its_button(
    browser: Browser, engine: Engine
) -> None:
    key = await made(engine, approval=["bulk"], approval_bulk=1)
    event = await _event(engine)
    rows = [{"email": email} for email in EMAILS[:2]]
    async with staging(browser, engine, actor=key.actor) as stage:
        view = await stage.open("bulk_send", {"uid": event.uid, "recipients": rows})
        await view.shows("2 of 2 people would be invited.")
        await _placed(view)
        await view.click("#draft button")
        await view.shows("Nothing is sent yet: it waits for a yes of the operator (held action", "#draft")
        assert "“start”" in (await view.told())[0]
        assert "it waits for a yes" in (await view.told())[0]
    assert await deliver(engine) == []


async def test_what_was_started_is_taken_back_by_a_button_while_its_time_lasts(
    browser: Browser, tmp_path: Path
) -> None:
    async with engine_in(tmp_path / "slow", system_clock, undo_campaign_s=3_600) as engine:
        event = await _event(engine)
        rows = [{"email": email} for email in EMAILS[:3]]
        async with staging(browser, engine, selection=Selection(tier="extended")) as stage:
            view = await stage.open("bulk_send", {"uid": event.uid, "recipients": rows, "start": True})
            await view.shows("Undo", "#undo-slot")
            await view.click("#undo-slot button")
            await view.shows("Undone: nobody is notified.", "#undo-slot")
            await view.shows("Campaign · cancelled")
            assert "undid what was started" in (await view.told())[0]
        assert await deliver(engine) == []


async def test_a_change_of_the_event_voids_the_button_of_a_draft_and_it_says_so(
    browser: Browser, engine: Engine
) -> None:
    event = await _event(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("bulk_send", {"uid": event.uid, "recipients": [{"email": EMAILS[0]}]})
        await view.shows("Send 1 invite")
        await _placed(view)
        await stage.client.call_tool("update_event", {"uid": event.uid, "summary": "Another"})
        await view.click("#draft button")
        assert "draft" in (await view.shows(".", "#draft [role=alert]")).lower()


async def test_words_from_outside_are_text_and_never_markup(browser: Browser, engine: Engine) -> None:
    event = await _event(engine, summary=HOSTILE, location=HOSTILE)
    done = await invite(engine, event, "ann@example.com", name=HOSTILE)
    await deliver(engine)
    await answer(engine, done.attendee, Partstat.ACCEPTED, prodid=HOSTILE)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_stats", {"scope": "event", "key": event.uid})
        text = await view.shows("<script>document.title='owned'</script>", "#title")
        assert "onerror=" in text
        assert await view.js("document.title") == "Answers and campaigns"
        assert await view.js("document.querySelectorAll('img').length") == 0
        assert await view.js("document.querySelectorAll('script').length") == 1
        # What turns the direction of writing ends where the name ends.
        assert await view.js("document.querySelector('#title').firstChild.localName") == "bdi"


async def test_the_policy_stops_a_script_that_is_put_in_from_outside(
    browser: Browser, engine: Engine
) -> None:
    async with staging(browser, engine) as stage:
        view = await stage.open("get_stats", {"scope": "system"})
        await view.shows("The whole system")
        await view.js(
            "document.body.appendChild(Object.assign(document.createElement('script'), {text: 'top1 = 1'}))"
        )
        assert await view.js("typeof top1") == "undefined"
        blocked = await view.js("fetch('https://example.com/').then(() => 'went', (error) => error.name)")
        assert blocked == "TypeError"
        assert all("Content Security Policy" in complaint for complaint in stage.tab.complaints)
        assert len(stage.tab.complaints) >= 2
        stage.tab.complaints.clear()


async def test_the_newest_campaigns_are_listed_and_one_is_opened_and_left_again(
    browser: Browser, engine: Engine
) -> None:
    event = await _event(engine)
    one, _ = [await drafted(engine, event, [email]) for email in EMAILS[:2]]
    await control(engine, one, CampaignAction.START)
    await jobs_done(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_campaign", {})
        await view.shows("2 campaigns")
        assert await view.js("document.querySelectorAll('#list .campaign').length") == 2
        await view.click("li:has(.s-running) .campaign")
        await view.shows("Campaign · sending")
        await view.click("#back-slot button")
        await view.shows("2 campaigns")
        await view.until("document.querySelector('#answers').hidden")
        await view.until("document.querySelectorAll('.campaign-name').length === 2")
        assert (await view.shows("Season opener", "#list")).count("Season opener") == 2
        # The list, too, is asked for again.
        await drafted(engine, event, [EMAILS[2]])
        await view.click("#refresh")
        await view.shows("3 campaigns")


async def test_the_words_of_an_event_that_come_after_the_list_do_not_stand_above_it(
    browser: Browser, engine: Engine
) -> None:
    await drafted(engine, await _event(engine), EMAILS[:1])
    async with staging(browser, engine) as stage:
        view = await stage.open("get_campaign", {})
        await view.until("document.querySelectorAll('.campaign-name').length === 1")
        await stage.keeps("get_event")
        await view.click("#list .campaign")
        await view.shows("Campaign · draft")
        await eventually(stage.kept)
        await view.click("#back-slot button")
        await view.shows("Newest campaigns", "#title")
        await stage.hands(view)
        assert "Newest campaigns" in await view.text("#title")


async def test_a_refusal_is_shown_in_its_own_words(browser: Browser, engine: Engine) -> None:
    async with staging(browser, engine) as stage:
        view = await stage.open("get_campaign", {"campaign_id": "nonesuch"})
        await view.shows("Nothing to show")
        assert "campaign" in await view.text("#notice")


_NOTICED = """(() => {
  globalThis.noticed = [];
  const notice = document.querySelector("#notice");
  const note = () => !notice.hidden && notice.textContent.includes("away") && noticed.push(notice.textContent);
  new MutationObserver(note).observe(notice, {attributes: true, childList: true, characterData: true, subtree: true});
})()"""
"""Keeps what the notice says, which soon says something else."""


async def test_what_cannot_be_asked_is_told_and_asked_again(browser: Browser, engine: Engine) -> None:
    event = await _event(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_stats", {"scope": "event", "key": event.uid})
        await view.shows("Invited 0")
        await view.js(_NOTICED)
        # The server does not answer for a moment.
        await stage.tab.evaluate("stage.away = true")
        await view.click("#refresh")
        await view.until("noticed.length > 0")
        assert "Asking again in 2 seconds." in await view.js("noticed[0]")
        await invite(engine, event, "ann@example.com")
        await stage.tab.evaluate("stage.away = false")
        await view.shows("Invited 1")
        assert await view.js("document.querySelector('#notice').hidden")


async def test_what_the_call_itself_answered_is_shown_where_the_host_passes_no_calls_on(
    browser: Browser, engine: Engine
) -> None:
    event = await _event(engine)
    await invite_all_answers(engine, event)
    async with staging(browser, engine) as stage:
        await stage.tab.evaluate("stage.away = true")
        view = await stage.open("get_stats", {"scope": "event", "key": event.uid})
        await view.shows("Answered 75% 3 of 4")
        await view.shows("away", "#notice")
        draft = await drafted(engine, event, ["ann@example.com"])
        view = await stage.open("get_campaign", {"campaign_id": draft.campaign.id})
        await view.shows("1 of 1 person would be invited.")
        assert await view.js("document.querySelector('#tiles').hidden")


_TIMERS = """(() => {
  const [set, clear] = [setTimeout, clearTimeout];
  globalThis.timers = new Set();
  globalThis.setTimeout = (work, wait) => {
    const id = set(() => timers.delete(id) && work(), wait);
    timers.add(id);
    return id;
  };
  globalThis.clearTimeout = (id) => timers.delete(id) && clear(id);
})()"""


async def test_it_stops_asking_when_its_host_takes_it_away(browser: Browser, engine: Engine) -> None:
    event = await _event(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_stats", {"scope": "event", "key": event.uid})
        await view.shows("Invited 0")
        await view.js(_TIMERS)
        await view.click("#refresh")
        # One timer: the next question. While a call is under way there is the one that gives it up.
        await eventually(lambda: stage.tab.evaluate("stage.calls.length > 3 && stage.waiting.size === 0"))
        await view.until("timers.size === 1")
        assert await stage.tab.evaluate("stage.bridge.teardownResource({})") == {}
        # The question that was under way, if one was, has its answer; whoever went on asking would set another timer.
        await view.until("timers.size === 0")


async def test_light_and_dark_follow_the_host_and_can_be_read(browser: Browser, engine: Engine) -> None:
    event = await _event(engine)
    draft = await drafted(engine, event, ["ann@example.com", "not an address"])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("get_campaign", {"campaign_id": draft.campaign.id})
        await view.shows("Campaign · sending")
        grounds = []
        for theme in ("light", "dark"):
            await view.dress(theme=theme)
            await view.until(f"document.documentElement.dataset.theme === '{theme}'")
            grounds.append(await view.js("getComputedStyle(document.body).backgroundColor"))
            assert await looks.faint(view) == []
        await view.js("document.documentElement.style.setProperty('--quiet', '#555')")
        assert await looks.faint(view) != []
        assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 29)"]
        await view.dress(styles={"variables": {"--color-background-primary": "rgb(1, 2, 3)"}})
        await view.until("getComputedStyle(document.body).backgroundColor === 'rgb(1, 2, 3)'")


async def test_everything_to_press_has_a_name_and_nothing_is_wider_than_a_phone(
    browser: Browser, engine: Engine, tmp_path: Path
) -> None:
    event = await _event(engine, summary="A name without any space" + "s" * 150, location="L" * 300)
    draft = await drafted(engine, event, ["a" * 60 + "@example.com", "not an address"])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    assert (await attendee(engine, event, "a" * 60 + "@example.com")).origin
    async with staging(browser, engine, width=320) as stage:
        view = await stage.open("get_campaign", {"campaign_id": draft.campaign.id})
        await view.shows("Campaign · sending")
        assert await view.js("document.documentElement.scrollWidth") <= 320
        assert await looks.nameless(view) == []
        height = "Math.ceil(document.body.getBoundingClientRect().height)"

        async def told() -> str:
            return "told" if await stage.tab.evaluate("stage.size.height") == await view.js(height) else ""

        said: str = await eventually(told)
        assert said
