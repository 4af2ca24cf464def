"""What a look at a page costs: the same however many events there are, and no rendering while all is as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from cis_mcp.console.web import HUB_PATHS
from engine.commands.events.events import UpdateEvent
from engine.commands.pages.branding import SetBranding
from engine.engine import Engine
from tests.console.person import PUBLIC, Person, browser, operator
from tests.support.calls import counting_calls
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in, invite
from tests.support.queries import Queries, counting_queries

_KEPT = ("/console/events", "/console/reports")
"""Pages that are made again only where something that they show is another."""
_MOST = dict.fromkeys(HUB_PATHS, 3) | {"/console": 5, "/console/reports": 5, "/console/agents": 5}
"""Statements of one look: two of them ask SQLite whether anybody has committed."""
_STEPS = 1_100
"""Steps of SQLite in which 25 events that come next are read, and whether there are more."""


class _Look(NamedTuple):
    statements: int
    steps: int
    calls: int


@asynccontextmanager
async def _console(folder: Path, clock: Clock, events: int) -> AsyncIterator[Person]:
    async with engine_in(folder, clock, public_url=PUBLIC) as engine:
        for n in range(events):
            event = await created(engine, summary=f"Event {n:03}")
            if n < 10:
                await invite(engine, event, f"guest{n}@example.com")
        async with browser(engine) as web:
            yield await operator(engine, web)


async def _looks(folder: Path, clock: Clock, events: int) -> dict[str, _Look]:
    folder.mkdir()
    with counting_queries() as queries:
        async with _console(folder, clock, events) as person:
            return {path: await _look(person, queries, path) for path in HUB_PATHS}


async def _look(person: Person, queries: Queries, path: str) -> _Look:
    """The cheapest of some looks: on a busy machine a glance is broken off now and then, and asked again."""
    found = []
    await person.go(path)
    for _ in range(5):
        queries.zero()
        with counting_calls() as calls:
            answer = await person.web.get(path)
        assert answer.status_code == 200
        found.append(_Look(queries.statements, queries.steps, calls.total()))
    return _Look(*map(min, zip(*found, strict=True)))


async def test_a_look_at_a_hub_costs_the_same_with_ten_times_the_events(tmp_path: Path, clock: Clock) -> None:
    few, many = [await _looks(tmp_path / str(n), clock, n) for n in (30, 300)]
    for path in HUB_PATHS:
        assert many[path].statements == few[path].statements <= _MOST[path], (path, few[path])
        assert many[path].calls <= 1.1 * few[path].calls, (path, few[path], many[path])
        assert many[path].steps <= min(few[path].steps + 200, _STEPS), (path, few[path], many[path])


async def _rendered(person: Person, path: str) -> int:
    """Calls of templates for a look at a page."""
    with counting_calls() as calls:
        await person.web.get(path)
    return sum(n for file, n in calls.items() if file.startswith("cis_mcp/console/templates/"))


@pytest.mark.parametrize("path", _KEPT)
async def test_a_page_is_rendered_again_only_where_what_it_shows_is_another(
    engine: Engine, person: Person, path: str
) -> None:
    event = await created(engine, summary="Spring concert")
    assert await _rendered(person, path)
    await do(engine, UpdateEvent(uid=event.uid, description="No page of these shows that."))
    await person.go(path)
    assert await _rendered(person, path) == 0
    await invite(engine, event, "ann@example.com")
    await do(engine, UpdateEvent(uid=event.uid, summary="Autumn concert"))
    assert await _rendered(person, path)


async def test_a_page_that_was_made_before_shows_at_once_what_changed(engine: Engine, person: Person) -> None:
    event = await created(engine, summary="Spring concert")
    for _ in range(2):
        assert "Spring concert" in (await person.go("/console/events")).text
    await do(engine, UpdateEvent(uid=event.uid, summary="Autumn concert"))
    seen = await person.go("/console/events")
    assert "Autumn concert" in seen.text
    assert "Spring concert" not in seen.text
    before = await person.go("/console/reports")
    await invite(engine, event, "ann@example.com")
    assert (await person.go("/console/reports")).text != before.text
    await do(engine, SetBranding(scope="", title="Owls"))
    for path in _KEPT:
        assert "Owls" in (await person.go(path)).text


async def test_what_was_made_for_one_session_is_handed_to_no_other(engine: Engine, person: Person) -> None:
    await created(engine, summary="Spring concert")
    async with browser(engine) as web:
        other = await operator(engine, web)
        for path in _KEPT:
            tokens = [
                (await one.go(path)).form("Sign out").fields["token"] for one in (person, other, person)
            ]
            assert tokens[0] == tokens[2] != tokens[1], path
            links = [set((await one.go(path)).links) for one in (person, other)]
            sealed = [{link for link in each if "/reports/organizers/" in link} for each in links]
            assert sealed[0].isdisjoint(sealed[1]), path
