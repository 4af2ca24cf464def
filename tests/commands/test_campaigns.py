"""Bulk sends: the draft judges, the token binds, the counts add up."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from engine.commands.answers.deliveries import RecordBounce, Unsubscribe
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.commands.operators.operators import SuspendOrganizer
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.campaigns import CampaignState
from engine.model.list_rows import ListRow
from engine.model.messages import Kind, MessageState
from engine.model.people import Origin
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import (
    attendee_count,
    claim,
    control,
    created,
    deliver,
    do,
    drafted,
    engine_in,
    invite,
    jobs_done,
    refusal,
    settle,
)


def people(n: int) -> list[str]:
    return [f"p{i}@example.com" for i in range(n)]


async def counts(engine: Engine, draft: CampaignDone) -> dict[str, int]:
    """The counts that are not zero; together they are always the total."""
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert sum(view.counts.values()) == view.campaign.total
    return {name: n for name, n in view.counts.items() if n}


async def state(engine: Engine, draft: CampaignDone) -> CampaignState:
    return (await engine.campaign(draft.campaign.id, engine.local)).campaign.state


async def test_a_draft_names_every_row_it_would_skip_and_why(engine: Engine) -> None:
    event, other = await created(engine), await created(engine)
    await invite(engine, event, "known@example.com")
    blocked = await invite(engine, other, "blocked@example.com")
    await do(engine, Unsubscribe(token=blocked.attendee.token), SYSTEM)
    bounced = await invite(engine, other, "bounced@example.com")
    await do(engine, RecordBounce(token=bounced.attendee.token, permanent=True), SYSTEM)
    emails = [
        "good@example.com",
        "GOOD@example.com",
        "known@example.com",
        "blocked@example.com",
        "bounced@example.com",
        "nonsense",
        "fine@example.com",
    ]
    draft = await drafted(engine, event, emails)
    assert (draft.campaign.total, draft.campaign.valid) == (7, 2)
    assert draft.campaign.state is CampaignState.DRAFT
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert {(r.row, r.code) for r in view.skipped} == {
        (2, Code.DUPLICATE_ROW),
        (3, Code.ALREADY_INVITED),
        (4, Code.ATTENDEE_BLOCKED),
        (5, Code.ADDRESS_SUPPRESSED),
        (6, Code.INVALID_ADDRESS),
    }
    assert draft.sample is not None
    assert draft.sample.email == "good@example.com"
    assert await counts(engine, draft) == {"skipped": 5, "waiting": 2}
    assert await claim(engine) != []


async def test_rows_without_a_value_that_the_text_needs_are_skipped(engine: Engine) -> None:
    event = await created(engine, summary="Hello {{name}} of {{company}}")
    rows = [
        ListRow(email="a@example.com", name="A", fields={"company": "Acme"}),
        ListRow(email="b@example.com", name="B"),
        ListRow(email="c@example.com", fields={"company": "Acme"}),
        ListRow(email="d@example.com", name="D", fields={"Company": "Acme"}),
        ListRow(email="e@example.com", name="x" * 201, fields={"company": "Acme"}),
    ]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows))
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert [(r.row, r.code) for r in view.skipped] == [
        (2, Code.MISSING_FIELD),
        (3, Code.MISSING_FIELD),
        (5, Code.TOO_LARGE),
    ]


async def test_a_campaign_sends_each_good_row_once_and_is_finished_then(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, [*people(5), "nonsense"])
    await control(engine, draft, CampaignAction.START)
    assert await state(engine, draft) is CampaignState.RUNNING
    gone = await deliver(engine)
    assert sorted(m.email for m in gone) == people(5)
    assert await counts(engine, draft) == {"sent": 5, "skipped": 1}
    assert await state(engine, draft) is CampaignState.FINISHED
    assert (await engine.statistics("event", event.uid, engine.local)).origin == {"bulk": 5}


@pytest.mark.parametrize("token", ["", "wrong", "ä"])
async def test_a_campaign_starts_with_its_own_token_alone(engine: Engine, token: str) -> None:
    draft = await drafted(engine, await created(engine), people(2))
    start = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=token)
    assert await refusal(engine, start) is Code.CONFIRM_TOKEN_INVALID
    assert await state(engine, draft) is CampaignState.DRAFT


async def test_a_change_of_the_event_voids_the_token(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, people(2))
    await do(engine, UpdateEvent(uid=event.uid, summary="Another"))
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    assert await refusal(engine, start) is Code.CONFIRM_TOKEN_INVALID


async def test_the_token_of_one_list_does_not_start_another(engine: Engine) -> None:
    event = await created(engine)
    one, two = await drafted(engine, event, people(2)), await drafted(engine, event, people(3))
    start = ControlCampaign(
        campaign_id=two.campaign.id, action=CampaignAction.START, confirm_token=one.confirm_token
    )
    assert await refusal(engine, start) is Code.CONFIRM_TOKEN_INVALID


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"recipients": []}, Code.EMPTY_LIST),
        ({"at": datetime(2027, 2, 1, 9).astimezone()}, Code.INVALID_TIME),
        ({"at": datetime(2027, 6, 1, 9).astimezone()}, Code.INVALID_TIME),
        ({"at": datetime(2027, 4, 1, 9)}, Code.INVALID_TIME),  # noqa: DTZ001 -- that is the point
        ({"uid": "nowhere"}, Code.UNKNOWN_EVENT),
    ],
)
async def test_a_draft_that_makes_no_sense_is_refused(
    engine: Engine, values: dict[str, object], code: Code
) -> None:
    event = await created(engine)
    known = {"uid": event.uid, "recipients": [ListRow(email="a@example.com")]}
    assert await refusal(engine, DraftCampaign(**{**known, **values})) is code  # type: ignore[arg-type]


async def test_a_list_without_a_good_row_does_not_start(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), ["nonsense"])
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    assert await refusal(engine, start) is Code.EMPTY_LIST


async def test_every_action_is_safe_to_repeat_and_the_others_are_refused(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, people(3))
    for action in (CampaignAction.PAUSE, CampaignAction.RESUME):
        wrong = ControlCampaign(campaign_id=draft.campaign.id, action=action)
        assert await refusal(engine, wrong) is Code.CAMPAIGN_STATE
    for action in (CampaignAction.START, CampaignAction.PAUSE, CampaignAction.RESUME, CampaignAction.CANCEL):
        first = await control(engine, draft, action)
        again = await control(engine, draft, action)
        assert again.campaign == first.campaign
    for action in (CampaignAction.START, CampaignAction.PAUSE, CampaignAction.RESUME):
        wrong = ControlCampaign(campaign_id=draft.campaign.id, action=action)
        assert await refusal(engine, wrong) is Code.CAMPAIGN_STATE


async def test_a_paused_campaign_sends_nothing_until_it_is_resumed(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), people(4))
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await control(engine, draft, CampaignAction.PAUSE)
    assert await deliver(engine) == []
    assert await counts(engine, draft) == {"queued": 4}
    await control(engine, draft, CampaignAction.RESUME)
    assert len(await deliver(engine)) == 4


async def test_a_campaign_that_is_paused_before_it_fans_out_waits_too(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), people(4))
    await control(engine, draft, CampaignAction.START)
    await control(engine, draft, CampaignAction.PAUSE)
    await jobs_done(engine)
    assert await counts(engine, draft) == {"waiting": 4}
    await control(engine, draft, CampaignAction.RESUME)
    assert len(await deliver(engine)) == 4


@pytest.mark.parametrize("when", ["draft", "scheduled", "started", "fanned out", "being sent"])
async def test_a_cancelled_campaign_sends_nothing_more_and_adds_up(engine: Engine, when: str) -> None:
    event = await created(engine)
    at = engine.clock() + timedelta(days=1) if when == "scheduled" else None
    draft = await drafted(engine, event, people(4), at=at)
    if when != "draft":
        await control(engine, draft, CampaignAction.START)
    if when in {"fanned out", "being sent"}:
        await jobs_done(engine)
    held = await claim(engine, 1) if when == "being sent" else []
    await control(engine, draft, CampaignAction.CANCEL)
    await settle(engine, held, MessageState.DEFERRED, due=engine.clock())
    assert await deliver(engine) == []
    found = await counts(engine, draft)
    assert set(found) <= {"withdrawn", "skipped"}, found
    assert sum(found.values()) == 4


async def test_those_whom_a_cancelled_campaign_did_not_reach_can_be_invited_by_the_next(
    engine: Engine,
) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, people(4))
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await settle(engine, await claim(engine, 1), MessageState.SENT)
    await control(engine, draft, CampaignAction.CANCEL)
    again = await drafted(engine, event, people(4))
    assert again.campaign.valid == 3
    await control(engine, again, CampaignAction.START)
    assert len(await deliver(engine)) == 3
    assert await counts(engine, again) == {"sent": 3, "skipped": 1}
    assert await counts(engine, draft) == {"sent": 1, "withdrawn": 3}
    assert await attendee_count(engine, event) == 4


async def test_a_scheduled_campaign_starts_at_its_time(engine: Engine, clock: Clock) -> None:
    at = clock() + timedelta(hours=2)
    draft = await drafted(engine, await created(engine), people(2), at=at)
    await control(engine, draft, CampaignAction.START)
    assert await state(engine, draft) is CampaignState.SCHEDULED
    assert await deliver(engine) == []
    clock.move(hours=2)
    assert len(await deliver(engine)) == 2


@pytest.mark.parametrize("change", ["update", "cancel", "suspend"])
async def test_a_scheduled_campaign_whose_event_changed_gives_up_and_says_so(
    engine: Engine, clock: Clock, change: str
) -> None:
    event = await created(engine)
    at = clock() + timedelta(hours=2)
    draft = await drafted(engine, event, people(2), at=at, report_to="boss@example.com")
    await control(engine, draft, CampaignAction.START)
    clock.move(hours=1)
    match change:
        case "update":
            await do(engine, UpdateEvent(uid=event.uid, summary="Another"))
        case "cancel":
            await do(engine, CancelEvent(uid=event.uid))
        case "suspend":
            await do(engine, SuspendOrganizer(address=event.organizer))
    clock.move(hours=1)
    gone = await deliver(engine)
    assert [(m.kind, m.email) for m in gone] == [(Kind.NOTICE, "boss@example.com")]
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert view.campaign.state is CampaignState.CANCELLED
    assert view.campaign.note
    assert await counts(engine, draft) == {"skipped": 2}


async def test_a_campaign_that_is_scheduled_within_a_second_of_a_change_starts(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    clock.move(seconds=0.3)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    draft = await drafted(engine, event, people(2), at=clock() + timedelta(hours=2))
    await control(engine, draft, CampaignAction.START)
    clock.move(hours=2)
    assert len(await deliver(engine)) == 2


async def test_a_change_in_the_second_in_which_a_campaign_was_scheduled_ends_it(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    clock.move(seconds=5.2)
    draft = await drafted(engine, event, people(2), at=clock() + timedelta(hours=2))
    await control(engine, draft, CampaignAction.START)
    clock.move(seconds=0.3)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    clock.move(hours=2)
    assert await deliver(engine) == []
    assert await state(engine, draft) is CampaignState.CANCELLED


async def test_cancelling_the_event_ends_its_campaign(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, people(3))
    await control(engine, draft, CampaignAction.START)
    await do(engine, CancelEvent(uid=event.uid))
    assert await deliver(engine) == []
    assert await counts(engine, draft) == {"skipped": 3}
    assert await state(engine, draft) is CampaignState.FINISHED


async def test_what_changed_since_the_draft_is_judged_again(tmp_path: object, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, invite_limit=3) as engine:  # type: ignore[arg-type]
        event, other = await created(engine), await created(engine)
        draft = await drafted(engine, event, people(3))
        assert draft.campaign.valid == 3
        blocked = await invite(engine, other, "p0@example.com")
        await do(engine, Unsubscribe(token=blocked.attendee.token), SYSTEM)
        await invite(engine, event, "p1@example.com")
        await invite(engine, event, "vip@example.com", origin=Origin.VIP)
        await invite(engine, event, "vip2@example.com", origin=Origin.VIP)
        await invite(engine, event, "vip3@example.com", origin=Origin.VIP)
        await control(engine, draft, CampaignAction.START)
        await deliver(engine)
        view = await engine.campaign(draft.campaign.id, engine.local)
        assert [r.code for r in view.skipped] == [
            Code.ATTENDEE_BLOCKED,
            Code.ALREADY_INVITED,
            Code.INVITE_LIMIT_REACHED,
        ]


async def test_the_limit_skips_the_rows_beyond_it(tmp_path: object, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, invite_limit=3) as engine:  # type: ignore[arg-type]
        event = await created(engine)
        draft = await drafted(engine, event, [*people(5), "nonsense"])
        assert draft.campaign.valid == 3
        await control(engine, draft, CampaignAction.START)
        await deliver(engine)
        assert await counts(engine, draft) == {"sent": 3, "skipped": 3}


async def test_failures_are_shown_with_the_servers_words(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), people(3))
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await settle(
        engine, await claim(engine, 1), MessageState.FAILED, code=Code.REJECTED_BY_SERVER, text="550 no"
    )
    await deliver(engine)
    view = await engine.campaign(draft.campaign.id, engine.local)
    assert [m.answer for m in view.failures] == ["550 no"]
    assert view.campaign.state is CampaignState.FINISHED


async def test_a_report_counts_what_servers_took_and_every_row_once(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, [*people(3), "nonsense"], report_to="boss@example.com")
    await control(engine, draft, CampaignAction.START)
    await jobs_done(engine)
    await settle(engine, await claim(engine, 1), MessageState.FAILED, code=Code.REJECTED_BY_SERVER)
    (report,) = [m for m in await deliver(engine) if m.kind is Kind.NOTICE]
    assert report.notice is not None
    assert f"{event.uid}: 2 invites sent" in report.notice.text
    assert f"{event.uid}: 2 not sent." in report.notice.text
    assert "row 4: nonsense: invalid_address" in report.notice.text


async def test_a_campaign_of_another_organizer_is_unknown(engine: Engine) -> None:
    draft = await drafted(engine, await created(engine), people(1))
    stranger = Actor(kind="agent", address="x@example.com", scopes=frozenset({"campaigns", "read"}))
    command = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.START)
    assert await refusal(engine, command, stranger) is Code.UNKNOWN_CAMPAIGN
    assert await engine.campaigns(stranger) == []
    reader = Actor(kind="agent", address="agent@cis.test", scopes=frozenset({"read"}))
    assert await refusal(engine, command, reader) is Code.NOT_ALLOWED
    assert [v.campaign.id for v in await engine.campaigns(reader)] == [draft.campaign.id]


async def test_a_fan_out_of_three_thousand_goes_in_chunks_that_others_can_get_between(engine: Engine) -> None:
    event, other = await created(engine, recurrence="FREQ=DAILY;COUNT=9"), await created(engine)
    draft = await drafted(engine, event, people(3_000), origin=Origin.API)
    await control(engine, draft, CampaignAction.START)

    async def invites() -> None:
        for n in range(5):
            await invite(engine, other, f"q{n}@example.com")

    await asyncio.gather(jobs_done(engine), invites())
    assert await counts(engine, draft) == {"queued": 3_000}
    assert len(await deliver(engine)) == 3_005
    done = await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    assert done.notified == 3_000
    assert len(await deliver(engine)) == 3_000


async def test_a_draft_follows_when_somebody_is_invited_again_and_not_when_the_event_changes(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    at = clock() + timedelta(hours=2)
    waiting = await drafted(engine, event, people(3), at=at)
    await control(engine, waiting, CampaignAction.START)
    draft = await drafted(engine, event, ["late@example.com"])
    clock.move(minutes=5)
    await do(engine, WithdrawInvite(uid=event.uid, email="ann@example.com"))
    assert (await invite(engine, event, "ann@example.com")).attendee.withdrawn is None
    await control(engine, draft, CampaignAction.START)
    clock.move(hours=2)
    await deliver(engine)
    assert await state(engine, waiting) is CampaignState.FINISHED
    assert await counts(engine, waiting) == {"sent": 3}
    second = await drafted(engine, event, ["more@example.com"], at=clock() + timedelta(hours=1))
    await control(engine, second, CampaignAction.START)
    clock.move(minutes=5)
    await do(engine, UpdateEvent(uid=event.uid, location="Hall 2"))
    clock.move(hours=1)
    await deliver(engine)
    assert await state(engine, second) is CampaignState.CANCELLED
