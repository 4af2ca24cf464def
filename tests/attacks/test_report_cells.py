"""No cell of a report is a formula to any spreadsheet, whatever attendees call themselves."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.attendee_report import harmless
from engine.engine import Engine
from engine.model.people import Origin
from tests.support.engines import created, invite

_SIGNS = "=+-@|%"
_INVISIBLE = [
    "\u200b",
    "\ufeff",
    "\u00ad",
    "\u202e",
    "\u2066",
    "\u2060",
    "\u0301",
    "\u3000",
    "\u00a0",
    "\u2028",
    "\u3164",
    "\u2800",
    "\x00",
    "\x7f",
    " ",
    "\t",
    "\r",
    "\n",
    '"',
]
_WIDE = [
    "＝",
    "＋",
    "－",
    "＠",
    "﹢",
    "﹣",
    "﹦",
    "﹫",
    "⁼",
    "⁺",
    "⁻",
    "₊",
    "−",
    "｜",
    "％",
    "﬩",
    "≠",
    "=\u0338",
]


def _first_seen(text: str) -> str:
    """What is left at the beginning when nobody could tell that anything was before it."""
    for character in unicodedata.normalize("NFKC", text):
        if unicodedata.category(character)[0] not in "CZM":
            return character
    return ""


@pytest.mark.parametrize("sign", [*_SIGNS, *_WIDE])
@pytest.mark.parametrize("before", ["", *_INVISIBLE, "\u200b \u202e\ufeff", "\u200b" * 300])
def test_a_sign_behind_whatever_is_not_seen_is_made_harmless(sign: str, before: str) -> None:
    made = harmless(f"{before}{sign}1+1")
    assert made.startswith("'")
    assert made.replace("'", "") == f"{before}{sign}1+1"


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n"])
def test_a_sign_behind_what_other_spreadsheets_take_for_a_separator_is_made_harmless(separator: str) -> None:
    assert f"{separator}'=HYPERLINK" in harmless(f'Ann{separator}=HYPERLINK("http://evil.example")')
    assert "'＝1" in harmless(f"Ann{separator} \u200b＝1").replace(" \u200b", "")


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "Ann",
        "Ann Example-Smith",
        "ann+tag@example.com",
        "Émile",
        "王小明",
        "محمد",
        "Ann; Bob",
        "5 - 3",
        "O'Hara",
    ],
)
def test_what_is_no_formula_stays_as_it_is(cell: str) -> None:
    assert harmless(cell) == cell


_TEXTS = st.text(
    st.sampled_from([*_SIGNS, *"".join(_WIDE), *_INVISIBLE, ";", ",", "'", "a", "é", "1"]), max_size=12
)


@given(_TEXTS | st.text(max_size=30))
@example("≠1")
@example("\u0338=1")
def test_no_cell_begins_with_a_sign_unless_it_is_quoted(cell: str) -> None:
    made = harmless(cell)
    assert _first_seen(made) not in set(_SIGNS)
    for piece in re.split(r"[;\t\r\n]", made):
        assert _first_seen(piece) not in set(_SIGNS)
    assert len(made) - made.count("'") == len(cell) - cell.count("'")


@given(st.lists(_TEXTS, min_size=1, max_size=5))
def test_a_line_is_read_back_as_it_was_written_and_holds_no_formula_by_other_separators(
    cells: list[str],
) -> None:
    made = [harmless(cell) for cell in cells]
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(made)
    assert next(csv.reader(io.StringIO(buffer.getvalue(), newline=""))) == made
    for piece in re.split(r"[;\t]", buffer.getvalue()):
        assert _first_seen(piece.lstrip().lstrip('"')) not in set(_SIGNS)


async def test_the_report_of_an_event_holds_no_formula(engine: Engine) -> None:
    event = await created(engine)
    names = ["＝1+1", "\u200b=1+1", "\ufeff@SUM(1)", "Ann;=1+1", "-1", "|calc"]
    for number, name in enumerate(names):
        await invite(engine, event, f"{number}@example.net", name=name)
    lines = [line async for line in engine.report_csv(event.uid, engine.local)]
    rows = list(csv.reader(lines))
    assert len(rows) == 1 + len(names)
    for cell in (cell for row in rows[1:] for cell in row):
        assert _first_seen(cell) not in set(_SIGNS)
        assert all(_first_seen(piece) not in set(_SIGNS) for piece in cell.split(";"))


def test_every_character_is_judged_by_what_a_spreadsheet_may_make_of_it() -> None:
    """All characters there are: whatever is a sign in some width is one."""
    for number in range(0x110000):
        if unicodedata.normalize("NFKC", chr(number))[:1] in set(_SIGNS):
            assert harmless(f"{chr(number)}1").startswith("'"), hex(number)


def test_the_clock_and_origin_columns_are_ours() -> None:
    assert all(harmless(origin.value) == origin.value for origin in Origin)
    assert harmless(datetime(2027, 1, 1, tzinfo=UTC).isoformat()) == "2027-01-01T00:00:00+00:00"
