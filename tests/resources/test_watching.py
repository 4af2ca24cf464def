"""Watching the store: who listens hears of each change, soon and not of others', and costs nothing otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from engine import watching
from engine.engine import Engine
from engine.model.events import Event
from engine.model.people import Partstat
from engine.refusals import Code, Refused
from engine.watching import ResourceWatch, Sight
from tests.support.engines import answer, attendee, created, engine_in, invite
from tests.support.waiting import eventually, time_passes


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_S", 0.01)


class Listener:
    """Notes what it hears."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, names: frozenset[str]) -> None:
        self.names += sorted(names)

    async def hears(self, name: str) -> None:
        await eventually(lambda: name in self.names)
        self.names.clear()


def words(engine: Engine, event: Event) -> Sight:
    """Looks at an event's own words, not at its answers."""
    look: Callable[[], Awaitable[object]] = partial(engine.store.event, event.uid)
    return Sight(look)


async def renamed(engine: Engine, event: Event, summary: str) -> None:
    async with engine.store.unit() as unit:
        await unit.save_event(event.model_copy(update={"summary": summary}))


async def test_who_listens_hears_of_its_own_and_of_nothing_else(engine: Engine) -> None:
    one, two = await created(engine), await created(engine)
    first, second = Listener(), Listener()
    await engine.watch.listen({"one": words(engine, one)}, first)
    await engine.watch.listen({"one": words(engine, one), "two": words(engine, two)}, second)
    await renamed(engine, two, "Changed")
    await second.hears("two")
    assert first.names == []
    await renamed(engine, one, "Changed too")
    await first.hears("one")
    await second.hears("one")


async def test_an_answer_is_news_even_where_nothing_else_differs(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com")
    guest = await attendee(engine, event, "ann@example.com")
    await answer(engine, guest, Partstat.ACCEPTED)

    async def same() -> object:
        return "same"

    heard, other = Listener(), Listener()
    await engine.watch.listen({"mine": Sight(same, event.uid)}, heard)
    await engine.watch.listen({"other": Sight(same, "another")}, other)
    await answer(engine, guest, Partstat.ACCEPTED)
    await heard.hears("mine")
    assert other.names == []


async def test_what_changes_while_one_begins_to_listen_is_not_missed(engine: Engine) -> None:
    event = await created(engine)
    heard = Listener()

    async def looked_just_before_a_change() -> object:
        found = await engine.store.event(event.uid)
        if found == event:
            await renamed(engine, event, "Changed")
        return found

    await engine.watch.listen({"mine": Sight(looked_just_before_a_change)}, heard)
    await heard.hears("mine")


class Look:
    """Looks at an event, and counts how often."""

    def __init__(self, engine: Engine, event: Event) -> None:
        self._engine, self._event = engine, event
        self.times = 0

    async def __call__(self) -> object:
        self.times += 1
        return await self._engine.store.event(self._event.uid)


async def test_nobody_looks_while_nobody_listens(engine: Engine) -> None:
    event = await created(engine)
    look = Look(engine, event)
    heard = Listener()
    leave = await engine.watch.listen({"mine": Sight(look)}, heard)
    await renamed(engine, event, "Changed")
    await heard.hears("mine")
    leave()
    leave()
    so_far = look.times
    await renamed(engine, event, "Changed again")
    again = Listener()
    await engine.watch.listen({"other": words(engine, event)}, again)
    await renamed(engine, event, "Changed once more")
    await again.hears("other")
    assert look.times == so_far
    assert heard.names == []


async def test_one_look_serves_all_who_listen_to_the_same(engine: Engine) -> None:
    event = await created(engine)
    look = Look(engine, event)
    heard = [Listener() for _ in range(20)]
    for listener in heard:
        await engine.watch.listen({"mine": Sight(look)}, listener)
    await eventually(lambda: look.times > 20)
    before = look.times
    await renamed(engine, event, "Changed")
    for listener in heard:
        await listener.hears("mine")
    assert look.times - before < 10


async def test_a_look_that_fails_costs_no_news(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    event = await created(engine)
    failing = False

    async def look() -> object:
        nonlocal failing
        if failing:
            failing = False
            raise OSError("the disk is busy")
        return await engine.store.event(event.uid)

    heard = Listener()
    await engine.watch.listen({"mine": Sight(look)}, heard)
    failing = True
    await renamed(engine, event, "Changed")
    await heard.hears("mine")
    assert "it is tried again" in caplog.text


async def test_a_look_that_fails_costs_no_news_of_what_was_looked_at_before(engine: Engine) -> None:
    event = await created(engine)
    failed = False

    async def look() -> object:
        nonlocal failed
        found = await engine.store.event(event.uid)
        if found and found.summary == "Changed" and not failed:
            failed = True
            raise OSError("the disk is busy")
        return found

    heard = Listener()
    await engine.watch.listen({"one": words(engine, event), "two": Sight(look)}, heard)
    await renamed(engine, event, "Changed")
    await eventually(lambda: {"one", "two"} <= set(heard.names))


async def test_what_can_never_be_looked_at_keeps_no_other_news_back(engine: Engine) -> None:
    event = await created(engine)
    listening = False

    async def look() -> object:
        if listening:
            raise ValueError("there is no such thing any more")
        return "same"

    heard = Listener()
    await engine.watch.listen({"lost": Sight(look), "mine": words(engine, event)}, heard)
    listening = True
    await renamed(engine, event, "Changed")
    await heard.hears("mine")


async def test_there_is_a_bound(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "WATCHED_MAX", 2)
    event = await created(engine)
    sight = words(engine, event)
    leave = await engine.watch.listen({"one": sight, "two": sight}, Listener())
    await engine.watch.listen({"one": sight}, Listener())
    with pytest.raises(Refused) as refused:
        await engine.watch.listen({"three": sight}, Listener())
    assert refused.value.code is Code.TOO_MANY
    leave()
    await engine.watch.listen({"three": sight}, Listener())


async def test_a_closed_engine_leaves_nothing_running(tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    async with engine_in(tmp_path) as engine:
        event = await created(engine)
        await engine.watch.listen({"one": words(engine, event)}, Listener())
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "Watch" in repr(task.get_coro())]


async def test_rest_grows_with_the_length_of_a_look(engine: Engine) -> None:
    event = await created(engine)
    looks = 0

    async def slow() -> object:
        nonlocal looks
        looks += 1
        time_passes(1_000)
        return looks

    watch = ResourceWatch(engine.store)
    heard = Listener()
    await watch.listen({"mine": Sight(slow)}, heard)
    await renamed(engine, event, "Changed")
    await heard.hears("mine")
    before = looks
    await renamed(engine, event, "Changed again")
    time_passes(3_000)
    for _ in range(100):
        await asyncio.sleep(0)
    assert looks == before
    time_passes(2_000)
    await heard.hears("mine")
    await watch.close()
