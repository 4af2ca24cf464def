"""Whole tables as files: made in the background with how far they are, found again, and downloaded once whole."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.console.routes import routes
from cis_mcp.pages import signin
from engine.engine import Engine
from tests.console.person import PUBLIC, SAME, Person, browser, operator, with_key
from tests.support.clock import Clock
from tests.support.engines import created, engine_in, invite
from tests.support.waiting import eventually, time_passes


async def _made(person: Person, button: str = "Make it as CSV", **fields: str) -> str:
    """Where the file of that form lies, once it is whole."""
    await person.go("/console/exports")
    assert "It is being made." in (await person.press(button, **fields)).text

    async def ready() -> bool:
        seen = await person.go("/console/exports")
        return 'data-live="moving"' not in seen.answer.text and any(_file(link) for link in seen.links)

    await eventually(ready)
    # Its hour begins when what writes it has ended, which is a moment after the file is whole.
    await eventually(lambda: not any("_write" in repr(task.get_coro()) for task in asyncio.all_tasks()))
    await asyncio.sleep(0)
    assert person.seen is not None
    return next(link for link in person.seen.links if _file(link))


def _file(link: str) -> bool:
    return link.startswith("/console/exports/")


async def test_a_table_becomes_a_file_with_its_rows_counted_and_is_found_again(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Gala")
    for name in ("ann", "bob"):
        await invite(engine, event, f"{name}@people.example")
    await person.go("/console/reports")
    assert person.seen is not None
    assert "/console/exports" in person.seen.links
    link = await _made(person, table="attendees")
    assert "attendees.csv masked" in person.seen.text
    assert " 2 ready," in person.seen.text
    answer = await person.web.get(link)
    assert answer.headers["content-disposition"] == 'attachment; filename="attendees.csv"'
    assert answer.headers["content-length"] == str(len(answer.content))
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert {row["address"] for row in rows} == {"a*******@people.example", "b*******@people.example"}
    await person.press("Throw away")
    assert (await person.go(link)).status == 404


async def test_addresses_in_a_file_are_a_row_in_the_record(engine: Engine, person: Person) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@people.example")
    link = await _made(person, table="attendees", addresses="yes")
    assert "ann@people.example" in (await person.web.get(link)).text
    assert any("NoteExport" in row.body for row in await engine.record(engine.local, 10))


async def test_a_key_that_may_not_report_makes_no_file_with_addresses(engine: Engine) -> None:
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com", scopes=frozenset({"read"}))
        assert "in full" not in (await ann.go("/console/exports")).text
        form = {"token": ann.token, "table": "attendees", "addresses": "yes"}
        assert (await web.post("/console/exports", data=form, headers=SAME)).status_code == 403
        assert "You have no file yet." in (await ann.go("/console/exports")).text


async def test_parquet_has_a_button(engine: Engine, person: Person) -> None:
    await created(engine)
    if importlib.util.find_spec("pyarrow") is None:
        await person.go("/console/exports")
        seen = await person.press("Make it as Parquet", table="events")
        assert seen.status == 406
        assert "pyarrow" in seen.text
        return
    link = await _made(person, "Make it as Parquet", table="events")
    assert (await person.web.get(link)).content[:4] == b"PAR1"


async def test_a_file_is_of_one_session_and_lasts_an_hour(engine: Engine, web: httpx.AsyncClient) -> None:
    person = await operator(engine, web)
    link = await _made(person, table="events")
    async with browser(engine) as elsewhere:
        other = await operator(engine, elsewhere)
        assert (await other.go(link)).status == 404
    time_passes(59 * 60)
    assert (await web.get(link)).status_code == 200
    time_passes(2 * 60)
    await eventually(lambda: _gone(web, link))


async def _gone(web: httpx.AsyncClient, link: str) -> bool:
    return (await web.get(link)).status_code == 404


async def test_a_file_that_nobody_looks_for_leaves_the_disk_after_its_hour(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    person = await operator(engine, web)
    before = _unnamed(engine)
    await _made(person, table="events")
    assert _unnamed(engine) == before + 1
    time_passes(61 * 60)
    await eventually(lambda: _unnamed(engine) == before)


def _unnamed(engine: Engine) -> int:
    """Open files of this process in the data folder to which no name leads."""
    folder = f"{engine.settings.data_dir}/.export-"
    return sum(
        str(one.resolve()).startswith(folder) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()
    )


async def test_a_file_that_takes_longer_than_an_hour_is_made_whole(
    engine: Engine, person: Person, clock: Clock
) -> None:
    await created(engine)
    goes_on = threading.Event()
    busy = ThreadPoolExecutor(1)
    busy.submit(goes_on.wait)
    asyncio.get_running_loop().set_default_executor(busy)
    try:
        await person.go("/console/exports")
        await person.press("Make it as CSV", table="events")
        clock.move(minutes=70)
        time_passes(70 * 60)
        seen = await person.go("/console/exports")
        assert 'data-live="moving"' in seen.answer.text
    finally:
        goes_on.set()
    await eventually(lambda: _whole(person))


async def _whole(person: Person) -> bool:
    return " 1 ready," in (await person.go("/console/exports")).text


async def test_a_file_that_is_being_made_says_how_far_it_is_and_is_stopped(
    engine: Engine, person: Person
) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@people.example")
    goes_on = threading.Event()
    busy = ThreadPoolExecutor(1)
    busy.submit(goes_on.wait)
    asyncio.get_running_loop().set_default_executor(busy)
    try:
        await person.go("/console/exports")
        seen = await person.press("Make it as CSV", table="attendees")
        assert '<progress aria-label="attendees.csv, how far" max="1" value="0">' in seen.answer.text
        assert 'data-live="moving"' in seen.answer.text
        assert "You have no file yet." in (await person.press("Stop")).text
    finally:
        goes_on.set()


async def test_a_person_s_files_of_all_sessions_end_none_but_the_oldest_of_their_own(engine: Engine) -> None:
    site = httpx.ASGITransport(Starlette(routes=[*routes(engine), *signin.routes(engine)]))
    async with AsyncExitStack() as opened:
        webs = [
            await opened.enter_async_context(httpx.AsyncClient(transport=site, base_url=PUBLIC))
            for _ in range(3)
        ]
        whose = await operator(engine, webs[0])
        other = await _made(whose, table="events")
        ann, again = [await with_key(engine, web, "ann@example.com") for web in webs[1:]]
        links = [await _made(one, table="events") for one in (ann, ann, ann, again, again)]
        assert [(await ann.go(link)).status for link in links[:3]] == [404, 200, 200]
        assert (await whose.go(other)).status == 200


async def test_where_every_place_is_taken_a_new_file_waits_and_none_of_another_s_goes(engine: Engine) -> None:
    site = httpx.ASGITransport(Starlette(routes=[*routes(engine), *signin.routes(engine)]))
    async with AsyncExitStack() as opened:
        found: list[tuple[Person, str]] = []
        for name in ("ann", "bob", "cid", "dan"):
            web = await opened.enter_async_context(httpx.AsyncClient(transport=site, base_url=PUBLIC))
            person = await with_key(engine, web, f"{name}@example.com")
            if name != "dan":
                found += [(person, await _made(person, table="events")) for _ in range(4)]
        form = {"token": person.token, "table": "attendees", "addresses": "yes"}
        assert (await web.post("/console/exports", data=form, headers=SAME)).status_code == 503
        assert [(await one.go(link)).status for one, link in found] == [200] * 12
    assert not [row for row in await engine.record(engine.local, 10) if "NoteExport" in row.body]


async def test_a_file_stops_before_the_reserve_of_the_disk(tmp_path: Path, clock: Clock) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, disk_reserve_mb=10**12) as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        await created(engine)
        await person.go("/console/exports")
        await person.press("Make it as CSV", table="events")

        async def ended() -> bool:
            return "no room for it" in (await person.go("/console/exports")).text

        await eventually(ended)
        assert person.seen is not None
        assert not [link for link in person.seen.links if _file(link)]


@pytest.mark.parametrize("fields", [{"table": "secrets"}, {"table": "events", "since": "soon"}])
async def test_what_is_no_table_and_no_day_is_refused(
    engine: Engine, person: Person, fields: dict[str, str]
) -> None:
    await person.go("/console/exports")
    answer = await person.web.post("/console/exports", data={"token": person.token, **fields}, headers=SAME)
    assert answer.status_code == 400
