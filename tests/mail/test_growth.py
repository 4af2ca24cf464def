"""What a hostile mail costs grows with its length, never with the product of two lengths in it."""

from __future__ import annotations

import tracemalloc

import pytest

from bench.hostile_mails import NAMES, made
from engine.mail.incoming import read
from tests.support.reading import outcomes
from tests.support.soak import some
from tests.support.steps import steps_of

SIZES = (10_300, 4 * 10_300)
"""Small, for each line is counted; the larger four times the smaller, for then a product shows as well as at more."""
BASE = 10_000
"""Lines of Python that have nothing to do with the length of a mail, such as those that make ready what is kept."""
MEMORY = 500_000
ALLOWED = 1.2 * 4
"""Times as much for four times the mail; what grows with a product takes sixteen times as much."""


@pytest.fixture(scope="module", autouse=True)
def ready() -> None:
    """Have the names of all time zones read before anything is counted."""
    outcomes(made("a calendar: unknown time zones in answers", SIZES[0]))


@pytest.fixture(autouse=True)
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """All mails take the way of large ones, whose head is read apart; a small one takes fewer steps at once."""
    monkeypatch.setattr(read, "SMALL", 0)


@pytest.mark.parametrize("name", NAMES)
def test_four_times_the_mail_takes_four_times_the_steps(name: str) -> None:
    once, more = (_steps(made(name, size)) for size in SIZES)
    assert more < ALLOWED * once + BASE


@pytest.mark.parametrize("name", some(NAMES, 4, first=1))
def test_four_times_the_mail_takes_four_times_the_memory(name: str) -> None:
    once, more = (_peak(made(name, size)) for size in SIZES)
    assert more < ALLOWED * once + MEMORY


def _steps(mail: bytes) -> int:
    return steps_of(lambda: outcomes(mail))


def _peak(mail: bytes) -> int:
    tracemalloc.start()
    try:
        outcomes(mail)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
