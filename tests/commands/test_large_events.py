"""Events with thousands of attendees: nobody is left out, no limit is passed, no conflict is misread."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign
from engine.commands.events.events import CancelEvent, CreateEvent, RevisionSource, UpdateEvent
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import Engine
from engine.model.messages import Audience, Kind
from engine.model.people import Origin
from engine.model.queries import AttendeeQuery
from engine.refusals import Code, Refused
from tests.support.clock import Clock
from tests.support.engines import (
    control,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    jobs_done,
    meeting,
    refusal,
)

MANY = 2_300
PEOPLE = [f"guest{n:05}@example.com" for n in range(MANY)]


async def _invited(engine: Engine) -> str:
    event = await created(engine)
    await control(engine, await drafted(engine, event, PEOPLE), CampaignAction.START)
    await deliver(engine)
    return event.uid


async def test_a_change_a_report_and_a_list_reach_the_last_of_many_attendees(engine: Engine) -> None:
    uid = await _invited(engine)
    update = await do(engine, UpdateEvent(uid=uid, location="Elsewhere", audience=Audience.ALL))
    assert update.notified == MANY
    view = await engine.campaign(update.campaign_id, engine.local)
    assert (view.campaign.total, view.counts["waiting"]) == (MANY, MANY)
    told = {m.email for m in await deliver(engine) if m.kind is Kind.UPDATE}
    assert told == set(PEOPLE)
    view = await engine.campaign(update.campaign_id, engine.local)
    assert (view.counts["sent"], view.counts["waiting"], view.campaign.state) == (MANY, 0, "finished")
    lines = [line async for line in engine.report_csv(uid, engine.local)]
    assert len(lines) == MANY + 1
    assert {line.partition(",")[0] for line in lines[1:]} == set(PEOPLE)
    assert await _listed(engine, uid) == PEOPLE
    cancelled = await do(engine, CancelEvent(uid=uid))
    assert cancelled.notified == MANY
    assert len([m for m in await deliver(engine) if m.kind is Kind.CANCELLATION]) == MANY


async def _listed(engine: Engine, uid: str) -> list[str]:
    found: list[str] = []
    cursor = None
    while True:
        page = await engine.attendees(AttendeeQuery(uid=uid, limit=100, cursor=cursor), engine.local)
        found += [attendee.email for attendee in page.attendees]
        cursor = page.next_cursor
        if cursor is None:
            return found


async def test_two_lists_at_once_never_pass_the_limit_of_an_event(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, invite_limit=700) as engine:
        event = await created(engine)
        first = await drafted(engine, event, PEOPLE[:600])
        second = await drafted(engine, event, PEOPLE[600:1200], origin=Origin.VIP)
        await control(engine, first, CampaignAction.START)
        await control(engine, second, CampaignAction.START)
        sent = await deliver(engine)
        assert len(sent) == 700
        skipped = (await engine.campaign(second.campaign.id, engine.local)).skipped
        assert {row.code for row in skipped} == {Code.INVITE_LIMIT_REACHED.value}


async def test_a_suspended_organizers_list_is_not_started_and_what_is_queued_does_not_leave(
    engine: Engine,
) -> None:
    event = await created(engine)
    draft, later = await drafted(engine, event, PEOPLE[:3]), await drafted(engine, event, PEOPLE[3:6])
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await do(engine, SuspendOrganizer(address=event.organizer))
    start = ControlCampaign(
        campaign_id=later.campaign.id, action=CampaignAction.START, confirm_token=later.confirm_token
    )
    assert await refusal(engine, start) is Code.ORGANIZER_SUSPENDED
    assert await deliver(engine) == []


async def test_two_who_create_the_same_event_at_once_make_one_and_change_nothing_of_it(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as one, engine_in(tmp_path, clock) as two:
        source = RevisionSource(uid="from-the-client")
        wanted: list[CreateEvent] = [
            meeting(summary="First", source=source),
            meeting(summary="Second", source=source),
        ]
        asked = one.apply(wanted[0], one.local), two.apply(wanted[1], two.local)
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        (refused,) = [o for o in outcomes if isinstance(o, Refused)]
        (done,) = [o for o in outcomes if not isinstance(o, BaseException)]
        assert refused.code is Code.EVENT_EXISTS
        kept = await one.event(done.event.uid, one.local)
        assert (kept.summary, kept.sequence) == (done.event.summary, 0)


async def test_a_store_that_another_process_holds_is_waited_for(engine: Engine) -> None:
    with closing(sqlite3.connect(engine.settings.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        creating = asyncio.create_task(created(engine))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not creating.done()
        other.execute("ROLLBACK")
        event = await creating
    assert (await engine.event(event.uid, engine.local)).sequence == 0
