"""`cis-mcp import` as a process: tables and calendars, repeated, killed, and refused."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from engine.model.queries import EventQuery
from tests.cli.processes import run, started
from tests.support.calendars import calendar, game, season
from tests.support.engines import engine_in
from tests.support.waiting import DEADLINE_S, eventually

TABLE = """\
Action,Key,Subject,Date,Start,Stop,Time Zone
CREATE,game-1,Game 1,2096-05-02,7 PM,9:30 PM,America/New_York
CREATE,game-2,Game 2,2096-05-09,7 PM,,America/New_York
UPDATE,game-1,Game one,,,,
"""
GAMES = 1_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def _calendar(folder: Path, content: bytes) -> str:
    file = folder / "season.ics"
    file.write_bytes(
        content.replace(b"DTSTART;TZID=America/New_York:2027", b"DTSTART;TZID=America/New_York:2096").replace(
            b"DTEND;TZID=America/New_York:2027", b"DTEND;TZID=America/New_York:2096"
        )
    )
    return str(file)


async def test_a_table_is_carried_out_row_by_row(tmp_path: Path, data: Path) -> None:
    file = tmp_path / "season.csv"
    file.write_text(TABLE, encoding="utf-8")
    code, out, err = await run(data, "import", str(file), "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(row["row"], row["outcome"], row["code"]) for row in rows] == [
        ("1", "created", ""),
        ("2", "failed", "invalid_time"),
        ("3", "updated", ""),
    ]
    assert "Rows: 3; created 1, updated 1, failed 1" in err
    code, out, _ = await run(data, "import", str(file), "--organizer", "ann@example.com", "--dry-run")
    assert code == 1
    assert "created" in out.splitlines()[0]
    async with engine_in(data) as engine:
        (event,) = (await engine.store.search(EventQuery())).events
    assert (event.summary, event.organizer) == ("Game one", "agent@cis.test")


async def test_a_calendar_is_imported_again_and_again(tmp_path: Path, data: Path) -> None:
    file = _calendar(tmp_path, season(range(5)))
    code, out, _ = await run(data, "import", file, "--json")
    assert (code, json.loads(out)["new"]) == (0, 5)
    _calendar(tmp_path, season(range(1, 5), moved=[3]))
    code, out, _ = await run(data, "import", file)
    assert code == 0
    assert "season.ics for agent@cis.test: new 0, changed 1, gone 1, cancelled 1, unchanged 3" in out
    _calendar(tmp_path, season([]))
    code, _, err = await run(data, "import", file)
    assert code == 2
    assert err.startswith("calendar_shrunk: 4 of the 4 future events")
    code, out, _ = await run(data, "import", file, "--gone", "keep")
    assert code == 0
    assert "4 events that the calendar no longer has were left as they are." in out


async def test_a_bad_event_is_said_and_cannot_steer_the_terminal(tmp_path: Path, data: Path) -> None:
    bad = game("bad\x1b[31m@example.com", zone="Nowhere\x1b]0;title\x07/At All")
    code, out, _ = await run(data, "import", _calendar(tmp_path, calendar([bad, game("good@example.com")])))
    assert code == 1
    assert "unknown_timezone" in out
    assert "\x1b" not in out


async def test_standard_input_is_read_for_a_dash(data: Path) -> None:
    process = await started(data, "import", "-", "--dry-run")
    async with asyncio.timeout(DEADLINE_S):
        out, _ = await process.communicate(TABLE.encode())
    assert process.returncode == 1
    assert out.decode().splitlines()[0].split()[:3] == ["1", "create", "created"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.csv"], "path_not_readable"),
        (["https://127.0.0.1:1/season.ics"], "url_not_allowed"),
        (["https://169.254.169.254/latest/meta-data/"], "url_not_allowed"),
        (["season.ics", "--every", "1h"], "--every needs a URL"),
        (["https://example.com/", "--every", "999999999999d"], "--every"),
        (["season.ics", "--organizer", "nobody"], "invalid_address"),
    ],
)
async def test_what_cannot_be_imported_is_refused_with_exit_2(
    data: Path, arguments: list[str], said: str
) -> None:
    await run(data, "vendor", "set", "own")
    _calendar(data, season(range(1)))
    code, _, err = await run(data, "import", *arguments)
    assert code == 2
    assert said in err


async def test_an_import_that_is_killed_goes_on_when_repeated(tmp_path: Path, data: Path) -> None:
    file = _calendar(tmp_path, season(range(GAMES)))
    process = await started(data, "import", file)
    database = data / "cis.sqlite3-wal"
    await eventually(lambda: database.exists() and database.stat().st_size > 300_000)
    process.kill()
    await process.communicate()
    code, out, _ = await run(data, "import", file, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["new"] + told["unchanged"] == GAMES
    code, out, _ = await run(data, "import", file, "--json")
    assert json.loads(out)["unchanged"] == GAMES
    code, out, _ = await run(data, "check")
    assert (code, out.strip()) == (0, "Everything adds up.")


async def test_a_calendar_that_is_imported_every_hour_survives_a_bad_answer(data: Path) -> None:
    process = await started(data, "import", "https://127.0.0.1:1/season.ics", "--every", "1h")
    assert process.stderr is not None
    async with asyncio.timeout(DEADLINE_S):
        while not (await process.stderr.readline()).startswith(b"url_not_allowed"):
            assert not process.stderr.at_eof()
        assert process.returncode is None
        process.terminate()
        await process.communicate()
