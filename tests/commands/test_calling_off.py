"""The dates that remain of a series are called off once its others are over: whoever has them hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.commands.base import Command
from engine.commands.events.events import CancelEvent, EventDone, UpdateEvent
from engine.commands.events.instances import AddInstance, CancelInstance
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.reminding import Remind
from engine.engine import Engine
from engine.itip import recurrence
from engine.model.events import Event
from engine.model.messages import Kind
from engine.outbox.answers import give_up_at
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, invite, invite_all_answers, jobs_done, refusal

FIRST = datetime(2027, 5, 2, 23, tzinfo=UTC)
WEEK = timedelta(weeks=1)
LAST = FIRST + 2 * WEEK
TOLD = ["maybe@example.com", "silent@example.com", "yes@example.com"]


@pytest.fixture
async def running(engine: Engine, clock: Clock) -> Event:
    """A series of three dates, of which one remains."""
    event = await created(engine, recurrence="FREQ=WEEKLY;COUNT=3")
    await invite_all_answers(engine, event)
    clock.now = FIRST + WEEK + timedelta(days=1)
    return event


def last_cancelled(uid: str) -> Command[EventDone]:
    return CancelInstance(uid=uid, recurrence_id=LAST)


def last_excluded(uid: str) -> Command[EventDone]:
    return UpdateEvent(uid=uid, exclude_dates=("2027-05-16",))


def ended_sooner(uid: str) -> Command[EventDone]:
    return UpdateEvent(uid=uid, recurrence="FREQ=WEEKLY;UNTIL=20270511")


def no_longer_recurring(uid: str) -> Command[EventDone]:
    return UpdateEvent(uid=uid, recurrence="")


@pytest.mark.parametrize("change", [last_cancelled, last_excluded, ended_sooner, no_longer_recurring])
async def test_the_dates_that_remain_are_called_off_and_people_hear_of_it(
    engine: Engine, clock: Clock, running: Event, change: type[Command[EventDone]]
) -> None:
    done = await do(engine, change(uid=running.uid))
    assert done.notified == 3
    assert recurrence.instances(done.event, clock.now, LAST + WEEK, 10) == []
    assert done.event.finished(clock.now)
    assert sorted(m.email for m in await deliver(engine)) == TOLD


async def test_mail_of_dates_called_off_is_tried_until_they_would_be_over(
    engine: Engine, clock: Clock, running: Event
) -> None:
    clock.now = LAST - timedelta(hours=1)
    await do(engine, last_cancelled(running.uid))
    await jobs_done(engine)
    claims = await claim(engine)
    assert [give_up_at(one, clock.now) for one in claims] == 3 * [running.ends_at]


async def test_whoever_called_them_off_can_still_add_a_date_or_cancel_the_whole(
    engine: Engine, clock: Clock, running: Event
) -> None:
    await do(engine, last_cancelled(running.uid))
    later = running.span.model_copy(update={"start": LAST + WEEK, "end": LAST + WEEK + timedelta(hours=2)})
    again = await do(engine, AddInstance(uid=running.uid, span=later))
    assert not again.event.finished(clock.now)
    await do(engine, CancelInstance(uid=running.uid, recurrence_id=LAST + WEEK))
    await deliver(engine)
    done = await do(engine, CancelEvent(uid=running.uid))
    assert (done.event.cancelled, done.notified) == (True, 3)
    assert {m.kind for m in await deliver(engine)} == {Kind.CANCELLATION}


async def test_nobody_is_invited_to_or_reminded_of_dates_called_off(engine: Engine, running: Event) -> None:
    await do(engine, last_cancelled(running.uid))
    for command in (SendInvite(uid=running.uid, email="new@example.com"), Remind(uid=running.uid)):
        assert await refusal(engine, command) is Code.EVENT_FINISHED


@pytest.mark.parametrize(
    "change",
    [
        {"recurrence": "FREQ=DAILY;COUNT=4"},
        {"when": Timing(start="2027-05-02T18:00"), "recurrence": "FREQ=WEEKLY;COUNT=2"},
        {"rdates": (FIRST + timedelta(days=1),), "recurrence": ""},
    ],
    ids=["other days", "another hour", "a date more"],
)
async def test_a_change_that_makes_a_date_in_the_past_is_refused_all_the_same(
    engine: Engine, running: Event, change: dict[str, object]
) -> None:
    assert await refusal(engine, UpdateEvent(uid=running.uid, **change)) is Code.EVENT_IN_PAST  # type: ignore[arg-type]


async def test_a_series_without_end_whose_rest_is_called_off_ends(engine: Engine, clock: Clock) -> None:
    event = await created(engine, recurrence="FREQ=WEEKLY")
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    clock.now = FIRST + WEEK + timedelta(days=1)
    await do(engine, ended_sooner(event.uid))
    assert [m.email for m in await deliver(engine)] == ["ann@example.com"]
    clock.move(days=30)
    assert await refusal(engine, CancelEvent(uid=event.uid)) is Code.EVENT_FINISHED


async def test_a_series_that_is_over_by_itself_is_changed_no_more(
    engine: Engine, clock: Clock, running: Event
) -> None:
    clock.now = LAST + timedelta(days=1)
    assert await refusal(engine, last_cancelled(running.uid)) is Code.EVENT_FINISHED
