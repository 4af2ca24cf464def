"""A calendar that words an event otherwise mails no one; one that moves or cancels it does."""

from __future__ import annotations

import pytest

from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import Imported, ImportOptions
from engine.model.events import Event
from engine.model.messages import Audience, Kind
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from tests.support.calendars import calendar, game
from tests.support.engines import answer, attendee, deliver, invite

PLAIN = "DTSTART:20270717T220000Z\r\nDTEND:20270718T000000Z"


async def _import(engine: Engine, *lines: str, **options: object) -> Imported:
    data = calendar([game("g@example.com", *lines)])
    return await feeds.import_file(engine, engine.local, data, "season.ics", ImportOptions(**options))


async def _the_event(engine: Engine) -> Event:
    (event,) = (await engine.store.search(EventQuery(limit=100))).events
    return event


async def _with_guests(engine: Engine, *lines: str) -> Event:
    """One event, to which ann@ said Yes and ben@ nothing."""
    await _import(engine, *lines)
    event = await _the_event(engine)
    for name in ("ann", "ben"):
        await invite(engine, event, f"{name}@example.com")
    await deliver(engine)
    await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
    return event


@pytest.mark.parametrize("line", ["DESCRIPTION:Last updated: {n}:15 PM", "URL:https://example.com/?v={n}"])
async def test_a_calendar_that_renews_its_words_each_hour_mails_nobody(engine: Engine, line: str) -> None:
    await _with_guests(engine)
    for n in range(1, 4):
        imported = await _import(engine, line.format(n=n))
        assert (imported.changed, imported.notified) == (1, 0)
        assert await deliver(engine) == []
    event = await _the_event(engine)
    assert str(n) in event.description + event.url


async def test_words_that_changed_in_silence_leave_with_the_next_move(engine: Engine) -> None:
    event = await _with_guests(engine)
    await _import(engine, "DESCRIPTION:Gates open at five")
    assert (await _import(engine, "DESCRIPTION:Gates open at five", "LOCATION:Hall 3")).notified == 2
    assert [m.kind for m in await deliver(engine)] == [Kind.UPDATE, Kind.UPDATE]
    assert (await _the_event(engine)).description == "Gates open at five"
    assert (await attendee(engine, event, "ann@example.com")).partstat is Partstat.ACCEPTED


async def test_an_answer_to_the_words_before_still_counts(engine: Engine) -> None:
    event = await _with_guests(engine)
    ben = await attendee(engine, event, "ben@example.com")
    await _import(engine, "DESCRIPTION:Last updated: 1:15 PM")
    await answer(engine, ben, Partstat.DECLINED, sequence=0)
    assert (await attendee(engine, event, "ben@example.com")).partstat is Partstat.DECLINED


async def test_words_are_told_where_that_is_asked_for(engine: Engine) -> None:
    await _with_guests(engine)
    assert (await _import(engine, "DESCRIPTION:Gates open at five", audience=Audience.ALL)).notified == 2


async def test_an_instance_that_is_worded_otherwise_mails_nobody_and_one_that_moves_does(
    engine: Engine,
) -> None:
    def instance(minute: str, words: str) -> str:
        lines = (
            *("END:VEVENT", "BEGIN:VEVENT", "UID:g@example.com", "SUMMARY:Game", f"DESCRIPTION:{words}"),
            *("RECURRENCE-ID;TZID=America/New_York:20270408T190000", "DURATION:PT2H"),
            f"DTSTART;TZID=America/New_York:20270408T20{minute}00",
        )
        return "\r\n".join(lines)

    await _with_guests(engine, "RRULE:FREQ=WEEKLY;COUNT=3", instance("00", "1:15 PM"))
    assert (await _import(engine, "RRULE:FREQ=WEEKLY;COUNT=3", instance("00", "2:15 PM"))).notified == 0
    assert (await _import(engine, "RRULE:FREQ=WEEKLY;COUNT=3", instance("30", "2:15 PM"))).notified == 2


async def test_a_calendar_that_names_its_zone_later_on_mails_nobody_and_makes_no_answer_old(
    engine: Engine,
) -> None:
    event = f"BEGIN:VEVENT\r\nUID:g\r\n{PLAIN}\r\nSUMMARY:Meetup\r\nEND:VEVENT"

    async def imported(*head: str) -> Imported:
        return await feeds.import_file(
            engine, engine.local, calendar([*head, event]), "s.ics", ImportOptions()
        )

    await imported()
    before = await _the_event(engine)
    await invite(engine, before, "ann@example.com")
    await deliver(engine)
    assert (await imported("X-WR-TIMEZONE:America/New_York")).notified == 0
    assert (await _the_event(engine)).span.timezone == "America/New_York"
    ann = await attendee(engine, before, "ann@example.com")
    await answer(engine, ann, Partstat.ACCEPTED, sequence=0)
    assert (await attendee(engine, before, "ann@example.com")).partstat is Partstat.ACCEPTED
