"""Spreadsheets as programs write them: which sheet is read, and cells as whoever made the list sees them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import pytest

from engine.commands.tables import csvlist, xlsx
from engine.refusals import Code, Refused

_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_RELATED = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'


def _file(**parts: str) -> bytes:
    """A spreadsheet of these parts; __ in a name stands for a slash."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(f"xl/{name.replace('__', '/')}", content)
    return buffer.getvalue()


def _sheet(rows: str) -> str:
    return f"<worksheet {_MAIN}><sheetData>{rows}</sheetData></worksheet>"


def _text(words: str) -> str:
    return f'<c t="inlineStr"><is><t>{words}</t></is></c>'


def _book(tabs: Sequence[tuple[str, str, str]], properties: str = "") -> dict[str, str]:
    """The parts that name the tabs: of each its state, its kind and its part."""
    sheets = "".join(
        f'<sheet name="Tab {n}" sheetId="{n}" {f"state={state!r}" if state else ""} r:id="r{n}"/>'
        for n, (state, _, _) in enumerate(tabs)
    ).replace("'", '"')
    related = "".join(
        f'<Relationship Id="r{n}" Type="{_OFFICE}/{kind}" Target="{target}"/>'
        for n, (_, kind, target) in enumerate(tabs)
    )
    return {
        "workbook.xml": f'<workbook {_MAIN} xmlns:r="{_OFFICE}">{properties}<sheets>{sheets}</sheets></workbook>',
        "_rels__workbook.xml.rels": f"<Relationships {_RELATED}>{related}</Relationships>",
    }


def _styles(*codes: str) -> str:
    """A format of its own for each code, after the common one."""
    made = "".join(f'<numFmt numFmtId="{170 + n}" formatCode="{code}"/>' for n, code in enumerate(codes))
    used = "".join(f'<xf numFmtId="{170 + n}" applyNumberFormat="1"/>' for n in range(len(codes)))
    own = '<xf numFmtId="0"/>'
    return (
        f'<styleSheet {_MAIN}><numFmts count="1">{made}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>'
        f"<cellXfs>{own}{used}</cellXfs></styleSheet>"
    )


def _shown(code: str, number: str, properties: str = "") -> str:
    """What a number in a cell of this format comes to."""
    tab = _book([("", "worksheet", "worksheets/sheet1.xml")], properties)
    rows = f'<row><c s="1"><v>{number}</v></c></row>'
    return xlsx.as_csv(
        _file(**tab, **{"worksheets__sheet1.xml": _sheet(rows), "styles.xml": _styles(code)})
    ).rstrip()


@pytest.mark.parametrize(
    ("code", "number", "shown"),
    [
        ("dd/mm/yyyy", "46509", "2027-05-02"),
        ("[$-409]d\\ mmm\\ yyyy;@", "46509", "2027-05-02"),
        ("dddd, d. mmmm yyyy", "46509.79", "2027-05-02"),
        ("mmm", "46509", "2027-05-02"),
        ("h:mm AM/PM", "0.79166666666666663", "19:00"),
        ("hh:mm:ss", "46509.791678240741", "19:00:01"),
        ("mm:ss.0", "0.5", "12:00"),
        ("yyyy-mm-dd hh:mm", "46509.791666666664", "2027-05-02 19:00"),
        ("yyyy-mm-dd hh:mm", "46509", "2027-05-02 00:00"),
        ("[h]:mm", "1.5", "36:00"),
        ("d mmm", "1", "1900-01-01"),
        ("d mmm", "61", "1900-03-01"),
        ("d mmm", "2958465", "9999-12-31"),
        ("General", "46509", "46509"),
        ("0.00E+00", "46509", "46509"),
        ("#,##0 [$USD-409];[Red]-#,##0", "46509", "46509"),
        ("0 &quot;days&quot;", "3", "3"),
        ("0\\d", "3", "3"),
        ("d mmm", "-1", "-1"),
        ("d mmm", "2958466", "2958466"),
        ("d mmm", "1E400", "1E400"),
        ("d mmm", "soon", "soon"),
        ("d" * 300, "46509", "46509"),
    ],
)
def test_a_number_is_read_as_it_is_shown(code: str, number: str, shown: str) -> None:
    assert _shown(code, number) == shown


