"""A mail, or a calendar, with several events: each is made, or named with what keeps it."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import ImportOptions
from engine.model.events import EventStatus
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.engines import deliver
from tests.support.inboxes import Post


def vevent(uid: str, day: int, summary: str = "Karaoke") -> str:
    return (
        f"BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20261120T100000Z\r\nSUMMARY:{summary}\r\n"
        "ORGANIZER:mailto:olga@cis.test\r\nATTENDEE:mailto:create@cis.test\r\n"
        f"DTSTART:202707{day}T193000Z\r\nDTEND:202707{day}T233000Z\r\nEND:VEVENT\r\n"
    )


def calendar(*events: str, method: str = "REQUEST") -> bytes:
    head = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Test//EN\r\nMETHOD:{method}\r\n"
    return f"{head}{''.join(events)}END:VCALENDAR\r\n".encode()


def attached(*calendars: bytes) -> EmailMessage:
    mail = mails.mail("olga@cis.test", "create@cis.test", subject="Sessions", text="They are attached.")
    for number, content in enumerate(calendars):
        mail.add_attachment(content, maintype="application", subtype="ics", filename=f"s{number}.ics")
    return mail


async def starts(engine: Engine) -> list[int]:
    page = await engine.store.search(EventQuery(limit=100))
    return sorted(event.span.start_utc.day for event in page.events)


async def standing(engine: Engine) -> list[int]:
    page = await engine.store.search(EventQuery(limit=100, status=EventStatus.CONFIRMED))
    return sorted(event.span.start_utc.day for event in page.events)


async def test_evenings_with_one_uid_are_events_of_their_own_also_when_imported_again(engine: Engine) -> None:
    data = calendar(*(vevent("play", day) for day in (16, 17, 18, 19)), vevent("talk", 20), method="PUBLISH")
    for new in (5, 0):
        imported = await feeds.import_file(engine, engine.local, data, "season.ics", ImportOptions())
        assert (imported.new, imported.failed) == (new, 0)
    assert await starts(engine) == [16, 17, 18, 19, 20]


@pytest.mark.parametrize("evenings", [(16, 17, 18, 19), (18, 19)])
async def test_an_evening_that_cannot_be_read_any_more_is_not_gone(
    engine: Engine, evenings: tuple[int, ...]
) -> None:
    several = [vevent("play", day) for day in evenings]
    await feeds.import_file(engine, engine.local, calendar(*several), "season.ics", ImportOptions())
    several[-1] = several[-1].replace("DTEND:202707", "DTEND:202706")
    for _ in range(2):
        data = calendar(*several)
        imported = await feeds.import_file(engine, engine.local, data, "season.ics", ImportOptions())
        assert (imported.failed, imported.gone) == (1, 0)
    assert await standing(engine) == list(evenings)


async def test_dates_of_a_series_that_cannot_be_read_any_more_make_no_events(engine: Engine) -> None:
    rule = "RRULE:FREQ=WEEKLY;COUNT=3\r\nDTSTART"
    whole, date = vevent("show", 16).replace("DTSTART", rule), date_of("show", 23)
    for series in (whole, whole.replace("DTEND:202707", "DTEND:202706")):
        data = calendar(series, date)
        imported = await feeds.import_file(engine, engine.local, data, "season.ics", ImportOptions())
        assert imported.gone == 0
    assert imported.failed == 1
    assert await starts(engine) == [16]


async def test_each_attached_calendar_makes_its_event(post: Post) -> None:
    await post(attached(*(calendar(vevent(f"s{day}", day)) for day in (16, 17, 18))))
    assert await starts(post.engine) == [16, 17, 18]


async def test_evenings_with_one_uid_in_a_mail_are_events_of_their_own(post: Post) -> None:
    await post(attached(calendar(vevent("play", 16), vevent("play", 17))))
    assert await starts(post.engine) == [16, 17]


async def test_a_calendar_that_is_there_twice_is_one_event(post: Post) -> None:
    await post(attached(calendar(vevent("s16", 16)), calendar(vevent("s16", 16)) + b"\r\n"))
    assert await starts(post.engine) == [16]


async def test_what_cannot_be_read_beside_others_is_named_to_the_sender(post: Post) -> None:
    await post(attached(calendar(vevent("s16", 16)), calendar(vevent("s17", 17), method="REPLY")))
    (notice,) = [message.notice for message in await deliver(post.engine) if message.notice]
    assert "METHOD:REPLY was left out (s17)" in notice.text
    assert await starts(post.engine) == [16]


@pytest.mark.parametrize("cancel_first", [True, False])
async def test_one_mail_may_cancel_one_event_and_make_another(post: Post, cancel_first: bool) -> None:
    await post(attached(calendar(vevent("s16", 16))))
    await deliver(post.engine)
    both = [calendar(vevent("s16", 16), method="CANCEL"), calendar(vevent("s17", 17))]
    await post(attached(*(both if cancel_first else reversed(both))))
    assert await standing(post.engine) == [17]
    (notice,) = [message.notice for message in await deliver(post.engine) if message.notice]
    assert "2 events" in notice.text


def date_of(uid: str, day: int) -> str:
    """One date of a series that is not known here."""
    return vevent(uid, day).replace("DTSTART", f"RECURRENCE-ID:202707{day}T193000Z\r\nDTSTART")


async def test_a_cancelled_series_takes_its_single_dates_with_it_and_no_other(post: Post) -> None:
    for uid, day in (("show", 16), ("show", 17), ("shower", 18)):
        await post(attached(calendar(date_of(uid, day))))
    assert await starts(post.engine) == [16, 17, 18]
    await post(attached(calendar(vevent("show", 16), method="CANCEL")))
    assert await standing(post.engine) == [18]
