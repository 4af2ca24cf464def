"""The contract of a store: only what certainly says a change covers it, and nothing leaves that is not so any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.events import Override
from engine.model.messages import Kind, Message, MessageState, Method
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store.stores import (
    START,
    answered,
    attendee,
    campaign,
    claim,
    message,
    owe,
    recipients,
    save,
    with_event,
    withdrawing,
)

ANN = "ann@example.com"
FIRST = START + timedelta(days=60)
SECOND = FIRST + timedelta(days=7)
LATER = START + timedelta(seconds=60)


async def leaving(store: Store, *messages: Message) -> list[tuple[Kind, int]]:
    """What leaves by three claims, where the mail server takes all."""
    await owe(store, *messages)
    left = []
    for _ in range(3):
        claims = await claim(store, now=LATER)
        await answered(store, claims, now=LATER)
        left += [(c.message.kind, c.message.sequence) for c in claims]
    return left


async def last_of(store: Store, kind: Kind) -> Message:
    """The newest message of a kind to Ann."""
    history = await store.history("event1", ANN)
    return [one.message for one in history if one.message.kind is kind][-1]


async def test_a_reminder_that_waits_covers_no_update(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    await owe(store, message(ANN, kind=Kind.REMINDER, repeat="r1"))
    await answered(store, await claim(store), MessageState.DEFERRED, due=LATER + timedelta(days=1))
    await save(store, made.model_copy(update={"sequence": 1}))
    async with store.unit() as unit:
        await unit.add_messages([message(ANN, kind=Kind.UPDATE, sequence=1)], priority=1)
    assert (await last_of(store, Kind.UPDATE)).state is MessageState.QUEUED


async def test_an_update_that_waits_covers_no_newer_one_since_its_campaign_may_be_cancelled(
    store: Store,
) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    async with store.unit() as unit:
        await unit.add_campaign(campaign(kind=Kind.UPDATE), ())
        await unit.save_event(made.model_copy(update={"sequence": 1}))
        await unit.add_messages(
            [message(ANN, kind=Kind.UPDATE, sequence=1, campaign_id="campaign1")], priority=1
        )
        await unit.save_event(made.model_copy(update={"sequence": 2}))
        await unit.add_messages([message(ANN, kind=Kind.UPDATE, sequence=2)], priority=1)
        await unit.save_campaign(campaign(kind=Kind.UPDATE, state="cancelled"))
    assert await leaving(store) == [(Kind.UPDATE, 2)]


async def test_two_updates_that_wait_leave_as_one(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    for sequence in (1, 2):
        await save(store, made.model_copy(update={"sequence": sequence}))
        await owe(store, message(ANN, kind=Kind.UPDATE, sequence=sequence))
    assert await leaving(store) == [(Kind.UPDATE, 2)]


@pytest.mark.parametrize("when", ["withdrawn", "about to be", "given up by its organizer"])
async def test_an_update_is_not_lost_to_a_newer_one_that_was_itself_withdrawn(
    store: Store, when: str
) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    newer = message(ANN, kind=Kind.UPDATE, sequence=2, campaign_id="campaign1")
    async with store.unit() as unit:
        await unit.save_event(made.model_copy(update={"sequence": 1}))
        await unit.add_messages([message(ANN, kind=Kind.UPDATE, sequence=1)], priority=1)
        await unit.add_campaign(campaign(kind=Kind.UPDATE), ())
        await unit.save_event(made.model_copy(update={"sequence": 2}))
        await unit.add_messages([newer], priority=1)
    async with store.unit() as unit:
        if when != "given up by its organizer":
            await unit.save_campaign(campaign(kind=Kind.UPDATE, state="cancelled"))
        if when != "about to be":
            await unit.change_messages(withdrawing(Code.CAMPAIGN_CANCELLED, campaign_id="campaign1"), START)
    assert await leaving(store) == [(Kind.UPDATE, 2)]
    history = [one.message for one in await store.history("event1", ANN)]
    assert [(m.kind, m.sequence, m.state) for m in history] == [
        (Kind.INVITE, 0, MessageState.SENT),
        (Kind.UPDATE, 2, MessageState.SENT),
        (Kind.UPDATE, 2, MessageState.WITHDRAWN),
    ]


async def test_an_update_does_not_follow_a_newer_one_that_was_sent_before_its_campaign_was_cancelled(
    store: Store,
) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    older = message(ANN, kind=Kind.UPDATE, sequence=1, campaign_id="campaign1")
    async with store.unit() as unit:
        await unit.add_campaign(campaign(kind=Kind.UPDATE, state="paused"), ())
        await unit.add_campaign(campaign("campaign2", kind=Kind.UPDATE), ())
        await unit.save_event(made.model_copy(update={"sequence": 1}))
        await unit.add_messages([older], priority=1)
        await unit.save_event(made.model_copy(update={"sequence": 2}))
    newer = message(ANN, kind=Kind.UPDATE, sequence=2, campaign_id="campaign2")
    assert await leaving(store, newer) == [(Kind.UPDATE, 2)]
    async with store.unit() as unit:
        await unit.save_campaign(campaign(kind=Kind.UPDATE))
        await unit.save_campaign(campaign("campaign2", kind=Kind.UPDATE, state="cancelled"))
        released = BulkChange(action=BulkAction.RELEASE, campaign_id="campaign1")
        assert await unit.change_messages(released, START) is None
    assert await leaving(store) == []


async def test_of_several_older_updates_only_one_takes_the_place_of_a_withdrawn_one(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    async with store.unit() as unit:
        await unit.add_campaign(campaign(kind=Kind.UPDATE), ())
    for sequence in (1, 2, 3):
        await save(store, made.model_copy(update={"sequence": sequence}))
        await owe(
            store,
            message(
                ANN, kind=Kind.UPDATE, sequence=sequence, campaign_id="campaign1" if sequence == 3 else None
            ),
        )
    async with store.unit() as unit:
        await unit.change_messages(withdrawing(Code.CAMPAIGN_CANCELLED, campaign_id="campaign1"), START)
    assert await leaving(store) == [(Kind.UPDATE, 3)]
    assert await leaving(store, message(ANN, kind=Kind.UPDATE, sequence=3)) == []


async def test_what_is_held_keeps_no_newer_message_to_the_same_person_waiting(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    async with store.unit() as unit:
        await unit.add_campaign(campaign(state="paused", kind=Kind.REMINDER), ())
        await unit.add_messages(
            [message(ANN, kind=Kind.REMINDER, repeat="r1", campaign_id="campaign1")], priority=1
        )
        await unit.save_event(made.model_copy(update={"sequence": 1}))
    assert await leaving(store, message(ANN, kind=Kind.UPDATE, sequence=1)) == [(Kind.UPDATE, 1)]
    assert (await last_of(store, Kind.REMINDER)).state is MessageState.QUEUED


async def test_whoever_was_invited_again_gets_no_cancellation_from_before(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    known = attendee(ANN)
    async with store.unit() as unit:
        await unit.change_attendee(known, gone := known.model_copy(update={"withdrawn": START}))
        withdrawal = message(ANN, kind=Kind.WITHDRAWAL, method=Method.CANCEL, due=LATER)
        await unit.add_messages([withdrawal], priority=0)
        await unit.change_attendee(gone, known)
        await unit.save_event(made.model_copy(update={"sequence": 1}))
    assert await leaving(store, message(ANN, sequence=1)) == [(Kind.INVITE, 1)]
    assert (await last_of(store, Kind.WITHDRAWAL)).code == Code.SUPERSEDED


async def _taken_out_in_flight(store: Store, **values: object) -> Message:
    """Ann's withdrawal, which was owed while her invite was in flight; a mail server took that no time."""
    await with_event(store, ANN)
    held, known = await claim(store), attendee(ANN)
    withdrawal = message(ANN, kind=Kind.WITHDRAWAL, method=Method.CANCEL, **values)
    async with store.unit() as unit:
        await unit.change_attendee(known, known.model_copy(update={"withdrawn": START}))
        assert await unit.withdraw_for_person("event1", ANN, Code.INVITE_WITHDRAWN, START) == 0
        await unit.add_messages([withdrawal], priority=0)
    await answered(store, held, MessageState.DEFERRED, due=LATER)
    return withdrawal


