"""No regular expression takes time with the square of what a stranger wrote: while one is at work, all threads wait."""

from __future__ import annotations

import pytest

from engine.commands.tables import csvlist, mailboxes
from engine.model.links import hosts
from tests.support.expressions import Expression, expressions, hard_texts, modules
from tests.support.soak import SOAK
from tests.support.steps import Endless, ending

_LONG = 300_000
_CPU_S = 20.0
"""An expression that reads a text once takes some milliseconds for it; with its square it is minutes."""
_SHORT = {
    "cis_mcp.aws.options._DOMAIN": 300,
    "cis_mcp.aws.options._PATTERNS": 300,
    "cis_mcp.views.settings._CREDENTIALS": 2_000,
    "engine.commands.tables.batchtimes._DATE_AND_CLOCK": 100,
    "engine.model.codes._OURS": 2_000,
    "engine.observe.logs._ADDRESS": 8_000,
    "engine.observe.logs._HIDDEN": 8_000,
    "engine.observe.logs._JWT": 8_000,
    "engine.rules.lookups._PLACE": 500,
    "engine.store.sqlite.search_index._SIDES": 500,
}
"""The most characters that an expression is given, where it needs a bound: its callers keep to it, or the operator
wrote the text."""
_OF_OUR_OWN = {
    "cis_mcp.console.tables._CELL",
    "cis_mcp.console.tables._HEAD",
    "cis_mcp.console.tables._ROW",
    "cis_mcp.console.tables._TABLE",
    "cis_mcp.console.tables._TAG",
    "cis_mcp.mcp.shape._TEXT",
    "engine.aws.s3._CONTENTS",
}
"""What reads markup that we made, in which no `<` of others stands; a list of our own bucket; and JSON to whose end a
quote was added, so that every text in it ends (tests/http/test_shape.py)."""


@pytest.mark.parametrize("module", modules())
def test_no_expression_takes_time_with_the_square_of_a_text(module: str) -> None:
    for expression in expressions(module):
        if expression.name not in _OF_OUR_OWN:
            _try(expression, _SHORT.get(expression.name, _LONG))


def _try(expression: Expression, size: int) -> None:
    for text in hard_texts(expression.pattern, size, few=not SOAK):
        for method in sorted(expression.methods):
            try:
                with ending(_CPU_S):
                    _used(expression, method, text)
            except Endless:
                pytest.fail(
                    f"{expression.name} {expression.pattern.pattern!r}: {method} of {text[:20]!r}… takes too long"
                )


def _used(expression: Expression, method: str, text: str | bytes) -> None:
    found = getattr(expression.pattern, method)(text)
    if method == "finditer":
        for _ in found:
            pass


@pytest.mark.parametrize("columns", ["Email", "Name,Email"])
def test_a_cell_of_an_address_and_blanks_is_read_once(columns: str) -> None:
    before, cell = "Ann," if "," in columns else "", f"<{' ' * 130_000}x"
    with ending(_CPU_S):
        (row,) = csvlist.read(f"{columns}\r\n{before}{cell}\r\n")
    assert row.email == cell


@pytest.mark.parametrize("line", ['@@"' + '\\"' * 100_000, '@"\\"@' * 50_000, "@@" + '"\\' * 100_000])
def test_a_line_of_quotes_that_do_not_end_is_read_once_and_names_nobody(line: str) -> None:
    with ending(_CPU_S):
        assert mailboxes.read(line) == []


def test_people_before_a_quote_that_does_not_end_are_not_taken_from_the_line() -> None:
    assert mailboxes.read("ann@example.com; bob@example.com") == [
        ("", "ann@example.com"),
        ("", "bob@example.com"),
    ]
    assert mailboxes.read('ann@example.com; "Lee bob@example.com; cleo@example.com') == []


@pytest.mark.parametrize("letter", ["a", "-", "_"])
def test_a_word_without_an_end_is_looked_through_for_hosts_once(letter: str) -> None:
    with ending(_CPU_S):
        assert list(hosts("see example.org. " + letter * 300_000)) == ["example.org"]
