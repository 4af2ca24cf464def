"""The parts of a reading, each with the query without it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.searching import Window, WordsRead
from engine.search import grammar
from engine.search.asking import Understood
from engine.search.leaving_out import parts
from tests.support.clock import START


def understood(query: str, words: tuple[str, ...] = (), **corrections: str) -> Understood:
    read = grammar.read(query, START)
    return Understood(
        spans=read.spans,
        days=frozenset(read.days),
        hours=tuple(read.hours),
        words=WordsRead(words=words, corrections=corrections),
    )


@pytest.mark.parametrize(
    ("query", "words", "rests"),
    [
        (
            "Orioles home games on weekend evenings in May",
            ("home: orioles",),
            [
                "Orioles home games on weekend evenings",
                "Orioles home games evenings in May",
                "Orioles home games on weekend in May",
                "games on weekend evenings in May",
            ],
        ),
        (
            "Foxes or Owls on Sundays after 5pm",
            ("foxes", "owls"),
            [
                "Foxes or Owls after 5pm",
                "Foxes or Owls on Sundays",
                "Owls on Sundays after 5pm",
                "Foxes on Sundays after 5pm",
            ],
        ),
        ("from 3 to 7 June", (), [""]),
        ("gala on May 2 at 9 am", ("gala",), ["gala at 9 am", "gala on May 2", "on May 2 at 9 am"]),
        ("owls tomorrow", ("owls",), ["owls", "tomorrow"]),
    ],
)
def test_each_part_is_left_out_with_the_words_that_lead_to_it(
    query: str, words: tuple[str, ...], rests: list[str]
) -> None:
    assert [part.rest for part in parts(query, understood(query, words), START)] == rests


def test_a_slip_is_taken_away_as_it_was_written() -> None:
    found = parts("owls tomorow", understood("owls tomorrow", ("owls",), tomorow="tomorrow"), START)
    assert [(part.kind, part.rest) for part in found] == [
        ("span", "owls"),
        ("word", "tomorow"),
        ("correction", "owls"),
    ]


def test_a_part_that_no_words_are_stays() -> None:
    asked = Understood(spans=(Window(start=START),), words=WordsRead(words=("bears",)))
    assert [part.rest for part in parts("owls", asked, START)] == [None, None]


WORDS = st.sampled_from("owls at in May on Sundays after 5pm next 3 games or and from to 7 June".split())  # noqa: SIM905


@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_whatever_is_asked_what_is_left_are_fewer_of_its_words(query: str) -> None:
    for part in parts(query, understood(query, ("owls", "foxes")), START):
        if part.rest is not None:
            left = part.rest.split()
            assert len(left) < len(query.split())
            assert set(left) <= set(query.split())
