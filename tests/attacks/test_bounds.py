"""Agents that try to get out of the bounds of their key, by every door."""

from __future__ import annotations

import asyncio

import pytest

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey, RevokeKey, StopKey
from engine.commands.agents.owed import DecideOwed
from engine.commands.answers.receipts import RecordReceipt
from engine.commands.approvals.deciding import Decide
from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone, ControlCampaign, DraftCampaign
from engine.commands.campaigns.validation import ListRow
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.invites.invites import InviteDone, SendInvite
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.held import Channel, HoldReason
from engine.model.keys import Key
from engine.model.messages import Kind, MessageState
from engine.model.people import Partstat, Party
from engine.model.queries import AttendeeQuery
from engine.outbox.render import Renderer
from engine.refusals import Code, Refused
from engine.store.rules import CHANGES_LEAST
from tests.bounds.making import EVERYTHING, made, narrowed
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, jobs_done, ledger, meeting, why_not
from tests.tools.caller import calling

EVE = "eve@evil.com"
ANN = "ann@customer.com"


@pytest.fixture
async def key(engine: Engine) -> Key:
    """Create and send, to one customer, 500 mails a day, lists of 1,000."""
    return await made(engine, to=["*@customer.com"], day=500, bulk_max=1000, links=["customer.com"], minute=0)


async def bound_of(engine: Engine, command: object, actor: Actor) -> str:
    """By which bound a command is refused."""
    with pytest.raises(Refused) as refused:
        await engine.apply(command, actor)  # type: ignore[arg-type, type-var]
    assert refused.value.code is Code.OUT_OF_BOUNDS
    return refused.value.bound


async def invited(engine: Engine, event: Event, email: str, key: Key) -> InviteDone:
    return await do(engine, SendInvite(uid=event.uid, email=email), key.actor)


async def drafted(engine: Engine, event: Event, n: int, key: Key, start: int = 0) -> CampaignDone:
    rows = [ListRow(email=f"p{i}@customer.com") for i in range(start, start + n)]
    return await do(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor)


def started(draft: CampaignDone, action: CampaignAction = CampaignAction.START) -> ControlCampaign:
    return ControlCampaign(campaign_id=draft.campaign.id, action=action, confirm_token=draft.confirm_token)


async def left(engine: Engine) -> list[str]:
    """Who gets a calendar mail now."""
    return [m.email for m in await deliver(engine) if m.kind.calendar]


async def emails(engine: Engine, event: Event) -> set[str]:
    page = await engine.store.attendees(AttendeeQuery(uid=event.uid, limit=100))
    return {a.email for a in page.attendees}


# 1, 2


async def test_nobody_outside_the_bounds_is_invited_over_mcp(engine: Engine, key: Key) -> None:
    async with calling(engine, actor=key.actor) as caller:
        uid = await caller.event()
        refused = await caller.refused("send_invite", uid=uid, email=EVE)
        assert (refused["code"], refused["bound"], refused["sent"]) == ("out_of_bounds", "to", False)
        assert (await caller.ok("send_invite", uid=uid, email=ANN, wait_s=0))["status"] == "queued"
    assert {c.message.email for c in await claim(engine)} == {ANN}


@pytest.mark.parametrize(
    "email",
    [
        "eve@customer.com.evil.com",
        "eve@customer.com.",
        '"eve@customer.com"@evil.com',
        "eve@\u0441ustomer.com",
    ],
)
async def test_an_address_that_looks_like_one_inside_is_refused(engine: Engine, key: Key, email: str) -> None:
    event = await created(engine, key.actor)
    code = await why_not(engine, SendInvite(uid=event.uid, email=email), key.actor)
    assert code in {Code.OUT_OF_BOUNDS, Code.INVALID_ADDRESS}
    assert await emails(engine, event) == set()
    assert await claim(engine) == []


async def test_rows_of_a_list_outside_the_bounds_are_passed_over_and_named(engine: Engine, key: Key) -> None:
    event = await created(engine, key.actor)
    rows = [ListRow(email=EVE), ListRow(email=ANN), ListRow(email="x@customer.com.evil.com")]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor)
    assert (draft.campaign.total, draft.campaign.valid) == (3, 1)
    await do(engine, started(draft), key.actor)
    assert {m.email for m in await deliver(engine)} == {ANN}


