"""The schedule picker in a real Chromium: find games, tick three, and three invites leave for one address."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.events import Event
from engine.outbox.smtp.pipelining import Patience, PipeliningTransport
from engine.outbox.target import SmtpTarget
from tests.apps import looks
from tests.apps.stage import DOWN, ENTER, SPACE, TAB, View, staging
from tests.bounds.making import made
from tests.support.chromium import Browser
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, working
from tests.support.sink import Sink, sinking

pytestmark = pytest.mark.asyncio(loop_scope="package")

YEAR = datetime.now(UTC).year + 1
ANN = "ann@example.com"
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
TICKED = "[...document.querySelectorAll('#events input:checked')].length"


async def _game(
    engine: Engine, month: int, day: int, summary: str, year: int = YEAR, hour: int = 19
) -> Event:
    when = Timing(
        start=f"{year}-{month:02}-{day:02}T{hour}:05", duration="PT2H45M", timezone="America/New_York"
    )
    return await created(engine, when=when, summary=summary, location="Harbor Yards, Bayport")


async def _games(engine: Engine) -> list[Event]:
    """Five home games in May and June, and one of somebody else's."""
    rivals = ("Lanterns", "Comets", "Forgers", "Bells", "Loons")
    games = [
        await _game(engine, 5 + number // 3, 1 + number, f"Orioles vs {rival}")
        for number, rival in enumerate(rivals)
    ]
    return [*games, await _game(engine, 5, 31, "Monarchs vs Cubs")]


def _transport(sink: Sink) -> PipeliningTransport:
    target = SmtpTarget.of(f"smtp://127.0.0.1:{sink.port}?connections=2")
    return PipeliningTransport(target, "cis.test", Patience(connect=60, answer=60, end_of_data=60))


async def _names(view: View) -> list[str]:
    found: list[str] = await view.js(
        "[...document.querySelectorAll('.event-name')].map((one) => one.innerText)"
    )
    return found


async def _sent_calls(view: View) -> list[dict[str, Any]]:
    return [call["arguments"] for call in await view.calls() if call["name"] == "send_invite"]


async def test_three_ticked_games_become_three_invites_to_one_address(
    browser: Browser, engine: Engine
) -> None:
    games = await _games(engine)
    async with sinking() as sink, working(engine, _transport(sink)), staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "orioles"})
        await view.shows("Orioles vs Lanterns", "#events")
        assert await view.js("document.querySelector('#send').disabled")
        for number in (1, 2, 4):
            await view.click(f"#events li:nth-child({number}) label")
        await view.shows("3 events are picked.")
        await view.type("#email", ANN)
        assert await view.text("#send") == "Send 3 invites"
        await view.click("#send")
        await view.shows("3 invites for ann@example.com", "#sent")
        picked = [games[number] for number in (0, 1, 3)]
        assert await _sent_calls(view) == [{"uids": [game.uid for game in picked], "email": ANN}]
        assert sorted(str(mail.event["UID"]) for mail in sink.to(ANN)) == sorted(game.uid for game in picked)
        assert (await view.text("#outcomes")).count("Sent") == 3
        assert "3 events: 3 sent" in (await view.told())[0]
        # And again: nothing is picked, and asking twice sends once.
        await view.click("#again")
        await view.shows("Nothing is picked yet.")
        await view.click("#events li:nth-child(1) label")
        await view.click("#send")
        await view.shows("Was invited before", "#sent")
        assert len(sink.mails) == 3


async def test_searching_again_keeps_what_is_picked_and_the_filters_of_the_call(
    browser: Browser, engine: Engine
) -> None:
    await _games(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "lanterns", "status": "confirmed", "limit": 1})
        await view.shows("Orioles vs Lanterns", "#events")
        assert await view.js("document.querySelector('#query').value") == "lanterns"
        await view.click("#events label")
        await view.type("#query", "cubs")
        await view.shows("Monarchs vs Cubs", "#events")
        assert await _names(view) == ["Monarchs vs Cubs"]
        await view.click("#events label")
        await view.shows("2 events are picked.")
        await view.type("#query", "")
        await view.tab.press(*ENTER)
        await view.shows("Orioles vs Loons", "#events")
        assert await view.js(TICKED) == 2
        asked = [call["arguments"] for call in await view.calls() if call["name"] == "search_events"]
        assert {call["status"] for call in asked} == {"confirmed"}
        # One is taken out below, and its box above is empty again.
        await view.click("#tags button")
        await view.shows("1 event is picked.")
        assert await view.js(TICKED) == 1
        await view.click("#clear")
        assert await view.js(TICKED) == 0