async def test_an_invite_in_flight_at_its_withdrawal_that_came_back_leaves_no_more_and_nothing_cancels_it(
    store: Store,
) -> None:
    await _taken_out_in_flight(store)
    assert await leaving(store) == []
    assert (await last_of(store, Kind.INVITE)).code == Code.INVITE_WITHDRAWN
    assert (await last_of(store, Kind.WITHDRAWAL)).code == Code.SUPERSEDED


async def test_who_asked_and_is_turned_away_is_told_though_no_invite_reached_them(store: Store) -> None:
    await _taken_out_in_flight(store, prompted=True)
    assert await leaving(store) == [(Kind.WITHDRAWAL, 0)]


async def test_an_invite_that_came_back_after_its_withdrawal_is_owed_again_once_that_is_undone(
    store: Store,
) -> None:
    await _taken_out_in_flight(store)
    assert await claim(store, now=LATER) == []
    known = attendee(ANN)
    async with store.unit() as unit:
        await unit.change_attendee(known.model_copy(update={"withdrawn": START}), known)
        assert await unit.owe_again("event1", ANN, Code.INVITE_WITHDRAWN, START) == 1
    assert await leaving(store) == [(Kind.INVITE, 0)]


async def test_a_withdrawal_that_was_undone_is_owed_anew(store: Store) -> None:
    await with_event(store, ANN)
    await answered(store, await claim(store))
    known = attendee(ANN)
    async with store.unit() as unit:
        await unit.change_attendee(known, known.model_copy(update={"withdrawn": START}))
        for _ in range(2):
            withdrawal = message(ANN, kind=Kind.WITHDRAWAL, method=Method.CANCEL, due=LATER)
            await unit.add_messages([withdrawal], priority=0)
            await unit.withdraw_for_person("event1", ANN, Code.TAKEN_BACK, START)
    withdrawal = message(ANN, kind=Kind.WITHDRAWAL, method=Method.CANCEL)
    assert await leaving(store, withdrawal) == [(Kind.WITHDRAWAL, 0)]


