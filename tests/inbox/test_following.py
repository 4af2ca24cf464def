"""Calendars that the operator names in a file are imported again by the clock."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.imports.following import EVERY_MOST, FILE, FollowedCalendar, Follower, read
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.support.calendars import season
from tests.support.clock import Clock
from tests.support.waiting import eventually
from tests.support.web import serving_web


def _named(engine: Engine, **calendars: object) -> None:
    (engine.settings.data_dir / FILE).write_text(json.dumps(calendars))


async def _titles(engine: Engine) -> list[str]:
    return sorted(event.summary for event in (await engine.store.search(EventQuery(limit=100))).events)


async def test_a_calendar_is_imported_again_when_its_time_has_come(
    engine: Engine, clock: Clock, tmp_path: Path
) -> None:
    async with serving_web(tmp_path) as web:
        follower = Follower(engine, web.way())
        assert await follower.step() == 0
        _named(engine, season={"url": web.says("/season.ics", season(range(2))), "every_hours": 6})
        assert await follower.step() == 1
        assert await _titles(engine) == ["Game 0", "Game 1"]
        web.says("/season.ics", season(range(3)))
        clock.move(hours=5)
        assert await follower.step() == 0
        clock.move(hours=1)
        assert await follower.step() == 1
        assert await _titles(engine) == ["Game 0", "Game 1", "Game 2"]
        follower.close()


async def test_a_calendar_is_read_no_sooner_than_it_asks(
    engine: Engine, clock: Clock, tmp_path: Path
) -> None:
    asks = b"REFRESH-INTERVAL;VALUE=DURATION:PT12H\r\nBEGIN:VEVENT"
    slow = season(range(1)).replace(b"BEGIN:VEVENT", asks, 1)
    async with serving_web(tmp_path) as web:
        follower = Follower(engine, web.way())
        _named(engine, season={"url": web.says("/slow.ics", slow), "every_hours": 1})
        assert await follower.step() == 1
        clock.move(hours=11)
        assert await follower.step() == 0
        clock.move(hours=1)
        assert await follower.step() == 1
        follower.close()


async def test_a_calendar_that_cannot_be_fetched_is_asked_less_and_less_often(
    engine: Engine, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path) as web:
        follower = Follower(engine, web.way())
        good = web.says("/a.ics", season(range(1)))
        gone = good.replace("a.ics", "secret-path.ics")
        _named(engine, gone={"url": gone}, season={"url": good})
        assert await follower.step() == 2
        assert await _titles(engine) == ["Game 0"]
        assert "calendar gone was not imported: url_not_readable" in caplog.text
        assert "secret-path" not in caplog.text
        clock.move(hours=6)
        assert await follower.step() == 1
        clock.move(hours=6)
        assert await follower.step() == 2
        failing = FollowedCalendar(url=gone)
        assert follower.pause(failing) == timedelta(hours=24)
        clock.move(days=1)
        await follower.step()
        clock.move(days=2)
        await follower.step()
        assert follower.pause(failing) <= EVERY_MOST
        follower.close()


async def test_of_two_servers_on_one_folder_one_follows(engine: Engine, tmp_path: Path) -> None:
    async with serving_web(tmp_path) as web:
        _named(engine, season={"url": web.says("/season.ics", season(range(1)))})
        first, second = Follower(engine, web.way()), Follower(engine, web.way())
        assert (await first.step(), await second.step()) == (1, 0)
        first.close()
        assert await second.step() == 1
        second.close()


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"a": {"url": 1}}',
        '{"a": {"url": "https://a.example", "every_hours": 0}}',
        '{"a": {"uri": "x"}}',
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_and_nothing_imported(
    engine: Engine, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = engine.settings.data_dir / FILE
    path.write_text(text)
    with pytest.raises(Refused) as raised:
        read(path)
    assert raised.value.code is Code.INVALID_ARGUMENT
    follower = Follower(engine)
    assert await follower.step() == 0
    assert "calendars.json cannot be read" in caplog.text
    follower.close()


async def test_a_calendar_that_the_store_does_not_take_costs_no_other(
    engine: Engine, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving_web(tmp_path) as web:
        follower = Follower(engine, web.way())
        bad, good = web.says("/bad.ics", season([7])), web.says("/good.ics", season([0]))
        _named(engine, bad={"url": bad, "every_hours": 6}, good={"url": good, "every_hours": 6})
        with closing(sqlite3.connect(engine.settings.database, isolation_level=None)) as raw:
            raw.execute(
                "CREATE TRIGGER failing BEFORE INSERT ON event WHEN NEW.body LIKE '%Game 7%' "
                "BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )
            assert await follower.step() == 2
            raw.execute("DROP TRIGGER failing")
        assert await _titles(engine) == ["Game 0"]
        assert "calendar bad was not imported" in caplog.text
        clock.move(hours=6)
        assert await follower.step() == 1
        clock.move(hours=6)
        assert await follower.step() == 2
        assert await _titles(engine) == ["Game 0", "Game 7"]
        follower.close()


async def test_following_goes_on_after_a_look_that_failed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    _named(engine, season={"url": "https://cis.test/season.ics"})
    lock = engine.settings.data_dir / "calendars.lock"
    lock.mkdir()
    following = asyncio.create_task(Follower(engine).run())
    await eventually(lambda: "calendars cannot be looked at" in caplog.text)
    assert not following.done()
    following.cancel()
    lock.rmdir()