async def test_a_month_is_one_on_the_clock_of_the_place(browser: Browser, engine: Engine) -> None:
    await _games(engine)
    # In UTC this one is in June already.
    late = await _game(engine, 5, 31, "Late game", hour=21)
    assert late.span.start_utc.month == 6
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {})
        await view.shows("Monarchs vs Cubs", "#events")
        # The months that are shown begin with this one; those of the games are not always among them.
        month = f"[data-month='May {YEAR}']"
        await view.js(f"document.querySelector('.month:last-child').dataset.month = 'May {YEAR}'")
        await view.click(month)
        await view.until("document.querySelectorAll('#events li').length === 5")
        assert "Orioles vs Bells" not in await _names(view)
        assert await view.js(f'document.querySelector("{month}").ariaPressed') == "true"
        assert f"May {YEAR}" in await view.text("#understood")
        await view.click(".month:first-child")
        await view.until("document.querySelectorAll('#events li').length === 7")


async def test_an_address_that_is_none_is_told_before_anything_is_asked(
    browser: Browser, engine: Engine
) -> None:
    await _games(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "lanterns"})
        await view.shows("Lanterns", "#events")
        await view.click("#events label")
        await view.click("#send")
        await view.shows("Where to?", "#wrong")
        for wrong in ("ann", "ann@", "a b@example.com"):
            await view.type("#email", wrong)
            await view.click("#send")
            await view.shows("That is no e-mail address.", "#wrong")
            assert await view.js("document.activeElement.id") == "email"
        assert await _sent_calls(view) == []
        # What the server alone knows to be wrong is told in its words, and nothing is lost.
        await view.type("#email", "ann@localhost")
        await view.click("#send")
        await view.until("!document.querySelector('#wrong').hidden")
        assert "address" in await view.text("#wrong")
        assert await view.text("#picked") == "1 event is picked."
        assert not await view.js("document.querySelector('#send').disabled")


async def test_one_of_several_that_is_turned_down_is_told_and_stays_picked(
    browser: Browser, engine: Engine
) -> None:
    games = await _games(engine)
    async with sinking() as sink, working(engine, _transport(sink)), staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "orioles"})
        await view.shows("Lanterns", "#events")
        for number in (1, 2):
            await view.click(f"#events li:nth-child({number}) label")
        await do(engine, CancelEvent(uid=games[0].uid))
        await view.type("#email", ANN)
        await view.tab.press(*ENTER)
        text = await view.shows("1 invite for ann@example.com · 1 not sent", "#sent")
        assert "Orioles vs Lanterns Not sent" in text
        assert await view.js("document.activeElement.id") == "sent"
        await view.click("#again")
        await view.shows("1 event is picked.")


async def test_invites_that_wait_for_a_yes_are_told_as_such(browser: Browser, engine: Engine) -> None:
    key = await made(engine, mode="hold")
    await _games(engine)
    async with staging(browser, engine, actor=key.actor) as stage:
        view = await stage.open("search_events", {"query": "orioles"})
        await view.shows("Orioles vs Lanterns", "#events")
        for number in (1, 2):
            await view.click(f"#events li:nth-child({number}) label")
        await view.type("#email", ANN)
        await view.click("#send")
        text = await view.shows("it waits for a yes of the operator", "#sent")
        assert text.count("Waits for approval") == 2
        (told,) = await view.told()
        assert "2 held. Nothing is sent yet: it waits for a yes of the operator (held action" in told
    assert await deliver(engine) == []


