"""The contract of a store: what becomes of messages after a mail server took them."""

from __future__ import annotations

import pytest

from engine.model.claims import SendResult
from engine.model.messages import MessageState
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER, START

ANN, BOB = "ann@example.com", "bob@example.com"


async def sent(store: Store) -> str:
    """Ann's message is accepted by a service that calls it `t1`; returns our Message-ID."""
    await stores.with_event(store, ANN, BOB)
    await stores.owe(store, stores.message(ANN), stores.message(BOB))
    claims = await stores.claim(store)
    ann = next(c.message for c in claims if c.message.email == ANN)
    answer = SendResult(message_id=ann.id, state=MessageState.SENT, transport_id="t1")
    await store.write_answers("one", [answer], START)
    return ann.message_id


async def test_a_sent_message_is_found_by_either_name(store: Store) -> None:
    message_id = await sent(store)
    async with store.unit() as unit:
        for names in ((message_id, ""), ("", "t1"), ("unknown", "t1")):
            found = await unit.sent_message(*names)
            assert found is not None
            assert found.email == ANN
        for names in (("", ""), ("unknown", "t2")):
            assert await unit.sent_message(*names) is None


@pytest.mark.parametrize("email", [ANN, BOB])
async def test_a_message_that_has_or_may_have_gone_can_come_back_once(store: Store, email: str) -> None:
    await sent(store)
    async with store.unit() as unit:
        message = await unit.last_sent("event1", email)
        assert message is not None
        assert await unit.bounce(message, "5.1.1 no", START)
        assert not await unit.bounce(message, "5.1.1 no", START)
        assert await unit.last_sent("event1", email) is None
    assert await store.recount() == []


async def test_what_waits_for_one_person_is_withdrawn_alone(store: Store) -> None:
    await stores.with_event(store, ANN, BOB)
    await stores.with_event(store, ANN, uid="event2")
    await stores.owe(store, stores.message(ANN), stores.message(BOB), stores.message(ANN, "event2"))
    async with store.unit() as unit:
        assert await unit.withdraw_for_attendee(ANN, "other@example.net", Code.ATTENDEE_BLOCKED, START) == 0
        assert await unit.withdraw_for_attendee(ANN, ORGANIZER, Code.ATTENDEE_BLOCKED, START) == 2
    assert stores.emails(await stores.claim(store)) == [BOB]
    assert await store.recount() == []


async def test_what_many_keys_owe_one_person_is_withdrawn_however_much_it_is(store: Store) -> None:
    uids = [f"event{n}" for n in range(30)]
    for uid in uids:
        await stores.with_event(store, uid=uid)
        async with store.unit() as unit:
            await unit.add_attendees([stores.attendee(ANN, uid)])
            await unit.add_messages([stores.message(ANN, uid, key=f"key of {uid}")], priority=0)
    left = len(uids)
    while left:
        async with store.unit() as unit:
            some = await unit.withdraw_for_attendee(ANN, ORGANIZER, Code.ATTENDEE_BLOCKED, START)
        assert some
        left -= some
    assert await stores.claim(store) == []
