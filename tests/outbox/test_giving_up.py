"""When a message is given up: 72 hours after its first attempt, however long it was owed before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.events.events import CancelEvent
from engine.engine import Engine
from engine.model.claims import SendResult
from engine.model.messages import Kind, MessageState
from engine.outbox import answers
from engine.outbox.transport import Rejected
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import claim, control, created, deliver, do, drafted, invite, jobs_done

ANN = "ann@example.com"
LATER = Rejected("450 4.2.0 Greylisted", permanent=False)
AWAY = Rejected("cannot connect: Connection refused", permanent=False, server=True)


async def refused(engine: Engine, rejected: Rejected) -> SendResult:
    """What becomes of the one message that is due, if the server answers so."""
    (due,) = await claim(engine)
    found = answers.refused(due, rejected, engine.clock())
    await engine.store.write_answers("test", [found], engine.clock())
    return found


async def retried_for(engine: Engine, clock: Clock, hours: float) -> None:
    """Refuse the message at each of its retries, for so long."""
    end = clock.now.timestamp() + hours * 3600
    while True:
        found = await refused(engine, LATER)
        assert found.state is MessageState.DEFERRED
        assert found.due is not None
        if found.due.timestamp() > end:
            return
        clock.now = found.due


@pytest.mark.parametrize("rejected", [LATER, AWAY], ids=["of the mail", "of the server"])
async def test_a_list_that_was_paused_for_days_meets_its_first_refusal_as_any_other(
    engine: Engine, clock: Clock, rejected: Rejected
) -> None:
    draft = await drafted(engine, await created(engine), [ANN])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await control(engine, draft, CampaignAction.PAUSE)
    await jobs_done(engine)
    clock.move(hours=96)
    await control(engine, draft, CampaignAction.RESUME)
    await jobs_done(engine)
    found = await refused(engine, rejected)
    assert found.state is MessageState.DEFERRED
    assert found.due is not None
    clock.now = found.due
    assert (await refused(engine, LATER)).state is MessageState.DEFERRED


async def test_a_message_is_tried_for_72_hours_and_then_given_up(engine: Engine, clock: Clock) -> None:
    await invite(engine, await created(engine), ANN)
    clock.move(hours=96)
    begun = clock.now
    await retried_for(engine, clock, hours=60)
    # How long ago the last retry was is chance.
    clock.now = begun + timedelta(hours=73)
    assert (await refused(engine, LATER)).code == Code.RETRIES_EXHAUSTED


async def test_a_server_that_stays_away_for_days_costs_no_invite_its_time(
    engine: Engine, clock: Clock
) -> None:
    await invite(engine, await created(engine), ANN)
    for _ in range(10):
        assert (await refused(engine, AWAY)).state is MessageState.DEFERRED
        clock.move(hours=20)
    assert (await refused(engine, LATER)).state is MessageState.DEFERRED


async def test_nothing_is_tried_beyond_the_end_of_its_event(engine: Engine, clock: Clock) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    clock.now = event.span.end_utc
    clock.move(seconds=-1)
    assert (await refused(engine, LATER)).code == Code.RETRIES_EXHAUSTED


async def test_who_may_have_received_the_mail_that_was_given_up_hears_of_a_cancellation(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    await invite(engine, event, ANN)
    assert (await refused(engine, LATER)).state is MessageState.DEFERRED
    clock.move(hours=72)
    lost = Rejected("the connection was lost", permanent=False, server=True, in_doubt=True)
    assert (await refused(engine, lost)).state is MessageState.FAILED
    await do(engine, CancelEvent(uid=event.uid))
    assert [(m.email, m.kind) for m in await deliver(engine)] == [(ANN, Kind.CANCELLATION)]
