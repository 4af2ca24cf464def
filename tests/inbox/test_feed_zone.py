"""An imported calendar in UTC that names its zone is found, and mailed, by the clock of that zone."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import ImportOptions
from engine.model.queries import EventQuery
from engine.outbox.render import Renderer
from tests.support.calendars import calendar
from tests.support.clock import Clock
from tests.support.engines import claim, invite, jobs_done

NIGHT = "\r\n".join(
    [
        "BEGIN:VEVENT",
        "UID:n",
        "DTSTART:20270719T000500Z",
        "DTEND:20270719T030000Z",
        "SUMMARY:Night game",
        "END:VEVENT",
    ]
)


async def test_sunday_night_is_found_and_mailed_by_the_calendars_clock(engine: Engine, clock: Clock) -> None:
    clock.now = datetime(2027, 7, 14, 9, tzinfo=UTC)
    data = calendar(["X-WR-TIMEZONE:America/New_York", NIGHT])
    await feeds.import_file(engine, engine.local, data, "s.ics", ImportOptions())
    for words in ("Sunday night games", "game on Sunday evening"):
        (event,) = (await engine.search(EventQuery(query=words), engine.local)).events
    assert (await engine.search(EventQuery(query="game on Monday"), engine.local)).events == ()
    await invite(engine, event, "ann@example.com")
    await jobs_done(engine)
    (claimed,) = await claim(engine)
    envelope = await Renderer(engine.settings, engine.store).render(claimed, clock())
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    part = mail.get_body(("plain",))
    assert part is not None
    assert "Sunday, 18 July 2027, 20:05 – 23:00 (America/New_York, UTC-04:00)" in str(part.get_content())
