"""Several mails at once: nobody who sends much keeps others waiting, and mails of one sender stay in order."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.inbox.intake.arrival_order import ArrivalOrder
from engine.inbox.turns.claims import Turn, claimed_sender, client_address
from engine.inbox.turns.fair_queue import FairQueue
from engine.inbox.turns.fair_slots import FairSlots
from tests.support.waiting import DEADLINE_S, eventually


async def test_who_sends_much_takes_no_more_than_a_share() -> None:
    go, begun = asyncio.Event(), []

    async def work(name: str) -> None:
        begun.append(name)
        await go.wait()

    queue = FairQueue(4, 2, work)
    for n in range(100):
        queue.add(Turn("", "much"), f"much{n}")
    queue.add(Turn("", "little"), "little")
    await eventually(lambda: "little" in begun)
    assert begun == ["much0", "much1", "little"]
    go.set()
    await eventually(lambda: len(queue) == 0)
    await queue.close()


async def test_keys_take_turns_when_places_are_rare() -> None:
    done: list[str] = []

    async def work(name: str) -> None:
        await asyncio.sleep(0)
        done.append(name)

    queue = FairQueue(1, 1, work)
    for n in range(50):
        queue.add(Turn("", "much"), f"much{n}")
    queue.add(Turn("", "little"), "little")
    await eventually(lambda: len(queue) == 0)
    assert done.index("little") <= 2
    await queue.close()


async def test_what_is_tried_again_holds_no_place_meanwhile() -> None:
    done: list[str] = []

    async def work(name: str) -> float | None:
        done.append(name)
        return 0.05 if name == "again" and done.count("again") < 3 else None

    queue = FairQueue(1, 1, work)
    queue.add(Turn("", "x"), "again")
    queue.add(Turn("", "x"), "other")
    await eventually(lambda: len(queue) == 0)
    assert done[:2] == ["again", "other"]
    assert done.count("again") == 3
    await queue.close()


@given(st.lists(st.sampled_from("abcd"), max_size=60), st.integers(1, 5), st.integers(1, 3))
def test_each_is_done_once_within_width_and_share(keys: list[str], width: int, share: int) -> None:
    done: list[str] = []
    busy: Counter[str] = Counter()

    async def work(name: str) -> None:
        busy[name[0]] += 1
        assert busy[name[0]] <= share
        assert busy.total() <= width
        await asyncio.sleep(0)
        busy[name[0]] -= 1
        done.append(name)

    async def run() -> None:
        queue = FairQueue(width, share, work)
        for n, name in enumerate(keys):
            queue.add(Turn("", name), f"{name}{n}")
            queue.add(Turn("", name), f"{name}{n}")
        while len(queue):
            await asyncio.sleep(0)
        await queue.close()

    asyncio.run(run())
    assert sorted(done) == sorted(f"{name}{n}" for n, name in enumerate(keys))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=60), st.integers(1, 5))
def test_slots_are_never_more_than_there_are_and_all_get_one(
    pairs: list[tuple[str, str]], width: int
) -> None:
    busy: Counter[str] = Counter()
    got = 0

    async def hold(slots: FairSlots, *keys: str) -> None:
        nonlocal got
        async with slots.slot(" ".join(keys), dict.fromkeys(keys, 2)):
            busy.update(["all", *keys])
            assert busy["all"] <= width
            assert max(busy[key] for key in keys) <= 2
            await asyncio.sleep(0)
            busy.subtract(["all", *keys])
            got += 1

    async def run() -> None:
        slots = FairSlots(width)
        await asyncio.gather(*(hold(slots, f"client {a}", f"domain {b}") for a, b in pairs))

    asyncio.run(run())
    assert got == len(pairs)


async def test_a_slot_that_is_given_up_while_waiting_is_not_lost() -> None:
    slots = FairSlots(1)
    async with slots.slot("a", {}):
        waiting = asyncio.create_task(slots.slot("b", {}).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(DEADLINE_S), slots.slot("c", {}):
        pass


async def test_proven_mails_of_one_sender_are_handled_in_the_order_of_their_arrival() -> None:
    order, done = ArrivalOrder(), []
    places = [order.enter("boss") for _ in range(5)]

    async def carry_out(n: int) -> None:
        await places[n].reached()
        await asyncio.sleep(0)
        done.append(n)
        places[n].leave()

    await asyncio.gather(*(carry_out(n) for n in reversed(range(5))))
    assert done == [0, 1, 2, 3, 4]


async def test_a_mail_that_only_claims_the_same_sender_holds_a_proven_one_up_for_a_moment_at_most() -> None:
    order = ArrivalOrder(patience_s=0.05)
    forged = [order.enter("boss") for _ in range(1000)]
    own = order.enter("boss")
    async with asyncio.timeout(DEADLINE_S):
        await own.reached()
    for place in forged:
        place.leave()


async def test_an_earlier_mail_that_turns_out_unproven_is_not_waited_for() -> None:
    order = ArrivalOrder(patience_s=3600)
    forged, own = order.enter("boss"), order.enter("boss")
    waiting = asyncio.create_task(own.reached())
    await asyncio.sleep(0)
    assert not waiting.done()
    forged.leave()
    async with asyncio.timeout(DEADLINE_S):
        await waiting


async def test_a_mail_that_failed_keeps_its_place_until_it_is_handled() -> None:
    order = ArrivalOrder()
    first, second = order.enter("boss"), order.enter("boss")
    await first.reached()
    later = asyncio.create_task(second.reached())
    await asyncio.sleep(0)
    assert not later.done()
    await first.reached()
    first.leave()
    async with asyncio.timeout(DEADLINE_S):
        await later


@given(st.lists(st.sampled_from(["proven", "forged"]), min_size=1, max_size=20), st.randoms())
def test_places_that_are_left_in_any_order_leave_nothing_behind(kinds: list[str], random: object) -> None:
    async def run() -> None:
        order, done = ArrivalOrder(patience_s=0), []
        places = [order.enter("boss") for _ in kinds]

        async def handle(n: int) -> None:
            if kinds[n] == "forged":
                places[n].leave()
                return
            await places[n].reached()
            done.append(n)
            places[n].leave()

        numbers = list(range(len(kinds)))
        random.shuffle(numbers)  # type: ignore[attr-defined]
        await asyncio.gather(*(handle(n) for n in numbers))
        assert sorted(done) == [n for n, kind in enumerate(kinds) if kind == "proven"]
        assert order._last == {}

    asyncio.run(run())


def test_what_a_mail_claims_is_the_address_in_from_however_it_is_written() -> None:
    for line in (
        b"From: Olga <Olga@Example.com>",
        b"from:olga@example.com",
        b'From: "Olga, of x@y" \r\n <olga@example.com>',
        b"From: =?utf-8?Q?Olga?=\n\t<OLGA@example.com>",
    ):
        mail = b"To: someone@example.org\r\n" + line + b"\r\nSubject: x\r\n\r\n"
        assert claimed_sender(mail) == "olga@example.com"
    assert claimed_sender(b"Subject: from: nobody\r\n\r\nhello") == ""


@given(st.binary())
def test_any_bytes_claim_a_sender_or_none(mail: bytes) -> None:
    assert isinstance(claimed_sender(b"From: " + mail), str)


async def test_whoever_writes_many_domains_takes_no_more_than_half_from_one_address() -> None:
    go, begun = asyncio.Event(), []

    async def work(name: str) -> None:
        begun.append(name)
        await go.wait()

    queue = FairQueue(8, 2, work)
    for n in range(100):
        queue.add(Turn("192.0.2.1", f"domain {n}"), f"forged{n}")
    queue.add(Turn("192.0.2.2", "domain 1"), "other")
    await eventually(lambda: "other" in begun)
    assert len(begun) == 5
    go.set()
    await eventually(lambda: len(queue) == 0)
    await queue.close()


def test_a_64_of_ipv6_is_one_client() -> None:
    assert client_address("192.0.2.1", ()) != client_address("192.0.2.254", ())
    assert client_address("::ffff:192.0.2.1", ()) == client_address("192.0.2.1", ())
    assert client_address("2001:db8::1", ()) == client_address("2001:db8::ffff:1", ())
    assert client_address("2001:db8::1", ()) != client_address("2001:db8:0:1::1", ())
    assert client_address("", ()) == ""


async def test_whoever_claims_many_domains_has_one_turn_where_one_mail_goes_at_a_time() -> None:
    slots, order = FairSlots(1), []

    async def read(turn: Turn) -> None:
        async with slots.slot(turn.sender, {}):
            order.append(turn.client)
            await asyncio.sleep(0)

    forged = [Turn("192.0.2.1", f"domain {n}.example") for n in range(100)]
    await asyncio.gather(*(read(turn) for turn in (*forged, Turn("192.0.2.2", "domain other.example"))))
    assert order.index("192.0.2.2") <= 2
    assert Turn("", "domain a.example").sender != Turn("", "domain b.example").sender
