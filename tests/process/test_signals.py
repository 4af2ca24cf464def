"""Bells, and rests that end together."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from engine.signals import Signal, end_of_rest

NOWS = st.floats(0, 1e7, allow_nan=False)


@given(NOWS, st.floats(0.5, 60))
def test_a_rest_of_half_a_second_or_more_ends_with_all_others_and_no_later_than_asked(
    now: float, seconds: float
) -> None:
    end = end_of_rest(now, seconds)
    assert now + seconds - 0.5 <= end <= now + seconds
    assert end % 0.5 == 0


@given(NOWS, st.floats(0, 0.499))
def test_a_short_rest_is_as_long_as_asked(now: float, seconds: float) -> None:
    assert end_of_rest(now, seconds) == now + seconds


async def test_who_rests_is_woken_by_a_ring_at_once() -> None:
    signal = Signal()
    resting = asyncio.create_task(signal.listen().rest(3_600))
    await asyncio.sleep(0)
    signal.notify()
    assert await resting
    assert not await signal.listen().rest(0)
