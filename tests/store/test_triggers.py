"""The contract of a store: triggers, what is delivered at their hooks, and what it was about."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from engine.model.rules import Deed, Rule
from engine.model.triggers import (
    Delivery,
    DeliveryState,
    Proof,
    RefusedPerson,
    Sender,
    Trigger,
    TriggerCounts,
    TriggerObject,
)
from engine.store.protocol import Store, Unit
from tests.store.stores import ORGANIZER
from tests.support.clock import START


def trigger(name: str = "deals", **values: object) -> Trigger:
    known = {
        "id": f"id-{name}",
        "name": name,
        "organizer": ORGANIZER,
        "key": "key1",
        "proof": Proof(sender=Sender.STRIPE),
        "secrets": ("one",),
        "rules": (Rule(when="true", do=Deed.NOTHING),),
        "created": START,
    }
    return Trigger(**{**known, **values})  # type: ignore[arg-type]


def delivery(name: str, **values: object) -> Delivery:
    known = {
        "id": name,
        "trigger_id": "id-deals",
        "delivery_id": f"evt-{name}",
        "received": START,
        "due": START,
    }
    return Delivery(**{**known, **values})  # type: ignore[arg-type]


async def with_deliveries(store: Store, *deliveries: Delivery) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        await unit.add_deliveries([(one, f'"{one.id}"') for one in deliveries])


async def test_a_trigger_is_found_by_its_name_and_its_secrets_are_shown_to_nobody(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        await unit.add_trigger(trigger("other", organizer="else@example.org"))
        await unit.count_unproven("id-deals", 3)
        await unit.count_unproven("id-deals", 2)
    assert await store.trigger_named("deals") == trigger()
    assert await store.trigger_named("nothing") is None
    assert await store.triggers(ORGANIZER) == [(trigger(), 5)]
    assert [t.name for t, _ in await store.triggers(None)] == ["deals", "other"]
    assert "secret-1" not in repr(trigger(secrets=("secret-1",)))
    async with store.unit() as unit:
        await unit.save_trigger(trigger(live=True))
    found = await store.trigger("id-deals")
    assert found is not None
    assert found.live


async def test_a_trigger_that_is_given_to_another_organizer_is_listed_for_that_one_alone(
    store: Store,
) -> None:
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
    given = trigger(organizer="else@example.org")
    async with store.unit() as unit:
        await unit.save_trigger(given)
    assert await store.triggers(ORGANIZER) == []
    assert await store.triggers("else@example.org") == [(given, 0)]


async def test_a_delivery_is_kept_once_whoever_sends_it_again(store: Store) -> None:
    await with_deliveries(store, delivery("a"))
    again = delivery("b", delivery_id="evt-a")
    async with store.unit() as unit:
        assert (
            await unit.add_deliveries(
                [(again, "2"), (delivery("c"), "3"), (delivery("d", delivery_id="evt-c"), "4")]
            )
            == 1
        )
    assert await store.delivery("b") is None
    assert await store.payload("a") == '"a"'
    assert await store.payload("c") == "3"


async def test_what_is_due_comes_first_and_what_is_settled_does_not_come(store: Store) -> None:
    later = delivery("later", due=START + timedelta(minutes=1))
    await with_deliveries(store, later, delivery("now"), delivery("not live", due=None))
    assert [d.id for d in await store.due_deliveries(START, 10)] == ["now"]
    assert [d.id for d in await store.due_deliveries(START + timedelta(hours=1), 10)] == ["now", "later"]
    async with store.unit() as unit:
        assert await unit.pending_deliveries("id-deals", 10) == 2
        assert await unit.pending_deliveries("id-deals", 1) == 1
        await unit.save_delivery(delivery("now", state=DeliveryState.DONE, due=None))
    assert await store.due_deliveries(START, 10) == []
    assert await store.delivery("now") == delivery("now", state=DeliveryState.DONE, due=None)


async def test_a_trigger_with_many_due_deliveries_leaves_others_their_turn(store: Store) -> None:
    many = [delivery(f"many-{n}", due=START + timedelta(seconds=n)) for n in range(4)]
    one = delivery("one", trigger_id="id-others", due=START + timedelta(minutes=1))
    async with store.unit() as unit:
        await unit.add_trigger(trigger("others"))
    await with_deliveries(store, *many, one)
    now = START + timedelta(hours=1)
    assert [d.id for d in await store.due_deliveries(now, 3)] == ["many-0", "one", "many-1"]
    in_turn = ["many-0", "one", "many-1", "many-2", "many-3"]
    assert [d.id for d in await store.due_deliveries(now, 10)] == in_turn
    assert [d.id for d in await store.due_deliveries(START, 3)] == ["many-0"]


async def test_deliveries_are_listed_in_pages_newest_first(store: Store) -> None:
    failed = delivery("b", state=DeliveryState.FAILED, due=None)
    await with_deliveries(store, delivery("a"), failed, delivery("c"))
    assert [d.id for d in await store.deliveries("id-deals", None, 2)] == ["c", "b"]
    assert [d.id for d in await store.deliveries("id-deals", None, 2, "b")] == ["a"]
    assert await store.deliveries("id-deals", DeliveryState.FAILED, 10) == [failed]
    assert await store.deliveries("id-other", None, 10) == []


async def test_what_a_trigger_did_is_counted_from_its_deliveries(store: Store) -> None:
    done = {"state": DeliveryState.DONE, "due": None, "invited": 2, "withdrawn": 1}
    await with_deliveries(store, delivery("a", **done), delivery("b", **done), delivery("c"))
    counts = await store.trigger_counts(["id-deals", "id-other"])
    assert counts == {"id-deals": TriggerCounts(deliveries=3, invited=4, withdrawn=2)}


async def test_the_content_of_old_deliveries_goes_and_their_ids_stay(store: Store) -> None:
    done = {"state": DeliveryState.DONE, "due": None}
    late = START + timedelta(days=2)
    await with_deliveries(store, delivery("a", **done), delivery("b"), delivery("c", received=late, **done))
    async with store.unit() as unit:
        assert await unit.empty_deliveries(START, 10) == 0
        assert await unit.empty_deliveries(START + timedelta(days=1), 10) == 1
        assert await unit.add_deliveries([(delivery("again", delivery_id="evt-a"), "1")]) == 0
    assert [await store.payload(name) for name in "abc"] == [None, '"b"', '"c"']


async def test_what_is_known_of_an_object_is_kept_until_it_is_forgotten(store: Store) -> None:
    await with_deliveries(store, delivery("a", object="x"), delivery("b", object="y"), delivery("c"))
    known = TriggerObject(object="x", version=7.5, digest="d", people=("ann@example.com",), effects=(START,))
    async with store.unit() as unit:
        assert await unit.trigger_object("id-deals", "x") is None
        await unit.save_trigger_object("id-deals", TriggerObject(object="x"))
        await unit.save_trigger_object("id-deals", known)
        assert await unit.trigger_object("id-deals", "x") == known
        assert await unit.trigger_object("id-other", "x") is None
        assert [d.id for d in await unit.pending_for("id-deals", "x", 10)] == ["a"]
        await unit.forget_object("id-deals", "x")
        assert await unit.trigger_object("id-deals", "x") is None
    assert await store.payload("a") is None
    assert [await store.payload(one) for one in ("b", "c")] == ['"b"', '"c"']


async def test_of_a_forgotten_object_its_version_is_kept_and_not_its_name(store: Store) -> None:
    name, person = "contact:ann@example.com", "ann@example.com"
    known = TriggerObject(
        object=name, version=2, digest="d", event_uid="u", people=(person,), effects=(START,)
    )
    async with store.unit() as unit:
        await unit.add_trigger(trigger())
        await unit.save_trigger_object("id-deals", known)
        await unit.forget_object("id-deals", name, 3)
    assert await store.traces(person) == []
    async with store.unit() as unit:
        assert await unit.trigger_object("id-deals", name) == TriggerObject(object=name, version=3)
        assert await unit.trigger_object("id-deals", "contact:") is None
        assert await unit.trigger_object("id-other", name) is None
        newer = known.model_copy(update={"version": 4})
        await unit.save_trigger_object("id-deals", newer)
        assert await unit.trigger_object("id-deals", name) == newer
        await unit.forget_object("id-deals", name, 5)
        assert await unit.trigger_object("id-deals", name) == TriggerObject(object=name, version=5)


async def test_no_delivery_names_a_forgotten_object_or_the_people_that_it_left_out(store: Store) -> None:
    name, person = "contact:ann@example.com", "ann@example.com"
    refused = (RefusedPerson(email=person, code="out_of_bounds", bound="to"),)
    values = {"object": name, "refused": refused, "detail": f"“{person}” is not invited", "due": None}
    done = delivery(
        "a", state=DeliveryState.PARTIAL, code="out_of_bounds", event_uid="u", invited=2, **values
    )
    other = delivery("c", object="contact:ben", due=None)
    await with_deliveries(store, done, delivery("b", object=name), other)
    async with store.unit() as unit:
        await unit.forget_object("id-deals", name, 3)
    assert await store.traces(person) == []
    a, b = await store.delivery("a"), await store.delivery("b")
    assert a
    assert b
    assert a == done.model_copy(update={"object": a.object, "refused": (), "detail": ""})
    assert name not in a.object
    assert a.object == b.object
    assert await store.delivery("c") == other
    async with store.unit() as unit:
        assert await unit.trigger_object("id-deals", name) == TriggerObject(object=name, version=3)
    assert (await store.trigger_counts(["id-deals"]))["id-deals"].invited == 2


async def test_a_delivery_about_a_forgotten_object_waits_for_no_yes(store: Store) -> None:
    held = delivery("a", state=DeliveryState.HELD, object="x", due=None, held="one", detail="It waits.")
    await with_deliveries(store, held)
    async with store.unit() as unit:
        await unit.forget_object("id-deals", "x")
    assert await store.deliveries("id-deals", DeliveryState.HELD, 5) == []
    (failed,) = await store.deliveries("id-deals", DeliveryState.FAILED, 5)
    assert (failed.state, failed.code, failed.held, failed.detail) == (
        DeliveryState.FAILED,
        "forgotten",
        "",
        "",
    )


async def test_all_that_was_delivered_about_a_forgotten_object_goes_in_parts(store: Store) -> None:
    about = [delivery(f"d{n}", object="x", due=None, state=DeliveryState.DONE) for n in range(24)]
    await with_deliveries(store, *about[:12])
    async with store.unit() as unit:
        await unit.add_deliveries([(one, "1") for one in about[12:]])
    async with store.unit() as unit:
        await unit.forget_object("id-deals", "x")
    async with store.unit() as unit:
        await unit.add_deliveries([(delivery("after", object="x"), '"after"')])
    for _ in range(2):
        async with store.unit() as unit:
            await unit.empty_deliveries(START, 15)
    assert {await store.payload(one.id) for one in about} == {None}
    assert "x" not in {d.object for d in await store.deliveries("id-deals", None, 50) if d.id != "after"}
    assert await store.payload("after") == '"after"'


async def test_of_two_triggers_that_take_a_name_at_the_same_time_one_gets_it(store: Store) -> None:
    async def make(trigger_id: str) -> bool:
        async def work(unit: Unit) -> bool:
            if await unit.trigger_named("deals"):
                return False
            await unit.add_trigger(trigger(id=trigger_id))
            return True

        return await store.transact(work)

    assert sorted(await asyncio.gather(make("one"), make("two"))) == [False, True]
    assert len(await store.triggers(None)) == 1