def test_days_are_counted_from_where_the_workbook_says() -> None:
    assert _shown("d mmm yyyy", "45047", '<workbookPr date1904="1"/>') == "2027-05-02"
    assert _shown("d mmm yyyy", "2958465", '<workbookPr date1904="true"/>') == "2958465"


def test_formats_that_every_program_knows_need_no_code() -> None:
    styles = "".join(f'<xf numFmtId="{n}"/>' for n in (14, 20, 22, 31, 46, 2))
    cells = "".join(f'<c s="{n}"><v>46509.75</v></c>' for n in range(6))
    data = _file(
        **{
            "worksheets__sheet1.xml": _sheet(f"<row>{cells}</row>"),
            "styles.xml": f"<styleSheet {_MAIN}><cellXfs>{styles}</cellXfs></styleSheet>",
        }
    )
    assert xlsx.as_csv(data).rstrip().split(",") == [
        "2027-05-02",
        "18:00",
        "2027-05-02 18:00",
        "2027-05-02 18:00",
        "1116234:00",
        "46509.75",
    ]


def test_yes_and_no_are_words_and_what_went_wrong_is_empty() -> None:
    row = (
        '<row><c t="b"><v>1</v></c><c t="b"><v>0</v></c><c t="e"><v>#N/A</v></c><c t="str"><v>x</v></c></row>'
    )
    assert xlsx.as_csv(_file(**{"worksheets__sheet1.xml": _sheet(row)})) == "TRUE,FALSE,,x\r\n"


@pytest.mark.parametrize(
    ("tabs", "read"),
    [
        (
            [("hidden", "worksheet", "worksheets/sheet1.xml"), ("", "worksheet", "worksheets/sheet2.xml")],
            "two",
        ),
        (
            [("veryHidden", "worksheet", "worksheets/sheet1.xml"), ("visible", "worksheet", "/xl/other.xml")],
            "other",
        ),
        ([("", "worksheet", "worksheets/sheet2.xml"), ("", "worksheet", "worksheets/sheet1.xml")], "two"),
        (
            [("", "chartsheet", "chartsheets/sheet1.xml"), ("", "worksheet", "../xl/worksheets/sheet1.xml")],
            "one",
        ),
    ],
)
def test_the_first_tab_that_is_shown_is_the_list(tabs: list[tuple[str, str, str]], read: str) -> None:
    sheets = {"worksheets__sheet1.xml": "one", "worksheets__sheet2.xml": "two", "other.xml": "other"}
    parts = {name: _sheet(f"<row>{_text(words)}</row>") for name, words in sheets.items()}
    assert xlsx.as_csv(_file(**parts, **_book(tabs))) == f"{read}\r\n"


@pytest.mark.parametrize(
    "tabs",
    [
        [("hidden", "worksheet", "worksheets/sheet1.xml")],
        [("", "worksheet", "worksheets/gone.xml")],
        [("", "worksheet", "../../etc/passwd")],
        [],
    ],
)
def test_a_file_that_shows_no_sheet_is_refused(tabs: list[tuple[str, str, str]]) -> None:
    parts = {"worksheets__sheet1.xml": _sheet(f"<row>{_text('one')}</row>")}
    with pytest.raises(Refused) as refused:
        xlsx.as_csv(_file(**parts, **_book(tabs)))
    assert refused.value.code is Code.CSV_UNREADABLE


def test_a_sheet_without_a_number_is_read() -> None:
    assert xlsx.as_csv(_file(**{"worksheets__sheet.xml": _sheet(f"<row>{_text('one')}</row>")})) == "one\r\n"


def test_a_date_of_a_list_reaches_its_person_as_a_date() -> None:
    head = "".join(map(_text, ("email", "visit")))
    row = f'{_text("ann@example.com")}<c s="1"><v>46509</v></c>'
    sheet = _sheet(f"<row>{head}</row><row>{row}</row>")
    data = _file(**{"worksheets__sheet1.xml": sheet, "styles.xml": _styles("d/m/yy")})
    (person,) = csvlist.read(xlsx.as_csv(data))
    assert dict(person.fields) == {"visit": "2027-05-02"}
