"""The contract of a store: actions that wait for approval, and organizers whose changes wait."""

from __future__ import annotations

from datetime import timedelta

from engine.model.actors import Actor
from engine.model.held import (
    HeldAction,
    HeldCommand,
    HeldPreview,
    HeldState,
    HoldReason,
    OrganizerApproval,
)
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START


def held(name: str = "one", minutes: int = 0, **values: object) -> HeldAction:
    command = HeldCommand(name="CancelEvent", arguments="{}", event_uid="event1")
    known = {
        "id": name,
        "code": f"code-{name}",
        "actor": Actor(kind="organizer", address=ORGANIZER),
        "organizer": ORGANIZER,
        "address": ORGANIZER,
        "command": command,
        "digest": command.digest,
        "reasons": (HoldReason.ORGANIZER,),
        "preview": HeldPreview(action="Cancel the event"),
        "created": START + timedelta(minutes=minutes),
        "expires": START + timedelta(days=7),
    }
    return HeldAction(**{**known, **values})  # type: ignore[arg-type]


async def test_a_held_action_is_found_by_its_id_and_by_the_code_of_its_link(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_held(held())
        assert await unit.held_action("one") == held()
        assert await unit.held_by_code("one") is None
    assert await store.held_by_code("code-one") == held()
    assert await store.held_action("code-one") is None
    assert await store.confirmation("code-one") is None
    assert await store.tokens(["code-one", "one"]) == {"code-one"}


async def test_what_was_decided_waits_no_longer(store: Store) -> None:
    decided = held().model_copy(update={"state": HeldState.REFUSED})
    async with store.unit() as unit:
        await unit.add_held(held())
        await unit.add_held(held("two", 1))
        await unit.add_held(held("other", 2, command=HeldCommand(name="x", arguments="", event_uid="event2")))
        assert [h.id for h in await unit.waiting_for("event1", 10)] == ["one", "two"]
        await unit.save_held(decided)
        assert [h.id for h in await unit.waiting_for("event1", 10)] == ["two"]
    assert await store.held_action("one") == decided


async def test_held_actions_are_listed_in_pages_of_one_organizer_or_of_all(store: Store) -> None:
    async with store.unit() as unit:
        for minute, name in enumerate(("one", "two", "three")):
            await unit.add_held(held(name, minute))
        await unit.add_held(held("strange", 9, organizer="other@example.org"))
        await unit.save_held(held("two", 1, state=HeldState.APPROVED))
    everything = await store.held_actions(None, waiting=False, limit=10)
    assert [h.id for h in everything] == ["strange", "three", "two", "one"]
    mine = await store.held_actions(ORGANIZER, waiting=True, limit=10)
    assert [h.id for h in mine] == ["three", "one"]
    asked = await store.held_actions(None, waiting=True, limit=10, asked=ORGANIZER)
    assert [h.id for h in asked] == ["strange", "three", "one"]
    assert await store.held_actions(None, waiting=True, limit=10, asked="boss@example.org") == []
    first, *_ = await store.held_actions(ORGANIZER, waiting=False, limit=1)
    place = (first.created.timestamp(), first.id)
    rest = await store.held_actions(ORGANIZER, waiting=False, limit=10, before=place)
    assert [h.id for h in rest] == ["two", "one"]


async def test_an_organizers_switch_is_kept_beside_the_name(store: Store) -> None:
    await stores.with_event(store)
    boss = OrganizerApproval(approver="boss@example.org")
    async with store.unit() as unit:
        assert await unit.organizer_approval(ORGANIZER) is None
        assert await unit.organizer_approval("stranger@example.org") is None
        await unit.set_organizer_approval(ORGANIZER, boss)
        assert await unit.organizer_approval(ORGANIZER) == boss
        assert await unit.organizer_name(ORGANIZER) == "Olga"
        assert await unit.organizer_name("stranger@example.org") == ""
        await unit.set_organizer_approval(ORGANIZER, None)
        assert await unit.organizer_approval(ORGANIZER) is None


async def test_what_nobody_decided_in_time_is_found_until_it_is_closed(store: Store) -> None:
    expires = held().expires
    async with store.unit() as unit:
        await unit.add_held(held())
        await unit.add_held(held("later", expires=expires + (expires - held().created)))
        assert await unit.expired_held(expires - (expires - held().created), 10) == []
        assert [h.id for h in await unit.expired_held(expires, 10)] == ["one"]
        await unit.save_held(held(state=HeldState.EXPIRED))
        assert await unit.expired_held(expires, 10) == []
