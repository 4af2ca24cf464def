"""What a hostile mail costs grows with its length, never with the product of two lengths in it."""

from __future__ import annotations

import tracemalloc

import pytest

from bench.hostile_mails import NAMES, made
from engine.mail.incoming.read import SMALL
from tests.support.reading import outcomes
from tests.support.soak import some
from tests.support.steps import steps_of

SIZE = SMALL + 1_000
"""Both mails take the way of large ones, whose head is read apart; a small one takes fewer steps at once."""
BASE = 30_000
"""Lines of Python that have nothing to do with the length of a mail, such as those that make ready what is kept."""
MEMORY = 3_000_000


@pytest.fixture(scope="module", autouse=True)
def ready() -> None:
    """Have the names of all time zones read before anything is counted."""
    outcomes(made("a calendar: unknown time zones in answers", SIZE))


@pytest.mark.parametrize("name", NAMES)
def test_twice_the_mail_takes_twice_the_steps(name: str) -> None:
    once, twice = (_steps(made(name, size)) for size in (SIZE, 2 * SIZE))
    assert twice < 2.4 * once + BASE


@pytest.mark.parametrize("name", some(NAMES, 4, first=1))
def test_twice_the_mail_takes_twice_the_memory(name: str) -> None:
    once, twice = (_peak(made(name, size)) for size in (SIZE, 2 * SIZE))
    assert twice < 2.4 * once + MEMORY


def _steps(mail: bytes) -> int:
    return steps_of(lambda: outcomes(mail))


def _peak(mail: bytes) -> int:
    tracemalloc.start()
    try:
        outcomes(mail)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
