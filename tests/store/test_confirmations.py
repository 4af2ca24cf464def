"""The contract of a store: mails that wait for a confirmation, and what became of mails."""

from __future__ import annotations

from datetime import timedelta

from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.model.counters import Intake
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START


def confirmation(code: str = "abc", address: str = "ann@example.com") -> Confirmation:
    return Confirmation(
        code=code,
        mail="1.2_3",
        mailbox="create",
        address=address,
        what="It makes an event.",
        created=START,
        expires=START + timedelta(days=7),
    )


async def test_a_confirmation_is_found_by_its_code_and_remembers_its_use(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_confirmation(confirmation())
    assert await store.confirmation("abc") == confirmation()
    assert await store.confirmation("abd") is None
    used = confirmation().model_copy(update={"used": START})
    async with store.unit() as unit:
        await unit.save_confirmation(used)
        assert await unit.confirmation("abc") == used


async def test_the_store_knows_who_was_asked_since_when(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_confirmation(confirmation())
        before, after = START - timedelta(seconds=1), START + timedelta(seconds=1)
        assert await unit.asked_since("ann@example.com", before)
        assert not await unit.asked_since("ann@example.com", after)
        assert not await unit.asked_since("bob@example.com", before)


async def test_a_code_is_an_address_that_was_given_out(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")
    async with store.unit() as unit:
        await unit.add_confirmation(confirmation())
    token = "token-event1-ann@example.com"
    assert await store.tokens([token, "abc", "unknown"]) == {token, "abc"}


async def test_an_organizer_is_known_once_it_has_an_event(store: Store) -> None:
    await stores.with_event(store)
    async with store.unit() as unit:
        assert await unit.knows_organizer(ORGANIZER)
        assert not await unit.knows_organizer("stranger@example.com")


async def test_all_that_became_of_a_mail_is_told_in_order(store: Store) -> None:
    lines = [
        Intake(id=f"7.1_{n}", at=START + timedelta(seconds=n), mailbox="rsvp", action="receipt", detail="x")
        for n in (1, 10, 2)
    ]
    async with store.unit() as unit:
        for line in lines:
            await unit.take_in(line)
    assert [line.id for line in await store.notes("7.1_1")] == ["7.1_1", "7.1_10"]
    assert await store.notes("7.1_1:") == []


async def test_mails_that_wait_for_a_registration_are_found_once_it_is_made(store: Store) -> None:
    kind = ConfirmationKind.REGISTRATION
    ann, bob = (
        confirmation(name, f"{name}@example.com").model_copy(update={"kind": kind}) for name in ("ann", "bob")
    )
    async with store.unit() as unit:
        for one in (bob, ann, confirmation()):
            await unit.add_confirmation(one)
        assert await unit.registrations(ann.address, 10) == [ann]
    assert await store.registrations(None, 10) == [ann, bob]
    assert await store.proven_since(START, 10) == []
    async with store.unit() as unit:
        await unit.ensure_organizer(ann.address, "", START)
        assert not await unit.registered(ann.address)
        for _ in range(2):
            await unit.register(ann.address, START)
        assert await unit.registered(ann.address)
    assert await store.registered(ann.address)
    assert not await store.registered(bob.address)
    assert await store.proven_since(START, 10) == [ann]
    assert await store.proven_since(ann.expires, 10) == []
    async with store.unit() as unit:
        await unit.save_confirmation(ann.model_copy(update={"used": START}))
    assert await store.proven_since(START, 10) == []
    assert await store.registrations(None, 10) == [bob]


async def test_what_became_of_old_mails_is_listed_in_order_and_dropped(store: Store) -> None:
    lines = [
        Intake(id=f"{n}.a::", at=START + timedelta(days=n), mailbox="", action="created", code="", detail="")
        for n in range(4)
    ]
    async with store.unit() as unit:
        for line in lines:
            await unit.take_in(line)
    before = START + timedelta(days=3)
    first = await store.old_requests(before, None, 2)
    assert first == lines[:2]
    assert await store.old_requests(before, first[-1], 2) == lines[2:3]
    async with store.unit() as unit:
        await unit.drop_requests([line.id for line in lines[:2]])
    assert await store.old_requests(before, None, 9) == lines[2:3]
    assert not await store.noted("0.a:")


async def test_confirmations_are_dropped_once_they_ended_long_ago(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_confirmation(confirmation())
        later = confirmation("later").model_copy(update={"expires": START + timedelta(days=70)})
        await unit.add_confirmation(later)
    async with store.unit() as unit:
        assert await unit.drop_confirmations(START + timedelta(days=60), 10) == 1
    assert await store.confirmation("abc") is None
    assert await store.confirmation("later") == later
