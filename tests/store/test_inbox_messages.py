"""The contract of a store: what people write to agents is kept and counted."""

from __future__ import annotations

from datetime import timedelta

from engine.model.inbox_messages import InboxMessage
from engine.store.protocol import Store
from tests.store.stores import START

AGENT = "agent@example.org"


def _message(n: int, sender: str = "ann@example.com", **values: object) -> InboxMessage:
    known = {"organizer": AGENT, "at": START + timedelta(hours=n), "kind": "mail", "sender": sender}
    return InboxMessage(**{"id": f"m{n}", **known, **values})  # type: ignore[arg-type]


async def test_messages_are_listed_newest_first_for_their_agent(store: Store) -> None:
    async with store.unit() as unit:
        for message in (_message(1), _message(2), _message(3, organizer="other@example.org"), _message(4)):
            await unit.save_inbox_message(message)
    assert [m.id for m in await store.inbox_messages(AGENT, 2)] == ["m4", "m2"]
    assert [m.id for m in await store.inbox_messages(AGENT, 2, "m2")] == ["m1"]
    assert [m.id for m in await store.inbox_messages(None, 10)] == ["m4", "m3", "m2", "m1"]


async def test_a_message_is_replaced_by_its_id_and_counted_once(store: Store) -> None:
    async with store.unit() as unit:
        await unit.save_inbox_message(_message(1))
        await unit.save_inbox_message(_message(2, "bob@example.com"))
        assert not await unit.auto_answered(AGENT, "ann@example.com", START)
        await unit.save_inbox_message(_message(1, auto_answered=True, answer="x"))
        assert await unit.inbox_counts(AGENT, "ann@example.com", START) == (1, 2)
        assert await unit.inbox_counts(AGENT, "ann@example.com", START + timedelta(hours=1)) == (0, 1)
        assert await unit.auto_answered(AGENT, "ann@example.com", START)
        found = await unit.inbox_message("m1")
    assert found == await store.inbox_message("m1") == _message(1, auto_answered=True, answer="x")
    assert await store.inbox_message("m9") is None