# 3


async def test_a_change_reaches_nobody_outside_the_bounds_though_the_operator_invited_them(
    engine: Engine, key: Key
) -> None:
    event = await created(engine)
    await do(engine, SendInvite(uid=event.uid, email=EVE))
    await do(engine, SendInvite(uid=event.uid, email=ANN))
    await deliver(engine)
    done = await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"), key.actor)
    assert done.held is not None
    assert done.held.reasons == (HoldReason.BOUNDS,)
    assert await left(engine) == []
    assert (await engine.event(event.uid, engine.local)).location == ""


# 4


async def test_a_delegate_outside_the_bounds_is_noted_and_not_invited(engine: Engine, key: Key) -> None:
    event = await created(engine, key.actor)
    ann = (await invited(engine, event, ANN, key)).attendee
    await deliver(engine)
    delegated = RecordReceipt(token=ann.token, partstat=Partstat.DELEGATED, delegates=(Party(address=EVE),))
    await do(engine, delegated, SYSTEM)
    assert await emails(engine, event) == {ANN}
    (told,) = await claim(engine)
    assert (told.message.kind, told.message.email) == (Kind.NOTICE, event.organizer)
    assert [d.delegate for d in await engine.store.delegations(event.uid, ANN)] == [EVE]


async def test_a_delegate_inside_the_bounds_is_invited_with_the_key_of_the_event(
    engine: Engine, key: Key
) -> None:
    event = await created(engine, key.actor)
    ann = (await invited(engine, event, ANN, key)).attendee
    await deliver(engine)
    delegates = (Party(address="bob@customer.com"),)
    await do(engine, RecordReceipt(token=ann.token, partstat=Partstat.DELEGATED, delegates=delegates), SYSTEM)
    assert (await ledger(engine, event, "bob@customer.com")).key == key.id


# 14, 15


@pytest.mark.parametrize("field", ["summary", "location", "description", "organizer_name", "url"])
@pytest.mark.parametrize("text", ["https://evil.com/?d=ann", "https://evil.com@customer.com.evil.com/"])
async def test_no_text_of_an_event_links_outside(engine: Engine, key: Key, field: str, text: str) -> None:
    assert await bound_of(engine, meeting(**{field: text}), key.actor) == "links"
    event = await created(engine, key.actor)
    change = UpdateEvent(uid=event.uid, **{field: text})  # type: ignore[arg-type]
    assert await bound_of(engine, change, key.actor) == "links"


@pytest.mark.parametrize(
    "text",
    [
        "//evil.com",
        "evil.com",
        "xn--ustomer-xvf.com",
        "cust\u200bomer.com.evil.com",
        "https://customer.com@evil.com",
    ],
)
async def test_notes_reasons_names_and_values_link_nowhere_else(engine: Engine, key: Key, text: str) -> None:
    event = await created(engine, key.actor, description="Dear {{name}}, see {{offer}}")
    values = {"name": "Ann", "fields": {"offer": "x"}}
    for wrong in ({"note": text}, {"name": text}, {"fields": {"offer": text}}):
        command = SendInvite(uid=event.uid, email=ANN, **{**values, **wrong})  # type: ignore[arg-type]
        assert await bound_of(engine, command, key.actor) == "links"
    assert await bound_of(engine, CancelEvent(uid=event.uid, reason=text), key.actor) == "links"
    rows = [ListRow(email=ANN, name="Ann", fields={"offer": text})]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor)
    assert draft.campaign.valid == 0


async def test_a_link_put_together_from_a_persons_values_is_found(engine: Engine, key: Key) -> None:
    event = await created(engine, key.actor, description="https://{{a}}{{b}}")
    command = SendInvite(uid=event.uid, email=ANN, fields={"a": "ev", "b": "il.com"})
    assert await bound_of(engine, command, key.actor) == "links"


# 16


async def test_an_event_of_another_organizer_is_as_unknown_as_none(engine: Engine, key: Key) -> None:
    other = await created(engine, organizer="bob@cis.test")
    refusals = []
    for uid in (other.uid, "n" * 40):
        with pytest.raises(Refused) as refused:
            await engine.apply(UpdateEvent(uid=uid, summary="Mine"), key.actor)
        refusals.append((refused.value.code, refused.value.message.replace(uid, "")))
    assert refusals[0] == refusals[1]
    assert refusals[0][0] is Code.UNKNOWN_EVENT


