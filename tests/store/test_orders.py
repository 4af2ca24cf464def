"""The contract of a store: plans, purchases, and whom a shop asks to forget."""

from __future__ import annotations

from datetime import timedelta

from engine.model.plans import Enrolment, Purchase, Redaction
from engine.store.protocol import Store
from tests.store.stores import ORGANIZER, START, event, with_event

DAY = timedelta(days=1)


def enrolment(**values: object) -> Enrolment:
    known = {"organizer": ORGANIZER, "plan": "pro", "since": START, "until": START + DAY}
    return Enrolment.model_validate({**known, **values})


def purchase(line: str = "1", **values: object) -> Purchase:
    known = {
        "order": "77",
        "line": line,
        "at": START,
        "product_id": "8811",
        "product": "Pro",
        "buyer": "b@x.example",
    }
    return Purchase.model_validate({**known, **values})


async def test_a_plan_that_has_ended_is_found_until_its_organizer_was_told(store: Store) -> None:
    forever = enrolment(organizer="ever@example.org", until=None)
    async with store.unit() as unit:
        assert await unit.enrolment(ORGANIZER) is None
        for one in (enrolment(plan="trial"), enrolment(), forever):
            await unit.save_enrolment(one)
        assert await unit.ended_enrolments(START, 10) == []
        assert await unit.ended_enrolments(START + DAY, 10) == [enrolment()]
        await unit.save_enrolment(enrolment(reported=True))
        assert await unit.ended_enrolments(START + DAY, 10) == []
        await unit.end_enrolment("ever@example.org")
    assert await store.enrolment(ORGANIZER) == enrolment(reported=True)
    assert await store.enrolment("ever@example.org") is None


async def test_events_of_an_organizer_are_counted_from_a_moment_on(store: Store) -> None:
    await with_event(store, uid="early")
    await with_event(store, uid="late", created=START + DAY)
    await with_event(store, uid="other", organizer="other@example.org")
    async with store.unit() as unit:
        counts = [
            await unit.events_made(ORGANIZER, since) for since in (None, START, START + DAY, START + 2 * DAY)
        ]
    assert counts == [2, 2, 1, 0]
    assert event().created == START


async def test_purchases_are_kept_by_order_and_line_and_listed_newest_first(store: Store) -> None:
    later = purchase("2", at=START + DAY)
    async with store.unit() as unit:
        assert await unit.purchase("77", "1") is None
        await unit.add_purchase(purchase())
        await unit.add_purchase(later)
        assert await unit.purchase("77", "1") == purchase()
    assert await store.purchases(10) == [later, purchase()]
    assert await store.purchases(1) == [later]


async def test_a_redaction_keeps_when_it_was_asked_first(store: Store) -> None:
    asked = Redaction(address="b@x.example", asked=START)
    async with store.unit() as unit:
        await unit.save_redaction(asked)
        await unit.save_redaction(asked.model_copy(update={"asked": START + DAY, "code": "busy"}))
    assert await store.redactions(10) == [asked.model_copy(update={"code": "busy"})]
    never = Redaction(address="never@x.example", asked=START - DAY, code="invalid_argument")
    async with store.unit() as unit:
        await unit.save_redaction(never)
    assert [one.address for one in await store.redactions(1)] == [never.address]
    assert [one.address for one in await store.redactions(1, open_only=True)] == [asked.address]
    async with store.unit() as unit:
        await unit.end_redaction(never.address)
    async with store.unit() as unit:
        await unit.end_redaction("b@x.example")
    assert await store.redactions(10) == []
