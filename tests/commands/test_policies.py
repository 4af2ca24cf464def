"""What the bounds of a key have wait for its owner: each policy, and what is not held."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.commands.agents.keys import ChangeKey, CreateKey, RevokeKey, StopKey
from engine.commands.agents.messages import ReplyMessage, TakeMessage
from engine.commands.approvals import approval_mails
from engine.commands.approvals.deciding import Decide, Decided
from engine.commands.base import Command, Done
from engine.commands.campaigns.campaigns import CampaignAction, ControlCampaign, DraftCampaign
from engine.commands.campaigns.validation import ListRow
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.instances import UpdateInstance
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.reminding import Remind
from engine.commands.invites.send_many import SendInvites
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds
from engine.model.events import Event
from engine.model.held import Channel, HeldState, HoldReason
from engine.model.keys import Key
from engine.model.messages import Kind
from engine.refusals import Code
from tests.support.approvals import PUBLIC, asking, code_in, held_in, page
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite_all_answers, meeting, refusal

AGENT, BOSS = "agent@cis.test", "boss@example.org"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url=PUBLIC) as opened:
        yield opened


async def key(engine: Engine, **bounds: Any) -> Key:
    given = {"owner": BOSS, "verbs": "create,send,bulk,update,report", **bounds}
    return (await do(engine, CreateKey(name="K", address=AGENT, bounds=Bounds(**given)))).key


async def event(engine: Engine, **values: Any) -> Event:
    made = await created(engine, organizer=AGENT, **values)
    await invite_all_answers(engine, made)
    return made


async def reasons(engine: Engine, command: Command[Any], actor: Actor) -> list[str]:
    """Why a command waits; empty if it was carried out."""
    done: Done = await do(engine, command, actor)
    return [reason.value for reason in done.held.reasons] if done.held else []


async def decide(engine: Engine, *, approve: bool = True, why: str = "no") -> Decided:
    (waiting,) = await held_in(engine)
    command = Decide(held_id=waiting.id, approve=approve, why=why, channel=Channel.COMMAND_LINE)
    return await do(engine, command)


async def test_in_mode_hold_everything_that_changes_something_waits(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, mode="hold")).actor
    for command in (
        meeting(summary="Another"),
        UpdateEvent(uid=made.uid, summary="Renamed"),
        SendInvite(uid=made.uid, email="new@example.com"),
        SendInvites(uids=(made.uid,), email="newer@example.com"),
        Remind(uid=made.uid),
        WithdrawInvite(uid=made.uid, email="yes@example.com"),
        CancelEvent(uid=made.uid),
    ):
        assert await reasons(engine, command, actor) == ["mode"], command
    assert await engine.event(made.uid, engine.local) == made
    assert {m.email for m in await deliver(engine)} == {BOSS}


async def test_what_shows_drafts_or_stops_waits_for_nobody(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, mode="hold")).actor
    assert await reasons(engine, UpdateEvent(uid=made.uid, summary="R", dry_run=True), actor) == []
    draft = await do(engine, DraftCampaign(uid=made.uid, recipients=[ListRow(email="a@example.com")]), actor)
    start = ControlCampaign(
        campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
    )
    assert await reasons(engine, start, actor) == ["mode"]
    cancel = ControlCampaign(campaign_id=draft.campaign.id, action=CampaignAction.CANCEL)
    assert await reasons(engine, cancel, actor) == []
    assert (await decide(engine)).action.state is HeldState.VOID


async def test_what_cannot_wait_is_refused_where_everything_waits(engine: Engine) -> None:
    actor = (await key(engine, mode="hold", verbs="create,send,delegate")).actor
    assert await refusal(engine, CreateKey(name="child"), actor) is Code.OUT_OF_BOUNDS


async def test_a_probation_holds_and_ends_by_itself(engine: Engine, clock: Clock) -> None:
    made = await event(engine)
    actor = (await key(engine, probation_days=7)).actor
    assert await reasons(engine, SendInvite(uid=made.uid, email="a@example.com"), actor) == ["mode"]
    clock.move(days=8)
    assert await reasons(engine, SendInvite(uid=made.uid, email="b@example.com"), actor) == []


async def test_what_was_approved_is_made_with_the_uid_that_was_shown(engine: Engine) -> None:
    actor = (await key(engine, approval=["everything"])).actor
    done = await do(engine, meeting(summary="Another"), actor)
    assert done.held
    decided = await decide(engine)
    assert decided.action.made == done.event.uid
    assert (await engine.event(done.event.uid, engine.local)).summary == "Another"


async def test_asking_twice_holds_once_and_asks_the_owner_once(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["everything"])).actor
    invite = SendInvite(uid=made.uid, email="a@example.com", note="See you")
    ids = {(await do(engine, invite, actor)).held.id for _ in range(3)}  # type: ignore[union-attr]
    assert len(ids) == 1
    assert len(asking(await deliver(engine))) == 1
    await decide(engine)
    assert [m.email for m in await deliver(engine)] == ["a@example.com"]


async def test_asking_twice_by_two_faces_holds_once(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["everything"])).actor
    invite = SendInvite(uid=made.uid, email="a@example.com")
    faces = [actor, actor.model_copy(update={"face": "rest"})]
    ids = {(await do(engine, invite, one)).held.id for one in faces}  # type: ignore[union-attr]
    assert len(ids) == 1
    assert len(asking(await deliver(engine))) == 1


async def test_a_list_over_the_number_waits_and_one_below_does_not(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["bulk"], approval_bulk=2)).actor
    found = []
    for size in (2, 3):
        rows = [ListRow(email=f"{size}-{n}@example.com") for n in range(size)]
        draft = await do(engine, DraftCampaign(uid=made.uid, recipients=rows), actor)
        start = ControlCampaign(
            campaign_id=draft.campaign.id, action=CampaignAction.START, confirm_token=draft.confirm_token
        )
        found.append(await reasons(engine, start, actor))
    assert found == [[], ["bulk"]]
    (waiting,) = await held_in(engine)
    assert (waiting.preview.people, len(waiting.preview.first)) == (3, 3)
    assert waiting.preview.sample
    assert waiting.preview.sample.to == "3-0@example.com"
    await deliver(engine)
    await decide(engine)
    assert len(await deliver(engine)) == 3


async def test_the_first_mail_to_a_domain_waits(engine: Engine, clock: Clock) -> None:
    made = await event(engine)
    clock.move(minutes=1)
    actor = (await key(engine, approval=["new-domain"])).actor
    assert await reasons(engine, SendInvite(uid=made.uid, email="a@example.com"), actor) == []
    invite = SendInvite(uid=made.uid, email="a@sub.example.com")
    assert await reasons(engine, invite, actor) == ["new-domain"]
    await decide(engine)
    clock.move(minutes=1)
    assert await reasons(engine, SendInvite(uid=made.uid, email="b@sub.example.com"), actor) == []


async def test_an_answer_that_is_the_first_mail_to_a_domain_waits(engine: Engine, clock: Clock) -> None:
    await event(engine)
    clock.move(minutes=1)
    actor = (await key(engine, approval=["new-domain"], verbs="reply")).actor
    found = []
    for sender in ("x@example.com", "x@elsewhere.example"):
        asked = TakeMessage(organizer=AGENT, sender=sender, title="Hello", body="When?", proof="dkim")
        message = (await do(engine, asked, SYSTEM)).message
        found.append(await reasons(engine, ReplyMessage(message_id=message.id, body="At nine."), actor))
    assert found == [[], ["new-domain"]]
    assert {m.email for m in await deliver(engine) if m.kind is Kind.REPLY} == {"x@example.com"}
    await decide(engine)
    assert {m.email for m in await deliver(engine) if m.kind is Kind.REPLY} == {"x@elsewhere.example"}


async def test_links_wait_wherever_they_stand(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["links"])).actor
    assert await reasons(engine, UpdateEvent(uid=made.uid, summary="Plain"), actor) == []
    for command in (
        UpdateEvent(uid=made.uid, description="See evil.example"),
        UpdateEvent(uid=made.uid, location="Hall 9", note="//evil.example"),
        SendInvite(uid=made.uid, email="a@example.com", note="https://evil.example"),
        SendInvite(uid=made.uid, email="a@example.com", fields={"x": "evil.example"}),
        CancelEvent(uid=made.uid, reason="evil.example"),
    ):
        assert await reasons(engine, command, actor) == ["links"], command


async def test_changes_wait_and_so_do_times_at_short_notice(engine: Engine, clock: Clock) -> None:
    made = await event(engine)
    every = (await key(engine, approval=["changes"])).actor
    assert await reasons(engine, UpdateEvent(uid=made.uid, summary="Renamed"), every) == ["changes"]
    assert await reasons(engine, SendInvite(uid=made.uid, email="a@example.com"), every) == []
    late = (await key(engine, approval=["time-changes"])).actor
    move = UpdateEvent(uid=made.uid, when=Timing(start="2027-05-02T20:00"))
    assert await reasons(engine, move, late) == []
    now = await engine.event(made.uid, engine.local)
    clock.now = now.span.start_utc - timedelta(hours=23)
    back = UpdateEvent(uid=made.uid, when=Timing(start="2027-05-02T19:00"))
    assert await reasons(engine, back, late) == ["time-changes"]
    assert await reasons(engine, CancelEvent(uid=made.uid), late) == ["time-changes"]


async def test_other_words_of_one_date_are_no_other_time_and_another_time_is(engine: Engine) -> None:
    made = await event(engine, recurrence="FREQ=WEEKLY;COUNT=3")
    late = (await key(engine, approval=["time-changes"])).actor
    first = {"uid": made.uid, "recurrence_id": made.span.start}
    assert await reasons(engine, UpdateInstance(**first, description="Bring cake"), late) == []
    assert await reasons(engine, UpdateEvent(uid=made.uid, location="Hall 9"), late) == []
    assert await reasons(engine, UpdateInstance(**first, when=Timing(duration="PT3H")), late) == [
        "time-changes"
    ]


async def test_outside_its_hours_what_mails_people_waits(engine: Engine, clock: Clock) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["outside-hours"], hours="08:00-20:00")).actor
    assert await reasons(engine, SendInvite(uid=made.uid, email="a@example.com"), actor) == []
    clock.move(hours=12)
    assert await reasons(engine, SendInvite(uid=made.uid, email="b@example.com"), actor) == ["outside-hours"]
    assert await reasons(engine, meeting(summary="Made at night"), actor) == []


async def test_the_owner_is_mailed_the_preview_and_decides_by_its_link(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["changes"])).actor
    await do(engine, UpdateEvent(uid=made.uid, location="Hall 9"), actor)
    (asked,) = await deliver(engine)
    assert asked.email == BOSS
    assert asked.notice
    assert "to: Hall 9" in asked.notice.text
    code = code_in(asked)
    assert "Hall 9" in (await page(engine, code)).text
    assert "it is carried out" in (await page(engine, code, decision="yes")).text
    assert (await engine.event(made.uid, engine.local)).location == "Hall 9"
    assert {m.kind for m in await deliver(engine)} == {Kind.UPDATE}


@pytest.mark.parametrize("how", ["bounds", "revoked", "stopped", "event"])
async def test_what_changes_the_ground_voids_the_approval(engine: Engine, how: str) -> None:
    made = await event(engine)
    own = await key(engine, approval=["changes"])
    await do(engine, UpdateEvent(uid=made.uid, location="Hall 9"), own.actor)
    match how:
        case "bounds":
            assert own.bounds
            wider = own.bounds.model_copy(update={"day": 1_000})
            await do(engine, ChangeKey(key_id=own.id, bounds=wider))
        case "revoked":
            await do(engine, RevokeKey(key_id=own.id))
        case "stopped":
            await do(engine, StopKey(key_id=own.id))
        case _:
            await do(engine, UpdateEvent(uid=made.uid, description="Moved on"))
    await deliver(engine)
    assert (await decide(engine)).action.state is HeldState.VOID
    assert (await engine.event(made.uid, engine.local)).location != "Hall 9"
    assert await deliver(engine) == []


async def test_what_is_kept_differently_from_what_was_shown_is_not_carried_out(engine: Engine) -> None:
    """Whoever writes into the store between the preview and the Yes changes no mail."""
    own = await key(engine, mode="hold")
    made = await created(engine, organizer=own.address)
    await do(engine, SendInvite(uid=made.uid, email="ann@customer.com"), own.actor)
    (held,) = await held_in(engine)
    arguments = held.command.arguments.replace("ann@customer.com", "eve@evil.com")
    assert arguments != held.command.arguments
    other = held.command.model_copy(update={"arguments": arguments})
    async with engine.store.unit() as unit:
        await unit.save_held(held.model_copy(update={"command": other}))
    done = await decide(engine)
    assert (done.action.state, done.action.why) == (HeldState.VOID, "it is not what was shown")
    assert [m for m in await deliver(engine) if m.kind.calendar] == []


async def test_without_an_owner_or_with_one_whom_a_key_reads_the_operator_decides(engine: Engine) -> None:
    made = await event(engine)
    actor = (await key(engine, approval=["changes"], owner="")).actor
    other = (await key(engine, approval=["changes"])).actor
    await do(engine, CreateKey(name="reads", address=BOSS))
    for number, who in enumerate((actor, other)):
        await do(engine, UpdateEvent(uid=made.uid, location=f"Hall {number}"), who)
    assert asking(await deliver(engine)) == []
    assert {held.address for held in await held_in(engine)} == {""}


def test_every_reason_is_said_in_the_mail_that_asks() -> None:
    assert set(approval_mails.REASONS) == set(HoldReason)


async def test_a_change_that_passes_a_bound_is_carried_out_whole_once_the_owner_says_yes(
    engine: Engine,
) -> None:
    made = await event(engine)
    actor = (await key(engine, to=("*@customer.com",))).actor
    assert await reasons(engine, CancelEvent(uid=made.uid), actor) == ["bounds"]
    (asked,) = asking(await deliver(engine))
    assert "exceeds a bound" in str(asked.notice)
    assert "it is carried out" in (await page(engine, code_in(asked), decision="yes")).text
    gone = await deliver(engine)
    assert {m.kind for m in gone} == {Kind.CANCELLATION}
    assert len(gone) == 3
