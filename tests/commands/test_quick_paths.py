"""Where ordinary values take a quick way, it leads where the long one leads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands import text
from engine.commands.text import FIELD_MAX
from engine.refusals import Code, Refused

CONTROLS = {*map(chr, range(32)), "\x7f"} - {"\t", "\n", "\r"}


@given(st.text(max_size=30))
def test_a_text_loses_its_control_characters_and_the_space_around_it_and_nothing_else(value: str) -> None:
    kept = "".join(character for character in value if character not in CONTROLS).strip()
    assert text.bounded(value, "summary", 60) == kept
    assert text.fields({"seat": value}) == {"seat": kept}


@pytest.mark.parametrize("value", ["x" * (FIELD_MAX + 1), "x" * FIELD_MAX + "\n\n.", "x" * 3 * FIELD_MAX])
def test_a_field_that_is_too_long_is_refused_by_its_name(value: str) -> None:
    with pytest.raises(Refused) as refused:
        text.fields({"seat": value})
    assert refused.value.code is Code.TOO_LARGE
    assert "field “seat”" in refused.value.message


def test_space_around_a_field_does_not_count() -> None:
    assert text.fields({"seat": " " * FIELD_MAX + "x" * 10}) == {"seat": "x" * 10}
