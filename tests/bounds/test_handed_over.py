"""An invite that its asker sends is held to what one that leaves from here would wait for."""

from __future__ import annotations

import pytest

from engine.commands.agents.keys import StopKey
from engine.commands.agents.stopping import StopSending
from engine.commands.invites.invites import InviteDone, SendInvite
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.messages import MessageState
from engine.model.stops import EVERYTHING
from engine.refusals import Code, Refused
from tests.bounds.making import made
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do

AGENT = "agent@cis.test"


async def _handed(engine: Engine, event: Event, actor: Actor, email: str = "ann@example.com") -> InviteDone:
    return await do(engine, SendInvite(uid=event.uid, email=email, handed_over=True), actor)


async def _refused(engine: Engine, event: Event, actor: Actor, email: str = "ann@example.com") -> str:
    with pytest.raises(Refused) as refused:
        await engine.apply(SendInvite(uid=event.uid, email=email, handed_over=True), actor)
    assert refused.value.code is Code.OUT_OF_BOUNDS
    return refused.value.bound


@pytest.mark.parametrize("organizer", [EVERYTHING, AGENT])
async def test_nothing_is_handed_over_while_mail_is_stopped(engine: Engine, organizer: str) -> None:
    key = await made(engine, address=AGENT)
    event = await created(engine, key.actor)
    await _handed(engine, event, key.actor, "before@example.com")
    await do(engine, StopSending(organizer=organizer))
    for actor in (key.actor, engine.local):
        assert await _refused(engine, event, actor) == "stopped"
        assert await _refused(engine, event, actor, "before@example.com") == "stopped"
    await do(engine, StopSending(organizer=organizer, stopped=False))
    done = await _handed(engine, event, key.actor)
    assert done.message
    assert (done.message.state, done.message.code) == (MessageState.SENT, Code.HANDED_OVER)


async def test_a_stop_of_another_organizer_changes_nothing(engine: Engine) -> None:
    key = await made(engine, address=AGENT)
    event = await created(engine, key.actor)
    await do(engine, StopSending(organizer="other@example.org"))
    assert (await _handed(engine, event, key.actor)).message


async def test_nothing_of_a_stopped_key_s_event_is_handed_over_to_its_organizer(engine: Engine) -> None:
    key = await made(engine, address=AGENT)
    event = await created(engine, key.actor)
    other = await made(engine, address=AGENT)
    await do(engine, StopKey(key_id=key.id))
    assert (await _handed(engine, event, other.actor)).message, "another key's invite is its own"
    organizer = Actor(kind="owner", address=AGENT)
    with pytest.raises(Refused):
        await engine.apply(SendInvite(uid=event.uid, email="b@example.com", handed_over=True), organizer)


async def test_outside_its_hours_a_key_is_handed_nothing(engine: Engine, clock: Clock) -> None:
    begins = clock.now.hour + 1
    key = await made(engine, address=AGENT, hours=f"{begins:02}:00-{begins + 1:02}:00")
    event = await created(engine, key.actor)
    assert await _refused(engine, event, key.actor) == "hours"
    clock.move(hours=1)
    assert (await _handed(engine, event, key.actor)).message


async def test_what_is_handed_over_counts_against_the_minute_and_its_repetition_does_not(
    engine: Engine, clock: Clock
) -> None:
    key = await made(engine, address=AGENT, minute=2)
    event = await created(engine, key.actor)
    for email in ("a@example.com", "a@example.com", "b@example.com"):
        await _handed(engine, event, key.actor, email)
    assert await _refused(engine, event, key.actor, "c@example.com") == "minute"
    await do(engine, SendInvite(uid=event.uid, email="d@example.com"), key.actor)
    assert await deliver(engine) == []
    clock.move(minutes=1)
    assert [m.email for m in await deliver(engine)] == ["d@example.com"]
    assert (await _handed(engine, event, key.actor, "c@example.com")).message


async def test_a_key_that_only_observes_is_handed_what_it_asks_for(engine: Engine, clock: Clock) -> None:
    begins = clock.now.hour + 1
    hours = f"{begins:02}:00-{begins + 1:02}:00"
    key = await made(engine, address=AGENT, hours=hours, minute=1, mode="observe")
    event = await created(engine, key.actor)
    for email in ("a@example.com", "b@example.com"):
        assert (await _handed(engine, event, key.actor, email)).message