# 17, 18, 19, 20


async def test_forty_parallel_calls_with_thirty_left_owe_exactly_thirty(engine: Engine) -> None:
    key = await made(engine, day=30, new_people_day=0)
    event = await created(engine, key.actor)
    sending = (SendInvite(uid=event.uid, email=f"p{n}@customer.com") for n in range(40))
    codes = await asyncio.gather(*(why_not(engine, command, key.actor) for command in sending))
    assert sorted(map(str, codes)) == sorted(["None"] * 30 + ["out_of_bounds"] * 10)
    assert len(await claim(engine)) == 30


async def test_a_list_beyond_the_bounds_is_refused_whole(engine: Engine) -> None:
    key = await made(engine, bulk_max=10, day=15, new_people_day=0)
    event = await created(engine, key.actor)
    rows = [ListRow(email=f"p{n}@customer.com") for n in range(11)]
    assert await bound_of(engine, DraftCampaign(uid=event.uid, recipients=rows), key.actor) == "bulk_max"
    first, second = await drafted(engine, event, 9, key), await drafted(engine, event, 9, key, start=100)
    await do(engine, started(first), key.actor)
    assert await bound_of(engine, started(second), key.actor) == "day"
    assert len(await deliver(engine)) == 9
    assert await bound_of(engine, started(second), key.actor) == "day"


async def test_a_list_of_new_people_is_reserved_whole(engine: Engine) -> None:
    key = await made(engine, new_people_day=10)
    event, other = await created(engine, key.actor), await created(engine, key.actor)
    await do(engine, started(await drafted(engine, event, 8, key)), key.actor)
    more = await drafted(engine, other, 3, key, start=100)
    assert await bound_of(engine, started(more), key.actor) == "new_people_day"
    await do(engine, started(await drafted(engine, other, 2, key, start=100)), key.actor)
    fresh = SendInvite(uid=event.uid, email="fresh@customer.com")
    assert await bound_of(engine, fresh, key.actor) == "new_people_day"
    await jobs_done(engine)
    assert await bound_of(engine, fresh, key.actor) == "new_people_day"
    await do(engine, SendInvite(uid=other.uid, email="p1@customer.com"), key.actor)


async def test_what_was_withdrawn_before_it_left_is_given_back_once(engine: Engine) -> None:
    key = await made(engine, day=10, new_people_day=0, person_day=0)
    event = await created(engine, key.actor)
    for _ in range(12):
        draft = await drafted(engine, event, 6, key)
        await do(engine, started(draft), key.actor)
        await jobs_done(engine)
        await do(engine, started(draft, CampaignAction.CANCEL), key.actor)
    draft = await drafted(engine, event, 6, key)
    await do(engine, started(draft), key.actor)
    assert len(await deliver(engine)) == 6
    again = await drafted(engine, event, 5, key, start=50)
    assert await bound_of(engine, started(again), key.actor) == "day"
    assert await engine.check() == []


async def test_many_changes_of_a_word_leave_as_one_mail_with_the_newest(engine: Engine) -> None:
    key = await made(engine)
    event = await created(engine, key.actor)
    await invited(engine, event, ANN, key)
    await deliver(engine)
    for n in range(20):
        await do(engine, UpdateEvent(uid=event.uid, location=f"Room {n}"), key.actor)
    await jobs_done(engine)
    (left,) = await deliver(engine)
    assert (left.email, left.sequence) == (ANN, 20)


