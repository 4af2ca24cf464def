"""Several mails at once: those of one sender in order, and nobody waits for somebody else's."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from engine.inbox.lanes import Lanes
from engine.inbox.senders import lane_of
from tests.support.waiting import eventually


async def test_who_waits_holds_up_only_its_own_lane() -> None:
    go, done = asyncio.Event(), []

    async def work(name: str) -> None:
        if name == "slow1":
            await go.wait()
        done.append(name)

    lanes = Lanes(2, work)
    for key, name in (("slow", "slow1"), ("slow", "slow2"), ("a", "a1"), ("b", "b1"), ("a", "a2")):
        lanes.add(key, name)
    await eventually(lambda: len(done) == 3)
    assert done == ["a1", "b1", "a2"]
    go.set()
    await eventually(lambda: len(lanes) == 0)
    assert done[3:] == ["slow1", "slow2"]
    await lanes.close()


async def test_what_is_tried_again_is_not_overtaken_in_its_lane() -> None:
    done: list[str] = []

    async def work(name: str) -> float | None:
        done.append(name)
        return 0.01 if name == "first" and done.count("first") < 3 else None

    lanes = Lanes(1, work)
    for key, name in (("x", "first"), ("x", "second"), ("y", "other")):
        lanes.add(key, name)
    await eventually(lambda: len(lanes) == 0)
    assert [name for name in done if name != "other"] == ["first"] * 3 + ["second"]
    assert done.index("other") < 3
    await lanes.close()


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), max_size=60), st.integers(1, 5))
def test_each_is_done_once_and_each_lane_in_order(things: list[tuple[str, int]], width: int) -> None:
    done: list[str] = []
    busy: set[str] = set()

    async def work(name: str) -> None:
        assert name[0] not in busy, "two of one lane at once"
        assert len(busy) < width
        busy.add(name[0])
        for _ in range(int(name[-1])):
            await asyncio.sleep(0)
        busy.remove(name[0])
        done.append(name)

    async def run() -> None:
        lanes = Lanes(width, work)
        for n, (key, steps) in enumerate(things):
            lanes.add(key, f"{key}{n:03}{steps}")
            lanes.add(key, f"{key}{n:03}{steps}")
        while len(lanes):
            await asyncio.sleep(0)
        await lanes.close()

    asyncio.run(run())
    expected = [f"{key}{n:03}{steps}" for n, (key, steps) in enumerate(things)]
    assert sorted(done) == sorted(expected)
    for lane in "abcd":
        assert [d for d in done if d[0] == lane] == [e for e in expected if e[0] == lane]


def test_the_lane_of_a_mail_is_the_address_in_from_however_it_is_written() -> None:
    for line in (
        b"From: Olga <Olga@Example.com>",
        b"from:olga@example.com",
        b'From: "Olga, of x@y" \r\n <olga@example.com>',
        b"From: =?utf-8?Q?Olga?=\n\t<OLGA@example.com>",
    ):
        assert (
            lane_of(b"To: someone@example.org\r\n" + line + b"\r\nSubject: x\r\n\r\n") == "olga@example.com"
        )
    assert lane_of(b"Subject: from: nobody\r\n\r\nhello") == ""


@given(st.binary())
def test_any_bytes_have_a_lane(mail: bytes) -> None:
    assert isinstance(lane_of(b"From: " + mail), str)
