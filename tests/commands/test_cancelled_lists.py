"""A list that was cancelled: whom it did not reach, and the corrected list that comes after it."""

from __future__ import annotations

from pathlib import Path

from engine.commands.approvals.undoing import ShowUndos, UndoCommand
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, DraftCampaign
from engine.commands.events.events import CancelEvent, EventDone, UpdateEvent
from engine.commands.events.reinstating import ReinstateEvent
from engine.engine import Engine
from engine.model.campaigns import CampaignState
from engine.model.events import Event
from engine.model.list_rows import ListRow
from engine.model.messages import Kind, MessageState
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import (
    attendee,
    claim,
    control,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    jobs_done,
    settle,
)

PEOPLE = [f"p{n}@example.com" for n in range(4)]


async def cancelled(
    engine: Engine, event: Event, emails: list[str] = PEOPLE, reached: int = 1
) -> CampaignDone:
    """A list, all of whose rows are written; so many mails have left when it is cancelled."""
    draft = await drafted(engine, event, emails)
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    if reached:
        await settle(engine, await claim(engine, reached), MessageState.SENT)
    return await control(engine, draft, CampaignAction.CANCEL)


async def test_whom_a_cancelled_list_did_not_reach_hears_of_no_change(engine: Engine) -> None:
    event = await created(engine)
    await cancelled(engine, event)
    update = UpdateEvent(uid=event.uid, location="Another place")
    would: EventDone = await do(engine, update.model_copy(update={"dry_run": True}))
    assert would.notified == 1
    assert would.preview is not None
    assert [person.email for person in would.preview.first] == PEOPLE[:1]
    done: EventDone = await do(engine, update)
    assert done.notified == 1
    assert [(m.kind, m.email) for m in await deliver(engine)] == [(Kind.UPDATE, PEOPLE[0])]


async def test_an_event_that_is_called_off_and_takes_place_after_all_asks_those_whom_it_had_asked(
    engine: Engine,
) -> None:
    event = await created(engine)
    await cancelled(engine, event)
    waiting = await drafted(engine, event, ["waits@example.com"])
    await control(engine, waiting, CampaignAction.START)
    await jobs_done(engine)
    await do(engine, CancelEvent(uid=event.uid))
    await deliver(engine)
    await do(engine, ReinstateEvent(uid=event.uid))
    gone = {m.email for m in await deliver(engine)}
    assert gone == {PEOPLE[0], "waits@example.com"}


async def test_a_corrected_list_has_the_places_that_its_people_hold_from_the_cancelled_one(
    engine: Engine,
) -> None:
    event = await created(engine, places=4)
    await cancelled(engine, event, reached=0)
    again = await drafted(engine, event, [*PEOPLE, "more@example.com"])
    assert again.campaign.valid == 4
    await control(engine, again, CampaignAction.START)
    assert [m.email for m in await deliver(engine)] == PEOPLE
    view = await engine.campaign(again.campaign.id, engine.local)
    assert [(row.email, row.code) for row in view.skipped] == [("more@example.com", Code.EVENT_FULL)]


async def test_a_corrected_list_counts_its_people_once_towards_the_limit_of_invites(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, invite_limit=5) as engine:
        event = await created(engine)
        await cancelled(engine, event, reached=0)
        again = await drafted(engine, event, [*PEOPLE, "more@example.com", "most@example.com"])
        assert again.campaign.valid == 5
        await control(engine, again, CampaignAction.START)
        assert [m.email for m in await deliver(engine)] == [*PEOPLE, "more@example.com"]


async def test_a_corrected_list_mails_its_own_names_and_fields(engine: Engine) -> None:
    event = await created(engine, summary="Dear {{name}}, your seat: {{seat}}")
    wrong = [ListRow(email=PEOPLE[0], name="48 Elm Street", fields={"seat": "Ann", "lang": "de"})]
    draft: CampaignDone = await do(engine, DraftCampaign(uid=event.uid, recipients=wrong))
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await control(engine, draft, CampaignAction.CANCEL)
    right = [ListRow(email=PEOPLE[0], name="Ann", fields={"seat": "12", "lang": "fr"})]
    again: CampaignDone = await do(engine, DraftCampaign(uid=event.uid, recipients=right))
    await control(engine, again, CampaignAction.START)
    await jobs_done(engine)
    (one,) = await claim(engine)
    assert one.attendee is not None
    assert (one.attendee.name, dict(one.attendee.fields)) == ("Ann", {"seat": "12", "lang": "fr"})
    assert one.attendee == await attendee(engine, event, PEOPLE[0])


async def told(engine: Engine) -> list[str]:
    """The texts of what is mailed to whoever mailed the list."""
    gone = await deliver(engine)
    return [m.notice.text for m in gone if m.notice and m.email == "boss@example.com"]


async def test_whoever_mailed_a_list_hears_that_it_was_cancelled(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, PEOPLE, report_to="boss@example.com")
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await settle(engine, await claim(engine, 1), MessageState.SENT)
    await control(engine, draft, CampaignAction.CANCEL)
    await control(engine, draft, CampaignAction.CANCEL)
    (text,) = await told(engine)
    assert f"{event.uid}: 1 invites sent" in text
    assert "The campaign stopped: it was cancelled." in text


async def test_whoever_mailed_a_list_hears_once_that_it_was_cancelled_and_then_taken_back(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, undo_campaign_s=120) as engine:
        event = await created(engine)
        draft = await drafted(engine, event, PEOPLE, report_to="boss@example.com")
        await control(engine, draft, CampaignAction.START)
        await control(engine, draft, CampaignAction.CANCEL)
        assert len(await told(engine)) == 1
        (undo,) = (await do(engine, ShowUndos())).undos
        await do(engine, UndoCommand(undo_id=undo.id))
        clock.move(hours=1)
        assert await told(engine) == []


async def test_whoever_mailed_a_list_hears_that_it_paused_itself(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, fail_share=0.5) as engine:
        event = await created(engine)
        many = [f"p{n}@example.com" for n in range(200)]
        draft = await drafted(engine, event, many, report_to="boss@example.com")
        await control(engine, draft, CampaignAction.START)
        await jobs_done(engine)
        failed = {"code": Code.REJECTED_BY_SERVER, "text": "550 no"}
        await settle(engine, await claim(engine, 150), MessageState.FAILED, **failed)
        (text,) = await told(engine)
        view = await engine.campaign(draft.campaign.id, engine.local)
        assert view.campaign.state is CampaignState.PAUSED
        assert f"The campaign stopped: {view.campaign.note}" in text