async def test_more_changes_than_the_allowance_of_a_day_wait_for_a_yes(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await invited(engine, event, ANN, key)
    await deliver(engine)
    for n in range(CHANGES_LEAST):
        await do(engine, UpdateEvent(uid=event.uid, location=f"Room {n}"), key.actor)
        assert len(await deliver(engine)) == 1
    for command in (UpdateEvent(uid=event.uid, location="Roof"), CancelEvent(uid=event.uid)):
        held = (await do(engine, command, key.actor)).held
        assert held is not None
        assert held.reasons == (HoldReason.BOUNDS,)
    assert await left(engine) == []
    await do(engine, Decide(held_id=held.id, approve=True, channel=Channel.COMMAND_LINE))
    assert await left(engine) == [ANN]
    async with engine.store.unit() as unit:
        spent = await unit.spent([key.id], engine.clock())
    assert spent[key.id].changes == CHANGES_LEAST + 1, "what was approved counts as well"


# 21, 22


async def test_a_key_that_expires_withdraws_what_is_queued(engine: Engine, clock: Clock) -> None:
    key = await made(engine, expires_days=1, minute=0)
    event = await created(engine, key.actor)
    await do(engine, started(await drafted(engine, event, 50, key)), key.actor)
    await jobs_done(engine)
    clock.move(days=1)
    assert await claim(engine) == []
    assert (await ledger(engine, event, "p1@customer.com")).code == Code.KEY_ENDED
    assert (await ledger(engine, event, "p1@customer.com")).state is MessageState.WITHDRAWN


async def test_a_key_revoked_in_a_campaign_ends_it_at_the_next_claim(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await do(engine, started(await drafted(engine, event, 50, key)), key.actor)
    await jobs_done(engine)
    assert len(await claim(engine, 20)) == 20
    await do(engine, RevokeKey(key_id=key.id))
    assert await claim(engine) == []
    counts = (await engine.statistics("event", event.uid, engine.local)).delivery
    assert (counts["sending"], counts["withdrawn"]) == (20, 30)


# 9


@pytest.mark.parametrize(
    "bounds", [{"verbs": "approve"}, {"verbs": "send", "to": ["*@evil.com"]}, {"day": 501}]
)
async def test_a_key_under_another_is_never_wider(
    engine: Engine, key: Key, bounds: dict[str, object]
) -> None:
    command = CreateKey(name="", bounds=read_bounds({"verbs": EVERYTHING, **bounds}))
    assert (await bound_of(engine, command, key.actor)) == next(iter(reversed(bounds)))


async def test_an_agent_makes_a_narrower_key_with_a_tool_and_no_wider_one(engine: Engine, key: Key) -> None:
    async with calling(engine, actor=key.actor) as caller:
        made_ = await caller.ok("create_key", name="helper", to=["ann@customer.com"], day=5)
        below = await engine.key_of(made_["key"])
        assert below is not None
        assert below.chain == (key.id, made_["id"])
        assert (await caller.refused("create_key", to=["*@evil.com"]))["bound"] == "to"
        assert (await caller.refused("create_key", verbs=["approve"]))["bound"] == "verbs"
        assert (await caller.refused("create_key", day=501))["bound"] == "day"
    async with calling(engine, actor=below.actor) as caller:
        uid = await caller.event()
        assert (await caller.refused("send_invite", uid=uid, email="bob@customer.com"))["bound"] == "to"
        assert (await caller.ok("send_invite", uid=uid, email=ANN, wait_s=0))["status"] == "queued"
    plain = await made(engine, verbs="create,send")
    async with calling(engine, actor=plain.actor) as caller:
        assert (await caller.refused("create_key"))["code"] == "unknown_tool"


async def test_mails_of_a_key_count_for_each_key_above_it(engine: Engine) -> None:
    top = await made(engine, day=3)
    below = await made(engine, under=top.actor)
    event = await created(engine, below.actor)
    for n in range(3):
        await invited(engine, event, f"p{n}@customer.com", below)
    assert await bound_of(engine, SendInvite(uid=event.uid, email=ANN), below.actor) == "day"
    assert await bound_of(engine, SendInvite(uid=event.uid, email=ANN), top.actor) == "day"


# each bound once more, with the key narrowed after owing and before the claim


async def test_what_was_owed_is_judged_by_the_bounds_of_now(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await invited(engine, event, EVE, key)
    await invited(engine, event, ANN, key)
    await narrowed(engine, key, to=["*@customer.com"])
    assert [c.message.email for c in await claim(engine)] == [ANN]
    gone = await ledger(engine, event, EVE)
    assert (gone.state, gone.code) == (MessageState.WITHDRAWN, Code.OUT_OF_BOUNDS)


async def test_a_stopped_key_has_its_mail_wait_until_it_is_resumed(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await invited(engine, event, ANN, key)
    await do(engine, StopKey(key_id=key.id))
    assert await claim(engine) == []
    assert (await ledger(engine, event, ANN)).state is MessageState.QUEUED
    await do(engine, StopKey(key_id=key.id, stopped=False))
    assert [m.email for m in await deliver(engine)] == [ANN]


async def test_a_cancellation_that_is_owed_waits_when_its_key_ends(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await invited(engine, event, ANN, key)
    await deliver(engine)
    await do(engine, CancelEvent(uid=event.uid), key.actor)
    await jobs_done(engine)
    await do(engine, RevokeKey(key_id=key.id))
    assert await claim(engine) == []
    waits = await ledger(engine, event, ANN)
    assert (waits.state, waits.code) == (MessageState.QUEUED, Code.KEY_ENDED)
    assert (await do(engine, DecideOwed(key_id=key.id))).mails == 1
    assert (await do(engine, DecideOwed(key_id=key.id, send=True))).mails == 1
    (gone,) = await deliver(engine)
    assert (gone.kind, gone.email) == (Kind.CANCELLATION, ANN)


async def test_a_change_to_somebody_who_is_outside_now_waits_and_can_be_dropped(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor)
    await invited(engine, event, EVE, key)
    await deliver(engine)
    await do(engine, UpdateEvent(uid=event.uid, location="Roof"), key.actor)
    await jobs_done(engine)
    await narrowed(engine, key, to=["*@customer.com"])
    assert await claim(engine) == []
    assert (await do(engine, DecideOwed(key_id=key.id, send=False))).mails == 1
    assert (await ledger(engine, event, EVE)).state is MessageState.WITHDRAWN


async def test_invites_wait_for_the_hours_of_the_key_and_a_cancellation_does_not(engine: Engine) -> None:
    key = await made(engine, minute=0)
    event, other = await created(engine, key.actor), await created(engine, key.actor)
    await invited(engine, event, ANN, key)
    await deliver(engine)
    await invited(engine, other, ANN, key)
    await do(engine, CancelEvent(uid=event.uid), key.actor)
    await narrowed(engine, key, hours="20:00-22:00")
    await jobs_done(engine)
    (left,) = await claim(engine)
    assert left.message.event_uid == event.uid
    assert (await ledger(engine, other, ANN)).due.hour == 20


async def test_a_key_sends_so_many_in_a_minute_and_the_rest_after_it(engine: Engine, clock: Clock) -> None:
    key = await made(engine, minute=5)
    event = await created(engine, key.actor)
    for n in range(12):
        await invited(engine, event, f"p{n}@customer.com", key)
    assert len(await deliver(engine)) == 5
    clock.move(seconds=60)
    assert len(await deliver(engine)) == 5
    clock.move(seconds=60)
    assert len(await deliver(engine)) == 2


@pytest.mark.parametrize("text", ["see evil.com", "https://{{a}}{{b}}"])
async def test_a_mail_that_was_owed_leaves_with_no_link_outside_once_links_are_narrowed(
    engine: Engine, text: str
) -> None:
    key = await made(engine, minute=0)
    event = await created(engine, key.actor, description=text)
    values = {"fields": {"a": "ev", "b": "il.com"}}
    await do(engine, SendInvite(uid=event.uid, email=ANN, **values), key.actor)  # type: ignore[arg-type]
    await narrowed(engine, key, links=["customer.com"])
    (owed,) = await claim(engine)
    with pytest.raises(Refused) as refused:
        await Renderer(engine.settings, engine.store).render(owed, engine.clock())
    assert (refused.value.code, refused.value.bound) == (Code.OUT_OF_BOUNDS, "links")


async def test_mail_in_the_name_of_an_agent_stays_within_the_bounds_of_its_keys(engine: Engine) -> None:
    key = await made(engine, address="bot@cis.test", to=["*@customer.com"], verbs="create,send,bulk,update")
    by_mail = Actor(kind="organizer", address="bot@cis.test")
    event = await created(engine, by_mail)
    assert event.key == key.id
    assert await bound_of(engine, SendInvite(uid=event.uid, email=EVE), by_mail) == "to"
    rows = [ListRow(email=EVE), ListRow(email=ANN)]
    draft = await do(engine, DraftCampaign(uid=event.uid, recipients=rows), by_mail)
    assert draft.campaign.valid == 1
    await do(engine, RevokeKey(key_id=key.id))
    assert (await do(engine, meeting(), by_mail)).held, "it waits for the owner"
