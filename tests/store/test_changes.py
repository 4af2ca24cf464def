"""The contract of a store: the log of what happened."""

from __future__ import annotations

import pytest

from engine.model import cursors
from engine.model.answers import Receipt
from engine.model.campaigns import CampaignState
from engine.model.changes import ChangeKind
from engine.model.claims import SendResult
from engine.model.messages import MessageState
from engine.model.people import Partstat
from engine.refusals import Code, Refused
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER, START

ANN = "ann@example.com"
FIRST = cursors.written(0)


async def kinds(store: Store, since: str = FIRST) -> list[ChangeKind]:
    return [change.kind for change in (await store.changes(ORGANIZER, since, 100)).changes]


async def answered(store: Store, state: MessageState) -> None:
    claims = await stores.claim(store)
    await store.write_answers(
        "one", [SendResult(message_id=c.message.id, state=state) for c in claims], START
    )


async def test_only_messages_that_fail_are_noted_and_each_once(store: Store) -> None:
    await stores.with_event(store, ANN, "bob@example.com")
    await answered(store, MessageState.DEFERRED)
    assert await kinds(store) == [ChangeKind.EVENT_CREATED]
    for _ in range(2):
        await answered(store, MessageState.FAILED)
        assert await kinds(store) == [ChangeKind.EVENT_CREATED, *[ChangeKind.MESSAGE_FAILED] * 2]


async def test_a_message_that_came_back_is_noted_as_bounced_and_once(store: Store) -> None:
    await stores.with_event(store, ANN)
    await answered(store, MessageState.SENT)
    for expected in (True, False):
        async with store.unit() as unit:
            message = await unit.last_message("event1", ANN)
            assert message is not None
            assert await unit.bounce(message, "550 gone", START) is expected
    page = await store.changes(ORGANIZER, FIRST, 100)
    assert [c.kind for c in page.changes] == [ChangeKind.EVENT_CREATED, ChangeKind.MESSAGE_BOUNCED]
    assert (page.changes[1].email, page.changes[1].words, page.changes[1].code) == (
        ANN,
        "550 gone",
        "bounced",
    )


async def test_what_is_undone_is_not_noted(store: Store) -> None:
    with pytest.raises(RuntimeError, match="undone"):
        async with store.unit() as unit:
            await unit.ensure_organizer(ORGANIZER, "", START)
            await unit.add_event(stores.event())
            raise RuntimeError("undone")
    assert await kinds(store) == []


async def test_an_event_is_noted_when_its_revision_grows_and_a_campaign_when_it_comes_to_rest(
    store: Store,
) -> None:
    event = await stores.with_event(store)
    async with store.unit() as unit:
        await unit.save_event(event)
        await unit.save_event(event.model_copy(update={"sequence": 1}))
        await unit.add_campaign(stores.campaign(), [])
        for state in (
            CampaignState.PAUSED,
            CampaignState.PAUSED,
            CampaignState.RUNNING,
            CampaignState.FINISHED,
        ):
            await unit.save_campaign(stores.campaign(state=state))
    assert await kinds(store) == [
        ChangeKind.EVENT_CREATED,
        ChangeKind.EVENT_CHANGED,
        ChangeKind.CAMPAIGN_PAUSED,
        ChangeKind.CAMPAIGN_FINISHED,
    ]


async def test_a_receipt_that_does_not_count_is_noted_with_the_reason(store: Store) -> None:
    await stores.with_event(store, ANN)
    receipt = Receipt(
        event_uid="event1",
        email=ANN,
        partstat=Partstat.DECLINED,
        sequence=0,
        dtstamp=START,
        arrived=START,
        counted=False,
        code=Code.STALE,
        comment="x" * 2_000,
    )
    async with store.unit() as unit:
        await unit.record_receipt(receipt)
    change = (await store.changes(None, None, 1)).changes[0]
    assert (change.kind, change.status, change.code, len(change.words)) == (
        "receipt",
        "declined",
        "stale",
        500,
    )


async def test_a_cursor_goes_on_where_it_was_given_also_past_others_changes(store: Store) -> None:
    await stores.with_event(store)
    page = await store.changes(ORGANIZER, FIRST, 1)
    assert (len(page.changes), page.more) == (1, False)
    await stores.with_event(store, uid="event2", organizer="other@example.org")
    again = await store.changes(ORGANIZER, page.cursor, 1)
    assert (again.changes, again.cursor, again.more) == ((), page.cursor, False)
    await stores.with_event(store, uid="event3")
    assert [c.event_uid for c in (await store.changes(ORGANIZER, again.cursor, 5)).changes] == ["event3"]
    assert len((await store.changes(None, page.cursor, 5)).changes) == 2
    with pytest.raises(Refused) as raised:
        await store.changes(None, "nonsense", 5)
    assert raised.value.code is Code.INVALID_CURSOR
