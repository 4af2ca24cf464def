"""What waits for a decision, and the buttons that stop agents."""

from __future__ import annotations

import httpx

from engine.commands.agents.keys import CreateKey
from engine.commands.agents.stopping import StopSending
from engine.engine import Engine
from engine.model.bounds import Bounds, Mode
from tests.console.person import Person, with_key
from tests.support.approvals import held_in, waiting
from tests.support.engines import created, deliver, do, invite


async def _waits(engine: Engine) -> str:
    event = await created(engine, organizer="ann@example.com")
    await invite(engine, event, "guest@example.net")
    await deliver(engine)
    return await waiting(engine, event.uid, location="Hall <b>")


async def test_what_waits_is_shown_as_it_will_be_and_a_yes_carries_it_out(
    engine: Engine, person: Person
) -> None:
    held_id = await _waits(engine)
    assert f"/console/held/{held_id}" in (await person.go("/console")).links
    seen = await person.go(f"/console/held/{held_id}")
    assert "Hall <b>" in seen.text
    assert "guest@example.net" not in seen.text
    assert "g*******@example.net" in seen.text
    assert "Approved" in (await person.press("Yes, do this")).text
    assert await held_in(engine) == []
    assert [m.email for m in await deliver(engine)] == ["guest@example.net"]


async def test_a_no_needs_a_reason_and_changes_nothing(engine: Engine, person: Person) -> None:
    held_id = await _waits(engine)
    await person.go(f"/console/held/{held_id}")
    assert "needs a reason" in (await person.press("No", why=" ")).text
    await person.go(f"/console/held/{held_id}")
    assert "Refused" in (await person.press("No", why="Wrong name")).text
    assert (await person.go(f"/console/held/{held_id}")).text.count("refused already") == 1
    assert await deliver(engine) == []


async def test_the_key_that_asked_does_not_decide(engine: Engine, web: httpx.AsyncClient) -> None:
    held_id = await _waits(engine)
    asked = await with_key(engine, web, "ann@example.com", bounds=Bounds(mode=Mode.HOLD))
    seen = await asked.go(f"/console/held/{held_id}")
    assert "Yes, do this" not in seen.text
    assert len(await held_in(engine)) == 1
    shown = await web.get("/signin")
    assert "You are signed in" not in shown.text


async def test_another_organizer_learns_nothing_of_it(engine: Engine, web: httpx.AsyncClient) -> None:
    held_id = await _waits(engine)
    other = await with_key(engine, web, "bob@example.com")
    assert held_id not in (await other.go("/console/agents")).answer.text
    unknown, none = await other.go(f"/console/held/{held_id}"), await other.go("/console/held/xxxxxxxx")
    assert unknown.status == none.status == 404
    assert unknown.text == none.text


async def test_everything_is_stopped_by_one_button_and_goes_on_by_another(
    engine: Engine, person: Person
) -> None:
    await person.go("/console/agents")
    assert "Stopped" in (await person.press("Stop all mail")).text
    assert [stop.organizer for stop in await engine.stops()] == [""]
    await person.go("/console")
    assert "It goes on" in (await person.press("Let it go on")).text
    assert await engine.stops() == []


async def test_one_organizer_is_stopped_by_address(engine: Engine, person: Person) -> None:
    await person.go("/console/agents")
    await person.press("Stop this organizer", organizer="ann@example.com")
    assert [stop.organizer for stop in await engine.stops()] == ["ann@example.com"]
    await do(engine, StopSending(organizer="ann@example.com", stopped=False))


async def test_a_key_is_stopped_resumed_and_ended(engine: Engine, person: Person) -> None:
    made = await do(engine, CreateKey(name="Robot", address="ann@example.com"))
    await person.go("/console/agents")
    assert "stopped" in (await person.press("Stop")).text
    (key,) = await engine.keys()
    assert key.stopped
    await person.press("Let it go on")
    await person.press("End for good")
    (key,) = await engine.keys()
    assert (key.id, bool(key.revoked)) == (made.key.id, True)