async def test_a_date_that_was_cancelled_is_not_moved_by_what_was_owed_before(store: Store) -> None:
    made = await with_event(store, ANN, recurrence="FREQ=WEEKLY")
    await answered(store, await claim(store))
    await save(store, made.model_copy(update={"sequence": 2, "exdates": (SECOND,)}))
    left = await leaving(
        store,
        message(ANN, kind=Kind.UPDATE, sequence=1, recurrence_id=SECOND),
        message(ANN, kind=Kind.CANCELLATION, method=Method.CANCEL, sequence=2, recurrence_id=SECOND),
    )
    assert left == [(Kind.CANCELLATION, 2)]
    assert (await last_of(store, Kind.UPDATE)).code == Code.SUPERSEDED


async def test_a_date_that_stands_again_is_not_cancelled_by_what_was_owed_before(store: Store) -> None:
    made = await with_event(store, ANN, recurrence="FREQ=WEEKLY")
    await answered(store, await claim(store))
    span = made.span.model_copy(update={"start": SECOND, "end": SECOND + timedelta(hours=3)})
    back = Override(recurrence_id=SECOND, span=span, summary="Meeting")
    await save(store, made.model_copy(update={"sequence": 2, "overrides": (back,)}))
    left = await leaving(
        store,
        message(ANN, kind=Kind.CANCELLATION, method=Method.CANCEL, sequence=1, recurrence_id=SECOND),
        message(ANN, kind=Kind.UPDATE, sequence=2, recurrence_id=SECOND),
    )
    assert left == [(Kind.UPDATE, 2)]
    assert (await last_of(store, Kind.CANCELLATION)).code == Code.SUPERSEDED


@pytest.mark.parametrize("told", [MessageState.DEFERRED, MessageState.QUEUED, None])
async def test_what_was_being_sent_when_its_campaign_was_paused_and_cancelled_ends(
    store: Store, told: MessageState | None
) -> None:
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN)])
        await unit.add_campaign(campaign(), recipients(1))
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
    claims = await claim(store)
    async with store.unit() as unit:
        await unit.save_campaign(campaign(state="paused"))
        held = BulkChange(action=BulkAction.HOLD, campaign_id="campaign1")
        assert await unit.change_messages(held, START) is None
        await unit.save_campaign(campaign(state="cancelled"))
        ended = withdrawing(campaign_id="campaign1", code=Code.CAMPAIGN_CANCELLED)
        assert await unit.change_messages(ended, START) is None
    if told:
        await answered(store, claims, told, due=START)
    assert await claim(store, "two", now=LATER) == []
    invite = await last_of(store, Kind.INVITE)
    assert (invite.state, invite.code) == (MessageState.WITHDRAWN, Code.CAMPAIGN_CANCELLED)
