"""A date that a calendar mails in UTC is one of its series, and is changed and shown in the zone of that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.instances import ChangeInstance, UpdateInstance
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import ImportOptions
from engine.itip import recurrence
from engine.model.events import Event, Override
from engine.model.queries import EventQuery
from engine.model.times import Span
from engine.outbox.render import Renderer
from tests.support import mails
from tests.support.engines import claim, created, deliver, do, invite, jobs_done
from tests.support.inboxes import Post
from tests.support.mails import vevent

NEW_YORK = ZoneInfo("America/New_York")
FIRST = datetime(2027, 5, 3, 19, 0, tzinfo=NEW_YORK)
SECOND = FIRST + timedelta(weeks=1)
HOUR = timedelta(hours=1)


async def _the_event(engine: Engine) -> Event:
    (event,) = (await engine.store.search(EventQuery(limit=10))).events
    return event


async def _series(post: Post) -> Event:
    """A weekly series in New York, made by mail, to which Ann is invited."""
    await post(mails.request(vevent(start=FIRST, end=FIRST + HOUR, rrule={"freq": "weekly", "count": 5})))
    event = await _the_event(post.engine)
    await invite(post.engine, event, "ann@example.com")
    await deliver(post.engine)
    return event


async def _mailed(post: Post, start: datetime, **values: object) -> Event:
    """The series after a mail about its second date, which writes all times in UTC."""
    start, second = start.astimezone(UTC), SECOND.astimezone(UTC)
    one = vevent(start=start, end=start + HOUR, recurrence_id=second, sequence=1, **values)  # type: ignore[arg-type]
    assert (await post(mails.request(one))).action == "updated"
    return await _the_event(post.engine)


async def _words_to_ann(engine: Engine) -> str:
    await jobs_done(engine)
    (claimed,) = [one for one in await claim(engine) if one.message.email == "ann@example.com"]
    envelope = await Renderer(engine.settings, engine.store).render(claimed, engine.clock())
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def test_a_date_that_was_mailed_in_utc_is_moved_on_the_clock_of_its_series(post: Post) -> None:
    event = await _series(post)
    event = await _mailed(post, SECOND + HOUR)
    assert event.overrides[0].span == Span(
        start=SECOND + HOUR, end=SECOND + 2 * HOUR, timezone="America/New_York"
    )
    when = Timing(start="2027-05-10T18:00:00")
    done = await do(post.engine, UpdateInstance(uid=event.uid, recurrence_id=SECOND, when=when))
    assert done.event.overrides[0].span.start == SECOND - HOUR


async def test_the_mail_about_a_date_that_came_in_utc_says_its_time_as_the_series_does(post: Post) -> None:
    await _series(post)
    await _mailed(post, SECOND + HOUR)
    words = await _words_to_ann(post.engine)
    zone = "(America/New_York, UTC-04:00)"
    assert f"19:00 – 20:00 {zone} → Monday, 10 May 2027, 20:00 – 21:00 {zone}" in words
    assert "(UTC)" not in words


async def test_a_new_title_of_a_date_that_came_in_utc_claims_no_new_time(post: Post) -> None:
    await _series(post)
    await _mailed(post, SECOND, summary="Guest night")
    words = await _words_to_ann(post.engine)
    assert "Season opener → Guest night" in words
    assert "Monday, 10 May 2027, 19:00 – 20:00" in words
    assert words.count("→") == 1


@pytest.mark.parametrize("beside", [False, True])
async def test_dates_of_an_imported_series_are_in_its_zone(engine: Engine, beside: bool) -> None:
    start, second = (SECOND + HOUR).astimezone(UTC), SECOND.astimezone(UTC)
    series = vevent(start=FIRST, end=FIRST + HOUR, rrule={"freq": "weekly", "count": 5})
    one = vevent(start=start, end=start + HOUR, recurrence_id=second)
    for parts in ((series, one),) if beside else ((series,), (series, one)):
        elsewhere = vevent("other", start=FIRST.replace(tzinfo=ZoneInfo("Europe/Paris")), end=None)
        data = mails.calendar("PUBLISH", *parts, elsewhere)
        await feeds.import_file(engine, engine.local, data, "season.ics", ImportOptions())
    found = (await engine.store.search(EventQuery(limit=10))).events
    (override,) = [one for event in found for one in event.overrides]
    assert (override.span.start, override.span.timezone) == (SECOND + HOUR, "America/New_York")


async def _kept_in_utc(engine: Engine) -> tuple[Event, Override]:
    """A series, to which Ann is invited, with a date in UTC, as it was kept once, and that date."""
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=5")
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    first = event.span.start_utc
    in_utc = Span(start=first + HOUR, end=first + 2 * HOUR, timezone="UTC")
    one = Override(recurrence_id=first, span=in_utc, summary="Late")
    async with engine.store.unit() as unit:
        await unit.save_event(event.model_copy(update={"overrides": (one,)}))
    return event, one


async def test_a_date_that_is_kept_in_utc_since_before_is_read_in_the_zone_of_its_series(
    engine: Engine,
) -> None:
    event, one = await _kept_in_utc(engine)
    in_zone = one.span.model_copy(update={"timezone": "America/New_York"})
    read = await engine.event(event.uid, engine.local)
    assert recurrence.instance(read, one.recurrence_id).span == in_zone
    later = event.span.start_utc + timedelta(days=3)
    assert recurrence.instances(read, event.span.start_utc, later, 5) == [in_zone]


async def test_a_date_that_is_kept_in_utc_and_comes_again_as_it_is_tells_nobody(engine: Engine) -> None:
    event, one = await _kept_in_utc(engine)
    again = (
        ChangeInstance(uid=event.uid, override=one),
        UpdateInstance(uid=event.uid, recurrence_id=one.recurrence_id, summary=one.summary),
        UpdateEvent(uid=event.uid, overrides=(one,)),
    )
    for command in again:
        done = await do(engine, command)
        assert (done.changed, done.event.sequence) == ((), event.sequence), command
    await jobs_done(engine)
    assert await claim(engine) == []
