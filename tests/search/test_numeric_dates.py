"""Dates in digits."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.search.numeric_dates import day

TODAY = date(2027, 3, 1)
_NO_DAYS = {(2, 30), (2, 31), (4, 31), (6, 31), (9, 31), (11, 31)}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("6/5/2027", date(2027, 6, 5)),
        ("6/5/27", date(2027, 6, 5)),
        ("6.5.2027", date(2027, 6, 5)),
        ("2027/6/5", date(2027, 6, 5)),
        ("13/5/2027", date(2027, 5, 13)),
        ("31/12", date(2027, 12, 31)),
        ("3/1", TODAY),
        ("2/28", date(2028, 2, 28)),
        ("2/29", date(2028, 2, 29)),
    ],
)
def test_the_month_comes_first_and_a_day_without_a_year_is_the_next_one(text: str, found: date) -> None:
    assert day(text, TODAY) == found


@pytest.mark.parametrize(
    "text", ["2/30/2027", "0/5/2027", "13/13/2027", "6/2027", "6/5/1950", "6/5/3000", "6/5/207"]
)
def test_what_is_no_day_of_our_time_is_none(text: str) -> None:
    assert day(text, TODAY) is None


@given(st.dates(date(1970, 1, 1), date(2200, 12, 31)))
def test_every_day_is_found_as_it_was_written(written: date) -> None:
    assert day(f"{written.month}/{written.day}/{written.year}", TODAY) == written


@given(st.dates(date(1999, 12, 30), date(2104, 1, 1)), st.integers(1, 12), st.integers(1, 31))
def test_a_day_without_a_year_is_never_past(today: date, month: int, number: int) -> None:
    found = day(f"{month}/{number}", today)
    assert found is None or found >= today
    assert (found is None) == ((month, number) in _NO_DAYS)
