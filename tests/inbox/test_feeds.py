"""A whole calendar imported again and again: new, changed, gone, and never twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import Engine
from engine.imports import feeds
from engine.imports.imported import Imported, ImportOptions
from engine.itip import feed as itip_feed
from engine.model.actors import Actor
from engine.model.events import Event, EventStatus
from engine.model.messages import Audience, Kind
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.bounds.making import made
from tests.support.calendars import FIRST, calendar, game, season
from tests.support.clock import Clock
from tests.support.engines import ORGANIZER, answer, attendee, deliver, do, engine_in, invite
from tests.support.web import Web, serving_web


async def _import(engine: Engine, data: bytes, actor: Actor | None = None, **options: object) -> Imported:
    given = ImportOptions(**options)
    return await feeds.import_file(engine, actor or engine.local, data, "season.ics", given)


async def _refused(engine: Engine, data: bytes, actor: Actor | None = None, **options: object) -> Code:
    with pytest.raises(Refused) as raised:
        await _import(engine, data, actor, **options)
    assert raised.value.message
    return raised.value.code


async def _events(engine: Engine) -> dict[str, Event]:
    """The events by their title."""
    page = await engine.store.search(EventQuery(limit=100))
    return {event.summary: event for event in page.events}


def _counts(imported: Imported) -> dict[str, int]:
    return {name: n for name, n in imported.model_dump().items() if isinstance(n, int) and n}


async def test_each_event_of_a_calendar_is_made_once(engine: Engine) -> None:
    assert _counts(await _import(engine, season(range(3)))) == {"new": 3}
    again = await _import(engine, season(range(3), stamp="20270202T120000Z"))
    assert _counts(again) == {"unchanged": 3}
    events = await _events(engine)
    assert sorted(events) == ["Game 0", "Game 1", "Game 2"]
    assert events["Game 0"].location == "Example Arena, Example City"
    assert events["Game 0"].span.timezone == "America/New_York"
    assert events["Game 0"].sequence == 0


async def test_a_change_reaches_those_who_come(engine: Engine) -> None:
    await _import(engine, season(range(3)))
    event = (await _events(engine))["Game 1"]
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
    imported = await _import(engine, season(range(4), moved=[1]))
    assert _counts(imported) == {"new": 1, "changed": 1, "unchanged": 2, "notified": 1}
    (update,) = await deliver(engine)
    assert (update.kind, update.email, update.sequence) == (Kind.UPDATE, "ann@example.com", 1)


async def test_what_is_gone_is_cancelled_once(engine: Engine) -> None:
    await _import(engine, season(range(10)))
    event = (await _events(engine))["Game 4"]
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    without = season(n for n in range(10) if n != 4)
    imported = await _import(engine, without)
    assert _counts(imported) == {"gone": 1, "cancelled": 1, "unchanged": 9, "notified": 1}
    (cancellation,) = await deliver(engine)
    assert cancellation.kind is Kind.CANCELLATION
    assert _counts(await _import(engine, without + b"\r\n")) == {"unchanged": 9}


async def test_gone_events_are_left_where_that_is_wished(engine: Engine) -> None:
    await _import(engine, season(range(10)))
    for _ in range(2):
        imported = await _import(engine, season(range(2)), gone="keep")
        assert _counts(imported) == {"gone": 8, "kept": 8, "unchanged": 2}
    assert all(event.status is EventStatus.CONFIRMED for event in (await _events(engine)).values())


@pytest.mark.parametrize("left", [[], [0], list(range(7)), [100]])
async def test_a_much_smaller_calendar_cancels_nothing(engine: Engine, left: list[int]) -> None:
    await _import(engine, season(range(20)))
    assert await _refused(engine, season(left)) is Code.CALENDAR_SHRUNK
    events = await _events(engine)
    assert len(events) == 20
    assert all(event.status is EventStatus.CONFIRMED for event in events.values())


async def test_a_smaller_calendar_that_is_meant_is_forced(engine: Engine) -> None:
    await _import(engine, season(range(20)))
    assert _counts(await _import(engine, calendar([]), force=True)) == {"gone": 20, "cancelled": 20}


async def test_events_that_are_over_count_neither_as_gone_nor_as_new(engine: Engine, clock: Clock) -> None:
    await _import(engine, season(range(10)))
    clock.move(days=31, hours=26)  # the first four games have ended
    imported = await _import(engine, season(range(5, 10), moved=[5]))
    assert _counts(imported) == {"changed": 1, "gone": 1, "cancelled": 1, "unchanged": 4}
    late = game("late@example.com", start=FIRST - timedelta(days=300))
    assert _counts(await _import(engine, calendar([late]), name="other")) == {"past": 1}


async def _standing(engine: Engine) -> dict[str, Event]:
    page = await engine.store.search(EventQuery(limit=100, status=EventStatus.CONFIRMED))
    return {event.summary: event for event in page.events}


async def test_an_event_that_the_calendar_calls_cancelled_is_cancelled(engine: Engine) -> None:
    games = [game(f"{n}@example.com", summary=f"Game {n}") for n in range(3)]
    await _import(engine, calendar(games))
    games[1] = game("1@example.com", "STATUS:CANCELLED", summary="Game 1")
    games.append(game("never@example.com", "STATUS:CANCELLED", summary="Never"))
    assert _counts(await _import(engine, calendar(games))) == {"cancelled": 1, "unchanged": 3}
    assert sorted(await _standing(engine)) == ["Game 0", "Game 2"]
    assert "Never" not in await _events(engine)


async def test_two_calendars_may_hold_the_same_event(engine: Engine) -> None:
    games = [game(f"{n}@example.com", summary=f"Game {n}") for n in range(4)]
    await _import(engine, calendar(games), name="home")
    assert _counts(await _import(engine, calendar(games), name="league")) == {"unchanged": 4}
    imported = await _import(engine, calendar(games[1:]), name="home")
    assert _counts(imported) == {"gone": 1, "unchanged": 4}
    assert len(await _standing(engine)) == 4
    imported = await _import(engine, calendar(games[1:]), name="league")
    assert _counts(imported) == {"gone": 1, "cancelled": 1, "unchanged": 3}


async def test_what_was_changed_here_stays_until_the_calendar_changes_it(engine: Engine) -> None:
    await _import(engine, season(range(2)))
    event = (await _events(engine))["Game 0"]
    await do(engine, UpdateEvent(uid=event.uid, summary="Opening night"))
    assert _counts(await _import(engine, season(range(2), stamp="20270203T120000Z"))) == {"unchanged": 2}
    assert "Opening night" in await _events(engine)
    await _import(engine, season(range(2), moved=[0]))
    assert "Opening night" not in await _events(engine)


async def test_what_was_cancelled_here_stays_cancelled(engine: Engine) -> None:
    await _import(engine, season(range(2)))
    event = (await _events(engine))["Game 0"]
    await do(engine, CancelEvent(uid=event.uid))
    assert _counts(await _import(engine, season(range(2), stamp="20270203T120000Z"))) == {"unchanged": 2}
    assert list(await _standing(engine)) == ["Game 1"]


async def test_a_bad_event_costs_only_itself(engine: Engine) -> None:
    games = [
        game("good@example.com"),
        game("zone@example.com", zone="Nowhere/At All"),
        game("end@example.com", "RRULE:FREQ=SOMETIMES"),
        game("long@example.com", "DESCRIPTION:" + "x" * 30_000),
        "BEGIN:VEVENT\r\nDTSTART:20270501T100000Z\r\nSUMMARY:No UID\r\nEND:VEVENT",
    ]
    imported = await _import(engine, calendar(games))
    assert _counts(imported) == {"new": 3, "failed": 2}
    assert {p.name for p in imported.problems} == {"zone@example.com", "end@example.com"}
    assert ["long@example.com" in each for each in imported.left_out] == [True, False]
    assert all(p.code and p.detail for p in imported.problems)


async def test_an_event_that_cannot_be_read_any_more_is_not_gone(engine: Engine) -> None:
    games = [game(f"{n}@example.com", summary=f"Game {n}") for n in range(3)]
    await _import(engine, calendar(games))
    games[0] = game("0@example.com", zone="Nowhere/At All")
    for _ in range(2):
        assert _counts(await _import(engine, calendar(games))) == {"unchanged": 2, "failed": 1}
    assert len(await _standing(engine)) == 3


async def test_a_series_keeps_its_changed_and_cancelled_instances(engine: Engine) -> None:
    weekly = game("weekly@example.com", "RRULE:FREQ=WEEKLY;COUNT=5", summary="Training")
    moved = game(
        "weekly@example.com",
        "RECURRENCE-ID;TZID=America/New_York:20270408T190000",
        summary="Training, late",
        start=FIRST + timedelta(days=7, hours=2),
    )
    off = game(
        "weekly@example.com", "RECURRENCE-ID;TZID=America/New_York:20270415T190000", "STATUS:CANCELLED"
    )
    imported = await _import(engine, calendar([moved, weekly, off]))
    assert _counts(imported) == {"new": 1}
    event = (await _events(engine))["Training"]
    assert [o.summary for o in event.overrides] == ["Training, late"]
    assert len(event.exdates) == 1
    assert _counts(await _import(engine, calendar([weekly, moved, off]))) == {"unchanged": 1}


async def test_all_day_events_and_times_without_a_zone_are_understood(engine: Engine) -> None:
    day = "BEGIN:VEVENT\r\nUID:day\r\nDTSTART;VALUE=DATE:20270501\r\nSUMMARY:Cup day\r\nEND:VEVENT"
    floating = (
        "BEGIN:VEVENT\r\nUID:f\r\nDTSTART:20270501T190000\r\nDURATION:PT1H\r\nSUMMARY:Local\r\nEND:VEVENT"
    )
    assert _counts(await _import(engine, calendar([day, floating]))) == {"new": 1, "failed": 1}
    await _import(engine, calendar([day, floating]), timezone="Europe/Paris")
    events = await _events(engine)
    assert events["Cup day"].span.all_day
    assert events["Local"].span.timezone == "Europe/Paris"
    assert await _refused(engine, calendar([day]), timezone="Middle/Earth") is Code.UNKNOWN_TIMEZONE


async def test_a_dry_run_changes_nothing(engine: Engine) -> None:
    await _import(engine, season(range(10)))
    imported = await _import(engine, season(range(1, 12), moved=[5]), dry_run=True)
    assert _counts(imported) == {
        "new": 2, "changed": 1, "gone": 1, "cancelled": 1, "unchanged": 8, "dry_run": True,
    }  # fmt: skip
    assert len(await _standing(engine)) == 10
    assert _counts(await _import(engine, season(range(10)), dry_run=True)) == {
        "unchanged": 10,
        "dry_run": True,
    }


async def test_an_import_that_runs_out_of_time_goes_on_when_repeated(engine: Engine) -> None:
    imported = await _import(engine, season(range(60)), seconds=0)
    assert _counts(imported) == {"left": 60}
    done = 0
    while (imported := await _import(engine, season(range(60)), seconds=0.001)).left:
        done += imported.new
    assert done + imported.new == 60


async def test_whose_events_they_are_decides_who_may_import(engine: Engine) -> None:
    ann = Actor(kind="agent", address="ann@example.com", scopes=frozenset({"events"}))
    assert (await _import(engine, season(range(1)), ann)).organizer == "ann@example.com"
    assert await _refused(engine, season(range(1)), ann, organizer="bob@example.com") is Code.NOT_ALLOWED
    reader = ann.model_copy(update={"scopes": frozenset({"read"})})
    assert await _refused(engine, season(range(1)), reader) is Code.NOT_ALLOWED
    bob = await _import(engine, season(range(1)), organizer="Bob@example.com")
    assert (bob.organizer, bob.new) == ("bob@example.com", 1)
    await do(engine, SuspendOrganizer(address="ann@example.com", suspended=True))
    assert await _refused(engine, season(range(2)), ann) is Code.ORGANIZER_SUSPENDED


async def test_nobody_is_told_where_that_is_wished(engine: Engine) -> None:
    await _import(engine, season(range(2)))
    await invite(engine, (await _events(engine))["Game 0"], "ann@example.com")
    await deliver(engine)
    imported = await _import(engine, season(range(2), moved=[0]), audience=Audience.NONE)
    assert _counts(imported) == {"changed": 1, "unchanged": 1}
    assert await deliver(engine) == []


@pytest.mark.parametrize("data", [b"", b"<html>"])
async def test_what_is_no_calendar_is_refused(engine: Engine, data: bytes) -> None:
    assert await _refused(engine, data) is Code.INVALID_CALENDAR


async def test_what_is_too_large_is_refused_and_the_same_process_reads_on(engine: Engine) -> None:
    for data in (
        b"BEGIN:VCALENDAR\r\n" * 60_000,
        b"X" * (itip_feed.MAX_BYTES + 1),
        b"\n" * 2_000_000,
        calendar(["BEGIN:VEVENT\r\nEND:VEVENT"] * (itip_feed.MAX_EVENTS + 1)),
    ):
        assert await _refused(engine, data) is Code.TOO_LARGE
    assert len(engine.limited.pids) == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.text(max_size=40), max_size=6))
def test_any_lines_in_an_event_are_read_or_refused(lines: list[str]) -> None:
    try:
        itip_feed.read_calendar(calendar([game("uid", *lines)]))
    except Refused as refused:
        assert refused.hint


# from the web


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[Web]:
    (tmp_path / "web").mkdir()
    async with serving_web(tmp_path / "web") as served:
        yield served


async def _fetch(engine: Engine, web: Web, path: str = "/season.ics", **options: object) -> Imported:
    given = ImportOptions(**options)
    return await feeds.import_url(engine, engine.local, web.url(path), given, way=web.way())


async def test_a_calendar_that_its_server_calls_unchanged_costs_nothing(engine: Engine, web: Web) -> None:
    stamped = ('ETag: "v1"', "Last-Modified: Mon, 01 Mar 2027 08:00:00 GMT")
    web.says("/season.ics", season(range(3)), *stamped)
    imported = await _fetch(engine, web)
    assert (imported.new, imported.calendar) == (3, f"localhost:{web.port}")
    assert "if-none-match" not in web.asked[0].lower()
    web.says("/season.ics", b"", status="304 Not Modified")
    assert _counts(await _fetch(engine, web)) == {"unchanged": 3}
    assert 'if-none-match: "v1"' in web.asked[1].lower()
    assert "if-modified-since: mon, 01 mar 2027" in web.asked[1].lower()


async def test_a_calendar_is_asked_for_again_in_another_zone(engine: Engine, web: Web) -> None:
    floating = season(range(3)).replace(b";TZID=America/New_York", b"")
    web.says("/season.ics", floating, 'ETag: "v1"')
    await _fetch(engine, web, timezone="Europe/London")
    assert _counts(await _fetch(engine, web, timezone="Europe/Paris")) == {"changed": 3}
    assert "if-none-match" not in web.asked[1].lower()
    await _fetch(engine, web, timezone="Europe/Paris")
    assert 'if-none-match: "v1"' in web.asked[2].lower()


async def test_a_calendar_that_is_the_same_at_another_address_is_not_sent_again_there(
    engine: Engine, web: Web
) -> None:
    for path in ("/old.ics", "/new.ics"):
        web.says(path, season(range(3)), 'ETag: "v1"')
    for path in ("/old.ics", "/new.ics", "/new.ics"):
        await _fetch(engine, web, path, name="Season")
    assert ["if-none-match" in asked.lower() for asked in web.asked] == [False, False, True]


async def test_a_calendar_that_was_not_taken_in_whole_is_asked_for_again(engine: Engine, web: Web) -> None:
    data = calendar([game("good@example.com"), game("bad@example.com", zone="Nowhere/At All")])
    web.says("/season.ics", data, 'ETag: "v1"')
    for _ in range(2):
        assert (await _fetch(engine, web)).failed == 1
    assert "if-none-match" not in web.asked[1].lower()


async def test_a_named_calendar_may_move_to_another_address(engine: Engine, web: Web) -> None:
    web.says("/old.ics", season(range(3)), 'ETag: "v1"')
    web.says("/new.ics", season(range(4)), 'ETag: "v1"')
    await _fetch(engine, web, "/old.ics", name="Season")
    assert _counts(await _fetch(engine, web, "/new.ics", name="Season")) == {"new": 1, "unchanged": 3}
    assert "if-none-match" not in web.asked[1].lower()


async def test_a_key_has_no_calendar_fetched_from_where_it_may_not_link(engine: Engine, web: Web) -> None:
    key = await made(engine, links=["127.0.0.1"])
    way = web.way()
    away = web.url("/season.ics?guests=ann@example.com", "evil.example")
    web.says("/moved", b"", f"Location: {away}", status="302 Found")
    for url, asked in ((away, 0), (web.url("/moved", "127.0.0.1"), 1)):
        with pytest.raises(Refused) as refused:
            await feeds.import_url(engine, key.actor, url, ImportOptions(), way=way)
        assert (refused.value.code, refused.value.bound) == (Code.OUT_OF_BOUNDS, "links")
        assert (len(web.asked), web.resolved) == (asked, ["127.0.0.1"] * asked)
    web.says("/season.ics", season(range(1)))
    url = web.url("/season.ics", "127.0.0.1")
    assert (await feeds.import_url(engine, key.actor, url, ImportOptions(), way=way)).new == 1


async def test_the_address_of_a_calendar_is_not_kept(tmp_path: Path, clock: Clock, web: Web) -> None:
    folder = tmp_path / "data"
    async with engine_in(folder, clock) as engine:
        web.says("/very-secret-path.ics", season(range(1)))
        await _fetch(engine, web, "/very-secret-path.ics")
        assert engine.local.address == ORGANIZER
    assert all(b"very-secret-path" not in file.read_bytes() for file in folder.iterdir() if file.is_file())
