"""How much a JSON text holds is known before it is read."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.mcp.shape import Values, larger, values_of
from tests.support.steps import ending

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('a,"\\[{]}é:'), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def _expected(value: Any) -> int:
    """Commas and openings."""
    if not isinstance(value, list | dict):
        return 0
    inner = list(value.values()) if isinstance(value, dict) else value
    return 1 + max(0, len(inner) - 1) + sum(map(_expected, inner))


@given(_JSON, st.booleans(), st.data())
def test_the_count_is_that_of_the_whole_wherever_it_is_cut(
    value: Any, escaped: bool, data: st.DataObject
) -> None:
    text = json.dumps(value, ensure_ascii=escaped)
    raw = text.encode()
    values = Values()
    at = 0
    while at < len(raw):
        end = data.draw(st.integers(at + 1, len(raw)))
        values.feed(raw[at:end])
        at = end
    assert values.count == values_of(text) == _expected(value)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_counted_alike_in_one_piece_and_in_two(raw: bytes, cut: int) -> None:
    once, twice = Values(), Values()
    once.feed(raw)
    twice.feed(raw[:cut])
    twice.feed(raw[cut:])
    assert once.count == twice.count


@given(_JSON, st.integers(0, 60))
def test_a_value_is_larger_than_a_size_or_not(value: Any, size: int) -> None:
    def weight(one: Any) -> int:
        if isinstance(one, str):
            return 1 + len(one)
        if isinstance(one, dict):
            return 1 + len(one) + sum(weight(k) + weight(v) for k, v in one.items())
        return 1 + len(one) + sum(map(weight, one)) if isinstance(one, list) else 1

    assert larger(value, size) == (weight(value) > size)


def test_a_text_without_an_end_that_is_full_of_quotes_is_looked_through_once() -> None:
    with ending():
        assert values_of('["' + '\\"' * 500_000) == 1
