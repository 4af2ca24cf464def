"""Columns of a list that are chosen, and spreadsheets as hostile programs write them."""

from __future__ import annotations

import io
import zipfile

import pytest

from engine.commands.tables import csvlist, mapping, table, xlsx, xlsx_parts
from engine.refusals import Code, Refused

SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def package(sheet: str, strings: str = "", name: str = "xl/worksheets/sheet1.xml") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, f"<worksheet {SPACE}><sheetData>{sheet}</sheetData></worksheet>")
        if strings:
            packed.writestr("xl/sharedStrings.xml", strings)
    return buffer.getvalue()


def test_the_chosen_columns_get_their_names_and_all_others_stay() -> None:
    text = mapping.mapped('who;"where; to";email;x\nAnn;ann@example.com;yes;1\n', 1, 0)
    (row,) = csvlist.read(text)
    assert (row.email, row.name, dict(row.fields)) == ("ann@example.com", "Ann", {"email 2": "yes", "x": "1"})


def test_the_first_row_of_a_list_without_titles_is_a_row() -> None:
    text = "Ann Lee;ann@example.com;pa@example.com\r\nBob Ray;bob@example.com;pb@example.com\r\n"
    rows = csvlist.read(mapping.mapped(text, 1, 0))
    assert [(row.email, row.name, dict(row.fields)) for row in rows] == [
        ("ann@example.com", "Ann Lee", {"column 3": "pa@example.com"}),
        ("bob@example.com", "Bob Ray", {"column 3": "pb@example.com"}),
    ]
    assert csvlist.read(mapping.mapped("ann@@example\nbob@example.com\n", 0, None))[0].email == "ann@@example"


@pytest.mark.parametrize("heading", ["Guests 2027\n\n", "Guests 2027,,\n", "sep=,\nOur guests\nof May\n"])
def test_the_titles_of_a_list_are_found_below_what_heads_it(heading: str) -> None:
    text = heading + "who,where,seat\nAnn,ann@example.com,12\n"
    assert mapping.titles(text) == ["who", "where", "seat"]
    (row,) = csvlist.read(mapping.mapped(text, 1, 0))
    assert (row.email, row.name, dict(row.fields)) == ("ann@example.com", "Ann", {"seat": "12"})


@pytest.mark.parametrize(("email", "name"), [(3, None), (-1, None), (0, 0), (0, 9)])
def test_a_column_that_is_not_there_is_refused(email: int, name: int | None) -> None:
    with pytest.raises(Refused) as refused:
        mapping.mapped("a,b,c\n1,2,3\n", email, name)
    assert refused.value.code is Code.INVALID_ARGUMENT


def test_cells_keep_their_places_where_some_are_left_out() -> None:
    inline = '<row><c r="A1" t="inlineStr"><is><t>email</t></is></c><c r="C1"><v>7</v></c></row>'
    assert xlsx.as_csv(package(inline)) == "email,,7\r\n"


def test_how_a_text_sounds_is_no_part_of_it() -> None:
    strings = f"<sst {SPACE}><si><r><t>東</t></r><r><t>京</t></r><rPh><t>トウキョウ</t></rPh></si></sst>"
    assert xlsx.as_csv(package('<row><c t="s"><v>0</v></c></row>', strings)) == "東京\r\n"


@pytest.mark.parametrize("number", ["1", "-1", "x", "9" * 40, ""])
def test_a_text_that_is_not_there_is_empty(number: str) -> None:
    sheet = f'<row><c t="s"><v>{number}</v></c><c><v>1</v></c></row>'
    assert xlsx.as_csv(package(sheet)) == ",1\r\n"


def test_cells_far_out_are_left_out() -> None:
    sheet = '<row><c r="A1"><v>1</v></c><c r="ZZZ1"><v>2</v></c></row>'
    assert xlsx.as_csv(package(sheet)) == "1\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PK\x03\x04",
        package("<row>"),
        package("", name="other.xml"),
        package('<row><c t="s"><v>0</v></c></row>', f'<!DOCTYPE s [<!ENTITY a "b">]><sst {SPACE}/>'),
    ],
)
def test_what_is_no_spreadsheet_is_refused(data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        xlsx.as_csv(data)
    assert refused.value.code is Code.CSV_UNREADABLE


def test_a_part_is_unpacked_no_further_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_parts, "_PART_MAX", 10_000)
    bomb = package("<row><c><v>1</v></c></row>" * 1_000)
    assert len(bomb) < 2_000
    with pytest.raises(Refused) as refused:
        xlsx.as_csv(bomb)
    assert refused.value.code is Code.TOO_LARGE


def test_a_sheet_has_no_more_rows_than_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS_MAX", 5)
    with pytest.raises(Refused) as refused:
        xlsx.as_csv(package("<row><c><v>1</v></c></row>" * 7))
    assert refused.value.code is Code.TOO_LARGE


def test_cells_that_all_refer_to_one_long_text_come_to_no_more_than_a_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(table, "BYTES_MAX", 5_000_000)
    strings = f"<sst {SPACE}><si><t>{'x' * 30_000}</t></si></sst>"
    cell = '<row><c t="s"><v>0</v></c></row>'
    assert len(xlsx.as_csv(package(cell * 160, strings))) > 4_800_000
    bomb = package(cell * 200, strings)
    assert len(bomb) < 10_000
    with pytest.raises(Refused) as refused:
        xlsx.as_csv(bomb)
    assert refused.value.code is Code.TOO_LARGE


def test_empty_cells_count_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "BYTES_MAX", 500_000)
    last = '<row><c r="CV1"><v></v></c></row>'
    assert xlsx.as_csv(package(last * 4_900)).count(",") == 4_900 * 99
    with pytest.raises(Refused) as refused:
        xlsx.as_csv(package(last * 6_000))
    assert refused.value.code is Code.TOO_LARGE
