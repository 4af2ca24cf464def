"""A calendar that did not come whole says nothing of what it lacks, and what comes back is what it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands.events.events import CancelEvent
from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import Imported, ImportOptions, in_words
from engine.model.events import Event, EventStatus
from engine.model.messages import Kind
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.support.calendars import calendar, game, season
from tests.support.engines import answer, attendee, deliver, do, invite, jobs_done
from tests.support.web import serving_web

END = b"END:VCALENDAR\r\n"


async def _import(engine: Engine, data: bytes, **options: object) -> Imported:
    return await feeds.import_file(engine, engine.local, data, "season.ics", ImportOptions(**options))


async def _standing(engine: Engine) -> dict[str, Event]:
    page = await engine.store.search(EventQuery(limit=100, status=EventStatus.CONFIRMED))
    return {event.summary: event for event in page.events}


def _cut(data: bytes, at: bytes) -> bytes:
    """`data` up to where `at` stands in it for the last time."""
    assert at in data
    return data[: data.rindex(at)]


@pytest.mark.parametrize("at", [END, b"VCALENDAR", b"END:VEVENT", b"T", b"SUMMARY", b"BEGIN:VEVENT"])
@pytest.mark.parametrize("options", [{}, {"force": True}])
async def test_a_calendar_that_is_cut_off_cancels_nothing(
    engine: Engine, at: bytes, options: dict[str, bool]
) -> None:
    await _import(engine, season(range(10)))
    imported = await _import(engine, _cut(season(range(8)), at), **options)
    assert (imported.cut_off, imported.cancelled, imported.kept) == (True, 0, imported.gone)
    assert len(await _standing(engine)) == 10
    assert any("cut off" in line for line in in_words(imported))


async def test_an_event_that_is_cut_off_is_not_taken_for_less_than_it_is(engine: Engine) -> None:
    whole = season(range(3))
    await _import(engine, whole)
    before = (await _standing(engine))["Game 2"]
    imported = await _import(engine, _cut(whole, b"DESCRIPTION"))
    assert [(p.name, p.code) for p in imported.problems] == [("game-2@example.com", "invalid_calendar")]
    assert (await _standing(engine))["Game 2"] == before


async def test_events_without_their_end_are_read(engine: Engine) -> None:
    data = season(range(4)).replace(b"END:VEVENT\r\nBEGIN", b"BEGIN").removesuffix(END)
    imported = await _import(engine, data)
    assert (imported.new, imported.cut_off, imported.failed) == (4, True, 0)


async def test_a_cut_calendar_is_not_remembered_as_read(engine: Engine) -> None:
    whole = season(range(10))
    cut = _cut(season(range(5)), END)
    await _import(engine, whole)
    for _ in range(2):
        assert (await _import(engine, cut)).cut_off
    imported = await _import(engine, season(range(9)))
    assert (imported.cancelled, imported.unchanged) == (1, 9)


async def test_a_download_that_is_shorter_than_its_length_cancels_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "web").mkdir()
    async with serving_web(tmp_path / "web") as web:
        url = web.says("/s.ics", season(range(10)))
        await feeds.import_url(engine, engine.local, url, ImportOptions(), way=web.way())
        web.answers["/s.ics"] = web.answers["/s.ics"].removesuffix(END)
        with pytest.raises(Refused) as raised:
            await feeds.import_url(engine, engine.local, url, ImportOptions(), way=web.way())
    assert raised.value.code is Code.URL_NOT_READABLE
    assert len(await _standing(engine)) == 10


async def test_an_event_that_comes_back_is_the_same_entry_and_its_people_are_asked_again(
    engine: Engine,
) -> None:
    whole, without = season(range(10)), season(range(9))
    await _import(engine, whole)
    event = (await _standing(engine))["Game 9"]
    for name in ("ann", "ben", "cat"):
        await invite(engine, event, f"{name}@example.com")
    await deliver(engine)
    await answer(engine, await attendee(engine, event, "ben@example.com"), Partstat.DECLINED)
    await _import(engine, without)
    assert {m.kind for m in await deliver(engine)} == {Kind.CANCELLATION}
    imported = await _import(engine, whole)
    back = (await _standing(engine))["Game 9"]
    assert (back.uid, back.sequence) == (event.uid, 2)
    assert (imported.changed, imported.new, imported.notified) == (1, 0, 2)
    asked = await deliver(engine)
    assert {(m.email, m.method, m.sequence) for m in asked} == {
        ("ann@example.com", "REQUEST", 2),
        ("cat@example.com", "REQUEST", 2),
    }
    assert (await _import(engine, whole + b"\r\n")).unchanged == 10


async def test_a_cancellation_that_has_not_left_when_its_event_comes_back_does_not_leave(
    engine: Engine,
) -> None:
    whole = season(range(10))
    await _import(engine, whole)
    event = (await _standing(engine))["Game 9"]
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    await _import(engine, season(range(9)))
    await jobs_done(engine)
    await _import(engine, whole)
    assert [(m.kind, m.sequence) for m in await deliver(engine)] == [(Kind.UPDATE, 2)]


async def test_a_cancellation_whose_job_waits_when_its_event_comes_back_is_not_written(
    engine: Engine,
) -> None:
    whole = season(range(10))
    await _import(engine, whole)
    event = (await _standing(engine))["Game 9"]
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    await _import(engine, season(range(9)))
    await _import(engine, whole)
    assert [(m.kind, m.sequence) for m in await deliver(engine)] == [(Kind.UPDATE, 2)]


async def test_an_event_that_its_calendar_calls_cancelled_and_then_not_is_the_same(engine: Engine) -> None:
    stands, off = (game("1@example.com", *lines) for lines in ((), ("STATUS:CANCELLED",)))
    await _import(engine, calendar([stands]))
    event = (await _standing(engine))["Game"]
    assert (await _import(engine, calendar([off]))).cancelled == 1
    assert (await _import(engine, calendar([off, ""]))).unchanged == 1
    assert (await _import(engine, calendar([stands]))).changed == 1
    assert (await _standing(engine))["Game"].uid == event.uid


async def test_what_its_organizer_cancelled_does_not_come_back(engine: Engine) -> None:
    whole, without = season(range(10)), season(range(9))
    await _import(engine, whole)
    await do(engine, CancelEvent(uid=(await _standing(engine))["Game 9"].uid))
    await _import(engine, without)
    assert (await _import(engine, whole)).unchanged == 10
    assert "Game 9" not in await _standing(engine)


async def test_events_whose_uids_alone_are_new_are_the_same_events(engine: Engine) -> None:
    await _import(engine, season(range(10)))
    before = {event.uid for event in (await _standing(engine)).values()}
    for mark in (b"a", b"b"):
        imported = await _import(engine, season(range(10)).replace(b"UID:game", b"UID:" + mark))
        assert (imported.new, imported.gone, imported.unchanged, imported.notified) == (0, 0, 10, 0)
    assert {event.uid for event in (await _standing(engine)).values()} == before


async def test_of_events_whose_uids_change_those_that_moved_are_others(engine: Engine) -> None:
    await _import(engine, season(range(10)))
    imported = await _import(engine, season(range(10), moved=[3]).replace(b"UID:game", b"UID:other"))
    assert (imported.new, imported.gone, imported.cancelled, imported.unchanged) == (1, 1, 1, 9)
