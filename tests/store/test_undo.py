"""The contract of a store: what can be taken back is kept for its time, and what was withdrawn is owed again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import CampaignState
from engine.model.messages import Fanout, Kind, Message, MessageState
from engine.model.stops import Stop
from engine.model.undo import Undoable
from engine.model.verbs import Verb
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store.stores import (
    ORGANIZER,
    START,
    attendee,
    campaign,
    claim,
    emails,
    event,
    message,
    recipients,
    with_event,
)

ANN, BOB = "ann@example.com", "bob@example.com"
MINUTE = timedelta(minutes=1)


def undoable(name: str = "u1", **values: object) -> Undoable:
    known = {
        "organizer": ORGANIZER,
        "command": "SendInvite",
        "verb": Verb.SEND,
        "asked": START,
        "until": START + MINUTE,
        "event_uid": "event1",
    }
    return Undoable(**{"id": name, **known, **values})  # type: ignore[arg-type]


async def _filled(store: Store) -> list[Message]:
    owed = [message(ANN), message(BOB, sequence=1, due=START + MINUTE)]
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "", START)
        await unit.add_event(event(sequence=1))
        await unit.add_attendees([attendee(ANN), attendee(BOB)])
        await unit.add_messages(owed, priority=0)
    return owed


async def test_what_can_be_taken_back_is_found_by_id_event_and_organizer_while_its_time_lasts(
    store: Store,
) -> None:
    other = undoable("u3", organizer="other@example.org", event_uid="event9", asked=START + MINUTE / 2)
    async with store.unit() as unit:
        await unit.add_undo(undoable())
        await unit.add_undo(undoable("u2", asked=START + MINUTE / 4))
        await unit.add_undo(other)
        assert await unit.undoable("u1") == undoable()
        assert await unit.undoable("u9") is None
        assert [u.id for u in await unit.undos_of("event1", START)] == ["u1", "u2"]
        assert [u.id for u in await unit.undos(None, START, 10)] == ["u3", "u2", "u1"]
        assert [u.id for u in await unit.undos(ORGANIZER, START, 1)] == ["u2"]
        await unit.save_undo(undoable(undone=START))
        assert [u.id for u in await unit.undos_of("event1", START)] == ["u2"]
        assert await unit.undos(None, START + MINUTE, 10) == []


async def test_what_could_be_taken_back_is_dropped_a_day_later(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_undo(undoable())
        await unit.add_undo(undoable("u2", asked=START + timedelta(days=2)))
    async with store.unit() as unit:
        assert await unit.undoable("u1") is None


async def test_people_are_counted_whom_a_mail_has_reached_or_may_have(store: Store) -> None:
    first, second = await _filled(store)
    ours = undoable(messages=(first.message_id, second.message_id))
    async with store.unit() as unit:
        assert await unit.people_reached(ours) == 0
    assert len(await store.claim_messages("test", 10, lambda: START, 20)) == 1
    async with store.unit() as unit:
        assert await unit.people_reached(ours) == 1
        assert await unit.people_reached(undoable(before=event(), sequence=2)) == 0
        assert await unit.people_reached(undoable(before=event(), sequence=0)) == 1
        assert await unit.people_reached(undoable(campaign_id="c1")) == 0
        assert await unit.calendars_changed("event1", 1) == 1
        assert await unit.calendars_changed("event1", 2) == 0
        assert await unit.withdraw_messages(ours, Code.TAKEN_BACK, START) == 1


async def test_what_was_withdrawn_of_one_person_or_all_is_owed_again(store: Store) -> None:
    await _filled(store)
    async with store.unit() as unit:
        assert await unit.withdraw_for_person("event1", ANN, Code.EVENT_CANCELLED, START) == 1
        later = START + MINUTE
        assert await unit.withdraw_for_person("event1", BOB, Code.EVENT_CANCELLED, later) == 1
        assert await unit.owe_again("event1", ANN, Code.EVENT_CANCELLED, later) == 0
        assert await unit.owe_again("event1", "", Code.EVENT_CANCELLED, later) == 1
        found = await unit.last_message("event1", BOB)
        assert found
        assert (found.state, found.code, found.settled) == (MessageState.QUEUED, "", None)


async def test_what_was_withdrawn_since_a_moment_is_owed_again_in_parts(store: Store) -> None:
    await _filled(store)
    async with store.unit() as unit:
        assert await unit.withdraw_for_person("event1", ANN, Code.EVENT_CANCELLED, START) == 1
        later = START + MINUTE
        assert await unit.withdraw_for_person("event1", BOB, Code.EVENT_CANCELLED, later) == 1
        change = BulkChange(
            action=BulkAction.OWE_AGAIN,
            event_uid="event1",
            code=Code.EVENT_CANCELLED.value,
            since=later,
        )
        assert await unit.change_messages(change, later) is None
        first, second = await unit.last_message("event1", ANN), await unit.last_message("event1", BOB)
        assert first
        assert second
        assert (first.state, second.state) == (MessageState.WITHDRAWN, MessageState.QUEUED)
        assert await unit.change_messages(change.model_copy(update={"since": START}), later) is None
        again = await unit.last_message("event1", ANN)
        assert again
        assert again.state is MessageState.QUEUED


async def test_jobs_of_an_event_are_put_off(store: Store) -> None:
    await _filled(store)
    async with store.unit() as unit:
        await unit.add_fanout(Fanout(event_uid="event1", kind=Kind.UPDATE))
        await unit.delay_jobs("event1", START + MINUTE)
        assert await unit.next_fanout(START) is None
        assert await unit.next_fanout(START + MINUTE)


async def test_a_job_waits_until_it_can_no_longer_be_taken_back(store: Store) -> None:
    await _filled(store)
    job = Fanout(event_uid="event1", kind=Kind.UPDATE, due=START + MINUTE)

    async def ready(now: datetime) -> bool:
        async with store.unit() as unit:
            return await unit.next_fanout(now) is not None

    async with store.unit() as unit:
        await unit.add_fanout(job)
    assert (await ready(START), await ready(START + MINUTE)) == (False, True)
    async with store.unit() as unit:
        await unit.put_off("event1", START, START + 2 * MINUTE)
    assert (await ready(START + MINUTE), await ready(START + 2 * MINUTE)) == (False, True)
    claims = await store.claim_messages("test", 10, lambda: START + MINUTE, 20)
    assert [c.message.email for c in claims] == [ANN], "what waits leaves no earlier either, what is due does"


async def test_however_much_waits_of_an_event_is_put_off(store: Store) -> None:
    many = [f"p{n}@example.com" for n in range(100)]
    await with_event(store)
    for first in range(0, len(many), 25):
        some = many[first : first + 25]
        async with store.unit() as unit:
            await unit.add_attendees([attendee(email) for email in some])
            await unit.add_messages([message(email, due=START + MINUTE) for email in some], priority=0)
    async with store.unit() as unit:
        await unit.put_off("event1", START, START + 2 * MINUTE)
    for _ in range(9):
        async with store.unit() as unit:
            change = await unit.next_bulk_change()
            if change is None:
                break
            cursor = await unit.change_messages(change, START)
            await unit.end_bulk_change(change)
            if cursor is not None:
                await unit.keep_bulk_change(change.model_copy(update={"cursor": cursor}))
    assert await claim(store, now=START + MINUTE) == []
    assert sorted(emails(await claim(store, now=START + 2 * MINUTE))) == sorted(many)


async def test_a_rest_of_what_is_put_off_is_put_off(store: Store) -> None:
    await _filled(store)
    change = BulkChange(action=BulkAction.PUT_OFF, event_uid="event1", since=START, due=START + 2 * MINUTE)
    async with store.unit() as unit:
        assert await unit.change_messages(change, START) is None
        dues = [found.due for one in (ANN, BOB) if (found := await unit.last_message("event1", one))]
    assert dues == [START, START + 2 * MINUTE]


async def test_the_newest_campaigns_of_an_event_come_first_and_no_more_than_asked(store: Store) -> None:
    await _filled(store)
    async with store.unit() as unit:
        for n in range(3):
            await unit.add_campaign(campaign(f"list{n}", created=START + n * MINUTE), ())
        await unit.add_event(event("event2"))
        await unit.add_campaign(campaign("other", "event2", created=START + 3 * MINUTE), ())
    async with store.unit() as unit:
        found = await unit.last_campaigns("event1", ORGANIZER, 2)
        assert [one.id for one in found] == ["list2", "list1"]
        assert await unit.last_campaigns("event1", "other@cis.test", 2) == []


async def test_what_expired_is_dropped_beside_as_much_as_a_unit_takes(store: Store) -> None:
    await with_event(store)
    for n in range(15):
        async with store.unit() as unit:
            await unit.add_undo(undoable(f"old{n}"))
    later, people = START + timedelta(days=2), [f"person{n}@host{n}.example" for n in range(15)]
    async with store.unit() as unit:
        await unit.add_undo(undoable("new", asked=later))
        await unit.add_attendees([attendee(email) for email in people])
        await unit.add_messages([message(email) for email in people], priority=0)
    for n in range(2):
        async with store.unit() as unit:
            await unit.add_undo(undoable(f"newer{n}", asked=later))
    async with store.unit() as unit:
        assert [await unit.undoable(f"old{n}") for n in range(15)] == [None] * 15


@pytest.mark.parametrize("in_parts", [False, True])
async def test_an_invite_that_is_owed_again_leaves_though_its_campaign_with_a_rate_has_finished(
    store: Store, in_parts: bool
) -> None:
    code = Code.INVITE_WITHDRAWN
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "", START)
        await unit.add_event(event())
        await unit.add_campaign(campaign(rate=10), recipients(1))
        await unit.add_attendees([attendee(ANN)])
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
    async with store.unit() as unit:
        assert await unit.withdraw_for_person("event1", ANN, code, START) == 1
        await unit.save_campaign(campaign(rate=10, state=CampaignState.FINISHED))
    async with store.unit() as unit:
        if in_parts:
            again = BulkChange(action=BulkAction.OWE_AGAIN, event_uid="event1", code=code.value, since=START)
            assert await unit.change_messages(again, START) is None
        else:
            assert await unit.owe_again("event1", ANN, code, START) == 1
    assert emails(await claim(store)) == [ANN]


@pytest.mark.parametrize("in_parts", [False, True])
async def test_what_was_held_as_it_was_withdrawn_leaves_once_it_is_owed_again(
    store: Store, in_parts: bool
) -> None:
    await with_event(store, ANN)
    code = Code.INVITE_WITHDRAWN
    async with store.unit() as unit:
        await unit.stop(Stop(organizer=ORGANIZER, since=START, stopped_by="operator"))
    assert await claim(store) == []
    async with store.unit() as unit:
        assert await unit.withdraw_for_person("event1", ANN, code, START) == 1
        await unit.resume(ORGANIZER)
    async with store.unit() as unit:
        if in_parts:
            again = BulkChange(action=BulkAction.OWE_AGAIN, event_uid="event1", code=code.value, since=START)
            assert await unit.change_messages(again, START) is None
        else:
            assert await unit.owe_again("event1", ANN, code, START) == 1
    assert emails(await claim(store)) == [ANN]
