"""Writes the pictures in docs: `python -m tests.apps.gallery`."""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import tempfile
from itertools import cycle
from pathlib import Path

from bench.season import ORGANIZER, season
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.timing import Timing
from engine.engine import SYSTEM, Engine, system_clock
from engine.model.events import Event
from engine.model.people import Attendee, Origin, Partstat
from engine.model.queries import AttendeeQuery
from engine.outbox.smtp.pipelining import Patience, PipeliningTransport
from engine.outbox.target import SmtpTarget
from tests.apps.stage import Stage, View, staging
from tests.support.chromium import Browser, Tab, browsing
from tests.support.engines import control, created, do, drafted, engine_in, invite, working
from tests.support.sink import Sink, sinking
from tests.support.waiting import eventually

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLIENTS = (
    ("-//Google Inc//Google Calendar 70.9054//EN", 46),
    ("-//Apple Inc.//iPhone OS 19.1//EN", 27),
    ("Microsoft Exchange Server 2010", 18),
    ("-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN", 5),
    ("mail", 4),
)
ANSWERS = ((Partstat.ACCEPTED, 58), (Partstat.TENTATIVE, 17), (Partstat.DECLINED, 14), (None, 38))
PEOPLE, RATE, SHOWN_AT = 1_980, 150, 1_100
SCALE = 1.5


async def picture(tab: Tab, view: View, name: str) -> None:
    """The whole page, as high as it wants to be, as a PNG in docs."""
    height = await view.js("document.body.offsetHeight")
    await tab.resize(760, height, SCALE)
    await view.js("new Promise((done) => setTimeout(done, 900))")
    shot = await tab.send("Page.captureScreenshot", format="png")
    (DOCS / name).write_bytes(base64.b64decode(shot["data"]))


def _transport(sink: Sink) -> PipeliningTransport:
    target = SmtpTarget.of(f"smtp://127.0.0.1:{sink.port}?connections=4")
    return PipeliningTransport(target, "cis.test", Patience(connect=60, answer=60, end_of_data=60))


async def _match(engine: Engine) -> Event:
    when = Timing(start="2027-05-01T19:05", duration="PT2H45M", timezone="America/New_York")
    return await created(
        engine, summary="Opening night: Orioles vs. Lanterns", when=when, location="Harbor Yards, Bayport"
    )


async def _answer_all(engine: Engine, people: list[Attendee]) -> None:
    chance = random.Random(7)
    for person in people:
        (partstat,) = chance.choices([a for a, _ in ANSWERS], [n for _, n in ANSWERS])
        (client,) = chance.choices([c for c, _ in CLIENTS], [n for _, n in CLIENTS])
        if partstat is not None:
            receipt = RecordReceipt(token=person.token, partstat=partstat, prodid=client)
            await do(engine, receipt, SYSTEM)


async def _reached(engine: Engine, event: Event) -> list[Attendee]:
    """Everybody who is invited so far."""
    people, cursor = list[Attendee](), None
    while True:
        query = AttendeeQuery(uid=event.uid, limit=100, cursor=cursor)
        page = await engine.store.attendees(query)
        people += page.attendees
        cursor = page.next_cursor
        if cursor is None:
            return people


async def dashboard(browser: Browser, folder: Path) -> None:
    """A campaign at about two thirds, in light and in dark."""
    async with engine_in(folder, system_clock) as engine, sinking() as sink:
        event = await _match(engine)
        origins = cycle((Origin.WEBFORM, Origin.VIP, Origin.WEBFORM, Origin.EMAILCTA, Origin.API))
        for number in range(140):
            await invite(engine, event, f"fan{number}@example.com", origin=next(origins))
        for number in (3, 411):
            sink.answer(f"guest{number}@example.org", "550 5.1.1 No such user here")
        emails = [f"guest{number}@example.org" for number in range(PEOPLE)]
        draft = await drafted(engine, event, [*emails, "not an address", emails[0]], rate=RATE)
        async with working(engine, _transport(sink)), staging(browser, engine, scale=SCALE) as stage:
            await control(engine, draft, CampaignAction.START)
            await eventually(lambda: len(sink.mails) > SHOWN_AT)
            await control(engine, draft, CampaignAction.PAUSE)
            await _answer_all(engine, (await _reached(engine, event))[: SHOWN_AT + 100])
            await control(engine, draft, CampaignAction.RESUME)
            await _pictures(stage, draft.campaign.id)


async def _pictures(stage: Stage, campaign_id: str) -> None:
    view = await stage.open("get_campaign", {"campaign_id": campaign_id})
    await view.shows("a second")
    await picture(stage.tab, view, "dashboard.png")
    await view.dress(theme="dark")
    await picture(stage.tab, view, "dashboard-dark.png")


async def picker(browser: Browser, folder: Path) -> None:
    """A search over a season, three games ticked."""
    async with engine_in(folder, system_clock) as engine:
        async with engine.store.unit() as unit:
            await unit.ensure_organizer(ORGANIZER, "", system_clock())
            for game in season():
                await unit.add_event(game.event)
        async with staging(browser, engine, scale=SCALE) as stage:
            query = "Orioles home games in May after 5 pm"
            view = await stage.open("search_events", {"query": query})
            await view.shows("Orioles", "#events")
            for number in (1, 2, 4):
                await view.click(f"#events li:nth-child({number}) label")
            await view.type("#email", "ann@example.com")
            await view.js("document.querySelector('.results').scrollTo(0, 0); document.activeElement.blur()")
            await picture(stage.tab, view, "picker.png")
            await view.dress(theme="dark")
            await picture(stage.tab, view, "picker-dark.png")


async def main() -> None:
    """Both pages, each over an engine of its own."""
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        async with browsing(Path(folder) / "profile") as browser:
            await dashboard(browser, Path(folder) / "campaign")
            await picker(browser, Path(folder) / "season")


if __name__ == "__main__":
    asyncio.run(main())