async def test_a_cancelled_event_cannot_be_ticked(browser: Browser, engine: Engine) -> None:
    game = (await _games(engine))[0]
    await do(engine, CancelEvent(uid=game.uid))
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "orioles"})
        await view.shows("Cancelled", "#events")
        await view.click("#events li:nth-child(1) label")
        await view.click("#events li:nth-child(2) label")
        await view.shows("1 event is picked.")
        assert await view.js("document.querySelector('#events input').disabled")


async def test_past_events_cannot_be_ticked_and_are_left_out_of_a_search_without_a_time(
    browser: Browser, tmp_path: Path
) -> None:
    clock = Clock(datetime(YEAR - 2, 1, 1, tzinfo=UTC))
    async with engine_in(tmp_path, clock) as engine:
        await _game(engine, 5, 1, "Old game", year=YEAR - 2)
        await _game(engine, 5, 1, "New game")
        async with staging(browser, engine) as stage:
            view = await stage.open("search_events", {"query": "game"})
            await view.shows("Over", "#events")
            assert await view.js("document.querySelector('#events input').disabled")
            await view.click("#find")
            await view.until("document.querySelectorAll('#events li').length === 1")
            assert await _names(view) == ["New game"]
            await view.type("#query", f"game in May {YEAR - 2}")
            await view.shows("Old game", "#events")
            assert await _names(view) == ["Old game"]


async def test_it_is_used_by_keyboard_alone(browser: Browser, engine: Engine) -> None:
    await _games(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "orioles"})
        await view.shows("Loons", "#events")
        await view.js("document.querySelector('.month:last-child').focus()")
        await view.tab.press(*TAB)
        assert await view.js("document.activeElement.type") == "checkbox"
        await view.tab.press(*SPACE)
        await view.tab.press(*DOWN)
        await view.tab.press(*SPACE)
        await view.shows("2 events are picked.")
        assert await view.js(TICKED) == 2
        outline = "getComputedStyle(document.activeElement.closest('label')).outlineStyle"
        assert await view.js(outline) == "solid"


async def test_more_than_a_page_is_shown_on_request(browser: Browser, engine: Engine) -> None:
    for number in range(4):
        await _game(engine, 5, 1 + number, f"Game {number}")
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "", "limit": 2})
        await view.shows("Game 1", "#events")
        await view.click("#events li:nth-child(1) label")
        await view.click("#more")
        await view.shows("Game 3", "#events")
        assert await _names(view) == [f"Game {number}" for number in range(4)]
        assert await view.js(TICKED) == 1
        assert await view.js("document.querySelector('#more').hidden")


async def test_it_searches_by_itself_where_the_call_was_cancelled(browser: Browser, engine: Engine) -> None:
    await _games(engine)
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {"query": "cubs"}, answered=False)
        await stage.tab.evaluate("stage.bridge.sendToolCancelled({reason: 'the person said stop'})")
        await view.shows("Monarchs vs Cubs", "#events")


async def test_words_from_outside_are_text_and_never_markup(browser: Browser, engine: Engine) -> None:
    await _game(engine, 5, 1, HOSTILE)
    async with staging(browser, engine) as stage:
        view = await stage.open("search_events", {})
        await view.shows("<img src=x", "#events")
        await view.click("#events label")
        await view.shows("<script>", "#tags")
        await view.type("#query", HOSTILE)
        await view.until("document.querySelector('main').ariaBusy === 'false'")
        assert await view.js("document.title") == "Schedule picker"
        assert await view.js("document.querySelectorAll('img').length") == 0


async def test_light_and_dark_can_be_read_and_everything_has_a_name(browser: Browser, engine: Engine) -> None:
    game = (await _games(engine))[0]
    await do(engine, CancelEvent(uid=game.uid))
    async with staging(browser, engine, width=320) as stage:
        view = await stage.open("search_events", {"query": "orioles in May nonesuchword"})
        await view.shows("not found: nonesuchword")
        await view.type("#query", "orioles")
        await view.shows("Loons", "#events")
        await view.click("#events li:nth-child(2) label")
        for theme in ("light", "dark"):
            await view.dress(theme=theme)
            await view.until(f"document.documentElement.dataset.theme === '{theme}'")
            assert await looks.faint(view) == []
        assert await looks.nameless(view) == []
        assert await view.js("document.documentElement.scrollWidth") <= 320
