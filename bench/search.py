"""Search in words: how right it is over a season, and how fast among 100,000 events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, median

from bench.figures import Figure
from bench.questions import NOW, QUESTIONS, Question, grades
from bench.season import GAMES, ORGANIZER, season
from bench.timing import MILLISECONDS, Effort, quantile
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.queries import EventQuery
from engine.settings import Settings

_RIGHT = "Search in words over a season"
_FAST = "Search in words among very many events"
_P99_MS, _GRADE = 20, 0.95
_CHUNK = 5_000
_SERIES = 20
"""One event in so many recurs."""


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Precision and recall over one season; latency over many."""
    yield from asyncio.run(_graded(folder / "season"))
    yield from asyncio.run(_timed(effort, folder / "many"))


async def opened(folder: Path) -> Engine:
    """An engine on that folder, at the time of the questions."""
    settings = Settings(_env_file=None, data_dir=folder)
    return await Engine.open(settings, clock=lambda: NOW)


async def _graded(folder: Path) -> list[Figure]:
    engine = await opened(folder)
    try:
        games = list(season())
        began = time.perf_counter()
        await add_events(engine, [game.event for game in games])
        wrote = time.perf_counter() - began
        graded = []
        for question in QUESTIONS:
            right = {game.uid for game in games if question.right(game)}
            graded.append(grades(right, await everything(engine, question)))
    finally:
        await engine.close()
    exact = sum(grade == (1, 1) for grade in graded)
    return [
        _grade("precision", mean(p for p, _ in graded)),
        _grade("recall", mean(r for _, r in graded)),
        _grade("share answered exactly", exact / len(graded)),
        Figure(_RIGHT, f"{GAMES:,} events written, with all they are found by", wrote, "s"),
    ]


def _grade(name: str, value: float) -> Figure:
    what = f"{name}, {len(QUESTIONS)} queries, {GAMES:,} games"
    return Figure(
        _RIGHT, what, value, "", at_least=_GRADE, peer="the right answers", peer_value=1, ratio=value
    )


async def everything(engine: Engine, question: Question) -> set[str]:
    """The uids on all pages of an answer."""
    found, cursor = set[str](), None
    while True:
        query = EventQuery(query=question.query, limit=100, cursor=cursor)
        page = await engine.search(query, engine.local, question.timezone or None)
        found |= {event.uid for event in page.events}
        cursor = page.next_cursor
        if cursor is None:
            return found


async def _timed(effort: Effort, folder: Path) -> list[Figure]:
    engine = await opened(folder)
    try:
        await _fill(engine, effort.events)
        agent = Actor(kind="agent", address=f"0.{ORGANIZER}", scopes=frozenset({"read"}))
        figures = []
        for who, actor in (("of one's own", agent), ("as the operator", engine.local)):
            await _round(engine, actor)
            rounds = [await _round(engine, actor) for _ in range(effort.rounds)]
            figures += [
                _latency(f"{effort.events:,} events, {who}", rounds, q, bound)
                for q, bound in ((0.5, None), (0.99, _P99_MS))
            ]
        return figures
    finally:
        await engine.close()


def _latency(what: str, rounds: list[list[float]], q: float, bound: float | None) -> Figure:
    value = median(quantile(seconds, q) for seconds in rounds) * MILLISECONDS
    return Figure(_FAST, f"{what}, p{q * 100:g}", value, "ms", below=bound)


async def _round(engine: Engine, actor: Actor) -> list[float]:
    seconds = []
    for question in QUESTIONS:
        began = time.perf_counter()
        await engine.search(EventQuery(query=question.query), actor, question.timezone or None)
        seconds.append(time.perf_counter() - began)
    return seconds


async def _fill(engine: Engine, n: int) -> None:
    """Seasons of many leagues, half of all events of the first; some games are a weekly training."""
    events: list[Event] = []
    number, league = 0, 0
    while number < n:
        owner = 0 if number < n // 2 else league
        for game in season(2027 + league % 3, seed=league, first=number):
            if number < n:
                events.append(_event(game.event, owner, number))
                number += 1
        league += 1
        if len(events) >= _CHUNK or number >= n:
            await add_events(engine, events)
            events.clear()


def _event(event: Event, owner: int, number: int) -> Event:
    values: dict[str, object] = {"organizer": f"{owner}.{ORGANIZER}"}
    if number % _SERIES == 0:
        until: datetime = event.span.end_utc + timedelta(weeks=9)
        values |= {
            "recurrence": "FREQ=WEEKLY;COUNT=10",
            "summary": f"Training of {event.summary}",
            "ends_at": until,
        }
    return event.model_copy(update=values)


async def add_events(engine: Engine, events: list[Event]) -> None:
    """Write events, some thousand at a time."""
    async with engine.store.unit() as unit:
        for organizer in {event.organizer for event in events}:
            await unit.ensure_organizer(organizer, "", NOW)
        for event in events:
            await unit.add_event(event)
