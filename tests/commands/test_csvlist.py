"""Lists of recipients as people send them: with any header, delimiter, encoding and mistake."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.tables import csvlist, table
from engine.commands.text import address
from engine.model.list_rows import ListRow
from engine.refusals import Code, Refused


def _pairs(text: str) -> list[tuple[str, str]]:
    return [(row.email, row.name) for row in csvlist.read(text)]


@pytest.mark.parametrize(
    "header",
    ["uid,email,name", "UID,Email,Name", "u_id,E-Mail,Full Name", "Event UID , Email Address , name"],
)
def test_the_header_may_be_in_any_case(header: str) -> None:
    row = csvlist.read(f"{header}\nabc,ann@example.com,Ann\n")[0]
    assert (row.email, row.name) == ("ann@example.com", "Ann")


def test_the_header_may_be_in_any_order() -> None:
    row = csvlist.read("name,email,uid\nAnn,ann@example.com,abc\n")[0]
    assert (row.number, row.uid, row.email, row.name, row.fields) == (1, "abc", "ann@example.com", "Ann", {})


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_quoted_delimiter_belongs_to_its_name(delimiter: str) -> None:
    text = f'email{delimiter}name\nann@example.com{delimiter}"Doe{delimiter} Jane ""JD"""\n'
    assert _pairs(text) == [("ann@example.com", f'Doe{delimiter} Jane "JD"')]


def test_other_columns_are_personal_fields_in_lower_case() -> None:
    row = csvlist.read("email,First Name,SEAT,empty,\nann@example.com,Ann,12,,\n")[0]
    assert row.fields == {"first name": "Ann", "seat": "12"}


def test_an_empty_name_stays_empty() -> None:
    assert _pairs("email,name\nann@example.com,\n") == [("ann@example.com", "")]


def test_blank_rows_are_ignored_and_rows_counted_without_them() -> None:
    rows = csvlist.read("\n\nemail,name\r\n\r\nann@example.com,Ann\r\n , \r\nbob@example.com,Bob")
    assert [(row.number, row.email) for row in rows] == [(1, "ann@example.com"), (2, "bob@example.com")]


def test_rows_that_are_too_short_or_too_long_are_read_as_far_as_they_go() -> None:
    rows = csvlist.read("name,email,seat\nAnn\nBob,bob@example.com,1,2,3\n")
    assert [(row.name, row.email, dict(row.fields)) for row in rows] == [
        ("Ann", "", {}),
        ("Bob", "bob@example.com", {"seat": "1"}),
    ]


def test_bare_addresses_one_a_line_need_no_header() -> None:
    text = "ann@example.com\n\nBob Example <bob@example.com>,\nnot an address\n"
    assert _pairs(text) == [
        ("ann@example.com", ""),
        ("bob@example.com", "Bob Example"),
        ("not an address", ""),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "ann@example.com; Bob Example <bob@example.com>",
        '"Ann" <ann@example.com>, "Example, Bob" <bob@example.com>,',
        "Ann <ann@example.com>; Example, Bob <bob@example.com>;\n",
        "\ufeffann@example.com,bob@example.com\r\n\r\n",
    ],
)
def test_people_in_one_line_as_mail_programs_write_them_are_a_list(line: str) -> None:
    assert [email for email, _ in _pairs(line)] == ["ann@example.com", "bob@example.com"]
    assert {name for _, name in _pairs(line)} <= {"", "Ann", "Bob Example", "Example, Bob"}


@pytest.mark.parametrize(
    "text",
    [
        "ann@example.com; see bob@example.com\n",
        "Ann <ann@example.com; Bob <bob@example.com>",
        "ann@example.com,boss@example.com\nbob@example.com,boss@example.com\n",
    ],
)
def test_a_line_with_anything_else_invites_no_second_person_of_it(text: str) -> None:
    with suppress(Refused):
        assert len(csvlist.read(text)) <= len(text.splitlines())


@pytest.mark.parametrize("start", ["\ufeff", "sep=,\n", "\ufeffsep=,\r\n", "\n \n"])
def test_what_spreadsheets_put_first_is_passed_over(start: str) -> None:
    assert _pairs(f"{start}email,name\nann@example.com,Ann\n") == [("ann@example.com", "Ann")]


@pytest.mark.parametrize(
    ("data", "charset"),
    [
        ("email,name\na@example.com,Jörg".encode(), ""),
        ("email,name\na@example.com,Jörg".encode("utf-8-sig"), "us-ascii"),
        ("email,name\na@example.com,Jörg".encode("utf-16"), ""),
        ("email,name\na@example.com,Jörg".encode("cp1252"), ""),
        ("email,name\na@example.com,Jörg".encode("cp850"), "cp850"),
        ("email,name\na@example.com,Jörg".encode("cp1252"), "no-such-charset"),
    ],
)
def test_a_list_is_read_in_the_encoding_it_came_in(data: bytes, charset: str) -> None:
    assert _pairs(csvlist.decode(data, charset)) == [("a@example.com", "Jörg")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", Code.EMPTY_LIST),
        ("\ufeff \n", Code.EMPTY_LIST),
        ("email,name\n\n,\n", Code.EMPTY_LIST),
        ("first,last\nAnn,Example\n", Code.CSV_NO_HEADER),
        ('email,name\nann@example.com,"Ann" Example\n', Code.CSV_UNREADABLE),
        ("email\nann@example.com\0", Code.CSV_UNREADABLE),
        ("email,name\nann@example.com," + "x" * 200_000, Code.CSV_UNREADABLE),
        ("email," + ",".join(f"c{n}" for n in range(200)), Code.TOO_LARGE),
    ],
)
def test_a_list_that_cannot_be_understood_is_refused(text: str, code: Code) -> None:
    with pytest.raises(Refused) as raised:
        csvlist.read(text)
    assert raised.value.code is code
    assert raised.value.hint


def test_a_list_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "ROWS_MAX", 2)
    with pytest.raises(Refused) as raised:
        csvlist.read("email\n" + "ann@example.com\n" * 3)
    assert raised.value.code is Code.TOO_LARGE
    monkeypatch.setattr(table, "BYTES_MAX", 10)
    for refused in (lambda: csvlist.read("email\nann@example.com"), lambda: csvlist.decode(b"x" * 11)):
        with pytest.raises(Refused):
            refused()


NO_NAMES = {"null", "NULL", "None", "none", "undefined"}
"""What programs write where there is no name."""
_BREAKS = frozenset("\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")


def _plainly(cell: str) -> bool:
    """Not several addresses in one cell, nor a name with one, nor lines that may be rows after a stray quote."""
    return ":::" not in cell and not ("@" in cell and (_BREAKS | {"<"}) & set(cell))


_CELL = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=20).filter(
    _plainly
)


@pytest.mark.parametrize("word", sorted(NO_NAMES))
def test_a_word_of_programs_for_no_value_is_no_name(word: str) -> None:
    assert _pairs(f"email,name\nann@example.com,{word}\n") == [("ann@example.com", "")]


@given(st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=10))
def test_what_a_csv_writer_wrote_is_read_back(rows: list[tuple[str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(["email", "name"])
    writer.writerows(rows)
    filled = [(email.strip(), name.strip()) for email, name in rows if email.strip() or name.strip()]
    wanted = [(email, "" if name in NO_NAMES else name) for email, name in filled]
    if wanted:
        assert _pairs(buffer.getvalue()) == wanted


@given(st.text(max_size=200) | st.text('email,;\t"\n\r@.ax ', max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        rows = csvlist.read(text)
    except Refused as refused:
        assert refused.hint
    else:
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))


@given(st.text("ae@.,;\t|\n\r \x0b\x0c\x1c\x85\u2028", max_size=100), st.sampled_from(table.DELIMITERS))
def test_a_table_without_quotes_is_read_quickly_to_the_same_rows(text: str, delimiter: str) -> None:
    quickly = list(table._rows_of_one_line(text, delimiter, 0))
    assert quickly == list(table._Reader(table.Lines(text), delimiter))


_CELLS = [
    "ann@example.com",
    " Bo <bo@example.com> ",
    "a@b.example ::: b@b.example",
    "Ann",
    "null",
    '"',
    '"Li, Ann"',
    "",
]


@given(st.lists(st.lists(st.sampled_from(_CELLS), max_size=2).map(",".join), max_size=5).map("\n".join))
def test_a_table_of_names_and_addresses_alone_is_read_quickly_to_the_same_rows(rows: str) -> None:
    """One more column, which no row reaches, has it read the slow way."""
    assert _rows_or_code(f"name,email\n{rows}") == _rows_or_code(f"name,email{',' * 20}uid\n{rows}")


def _rows_or_code(text: str) -> list[ListRow] | Code:
    try:
        return csvlist.read(text)
    except Refused as refused:
        return refused.code


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_cell_that_is_too_long_for_csv_costs_its_row_alone(end: str) -> None:
    rows = csvlist.read(
        end.join(["email,name", "ann@example.com,Ann", "x" * 140_000 + ",Ben", "cy@example.com,Cy"])
    )
    assert [row.code for row in rows] == ["", Code.CSV_UNREADABLE.value, ""]


@given(st.binary(max_size=200), st.text(max_size=10))
def test_any_bytes_are_decoded_or_refused(data: bytes, charset: str) -> None:
    try:
        assert isinstance(csvlist.decode(data, charset), str)
    except Refused as refused:
        assert refused.code is Code.CSV_UNREADABLE


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("Email Address,First Name,Last Name,Tags", "ann@example.org,Ann,Example,vip"),  # Mailchimp
        ("Record ID,First Name,Last Name,Email,Phone", "1,Ann,Example,ann@example.org,1"),  # HubSpot
        ("Email,First Name,Last Name,Consent", "ann@example.org,Ann,Example,SUBSCRIBED"),  # Klaviyo
        (
            "Title,First Name,Last Name,E-mail Address,E-mail Display Name",
            ",Ann,Example,ann@example.org,Ann Example (ann@example.org)",
        ),
        (
            "First Name,Middle Name,Last Name,E-mail Address,E-mail Display Name",
            ",,,ann@example.org,Ann Example (ann@example.org)",
        ),
        (
            "Name,Given Name,Family Name,E-mail 1 - Type,E-mail 1 - Value",
            "Ann Example,Ann,Example,* Home,ann@example.org ::: ann2@example.org",
        ),
        (
            "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email",
            "Ann,Example,Ann Example,,ann@example.org,",
        ),
        (
            "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email",
            "Ann,Example,,,,ann@example.org",
        ),
        ("Vorname;Nachname;E-Mail-Adresse", "Ann;Example;ann@example.org"),
        ("Vorname;Name;E-Mail", "Ann;Example;ann@example.org"),
        ("Nom;Prénom;Adresse e-mail", "Example;Ann;ann@example.org"),
        ("Nom complet;Courriel", "Ann Example;ann@example.org"),
        ("Nombre;Apellidos;Correo electrónico", "Ann;Example;ann@example.org"),
        ("Nome;Sobrenome;E-mail", "Ann;Example;ann@example.org"),
        ("Imię;Nazwisko;Adres e-mail", "Ann;Example;ann@example.org"),
        ("姓,名,Eメール", "Example,Ann,ann@example.org"),
        ("Attendee Name,Ticket,Attendee Email", "Ann Example,vip,ann@example.org"),
        ("First Name,Parent Email,Last Name", "Ann,ann@example.org,Example"),
        ("\u200bEmail\u00a0,\ufeffName", "ann@example.org,Ann Example"),
        ("email|name", "ann@example.org|Ann Example"),
        ("email,name", "Ann Example <ann@example.org>,"),
    ],
)
def test_the_columns_of_other_programs_are_understood(header: str, row: str) -> None:
    assert _pairs(f"{header}\n{row}\n") == [("ann@example.org", "Ann Example")]


def test_the_parts_of_a_name_may_still_stand_in_a_text() -> None:
    (row,) = csvlist.read("Email,First Name,Last Name\nann@example.org,Ann,Example\n")
    assert (row.name, row.fields) == ("Ann Example", {"first name": "Ann", "last name": "Example"})


@pytest.mark.parametrize(
    "text",
    [
        "Export of 2027-05-02\n\nContacts: 2\nemail,name\nann@example.org,Ann\nbob@example.org,Bob\n",
        "Exported by admin@example.com on Monday\nemail,name\nann@example.org,Ann\nbob@example.org,Bob\n",
        "ann@example.org,Ann\nbob@example.org,Bob\n",
        "ann@example.org;Ann;1\nbob@example.org;Bob;2\n",
        "Guests\nAnn,ann@example.org\nBob,bob@example.org\n",
    ],
)
def test_a_preamble_or_a_lacking_header_costs_no_row(text: str) -> None:
    assert _pairs(text) == [("ann@example.org", "Ann"), ("bob@example.org", "Bob")]


UID = "a1" * 20


@pytest.mark.parametrize(
    ("text", "uid"),
    [
        ("k3m9p2qa,ann@example.org\nk3m9p2qa,bob@example.org\n", "k3m9p2qa"),
        (f"{UID}\tann@example.org\n{UID}\tbob@example.org\n", UID),
        ("K3M9P2QA\nann@example.org\nbob@example.org\n", "k3m9p2qa"),
        ("Event id: k3m9p2qa\n\nann@example.org\nbob@example.org\n", "k3m9p2qa"),
        ("uid: k3m9p2qa\nemail\nann@example.org\nbob@example.org\n", "k3m9p2qa"),
    ],
)
def test_an_event_may_be_named_in_a_row_without_a_header_or_in_the_first_line(text: str, uid: str) -> None:
    assert [(row.uid.lower(), row.email) for row in csvlist.read(text)] == [
        (uid, "ann@example.org"),
        (uid, "bob@example.org"),
    ]


def test_a_first_line_that_is_meant_as_an_address_is_not_passed_over() -> None:
    rows = csvlist.read("ann@@example\nbob@example.org\n")
    assert [row.email for row in rows] == ["ann@@example", "bob@example.org"]


@pytest.mark.parametrize(
    "rows",
    [
        ['ann@example.org,"Ann', "bob@example.org,Bob", "cy@example.org,Cy"],
        ['ann@example.org,"Ann', "bob@example.org,Bob", 'cy@example.org,"Cy"'],
        ['ann@example.org,"Ann', "bob@example.org,Bob", 'cy@example.org,Cy"'],
        ['ann@example.org,"Ann" Example', "bob@example.org,Bob", "cy@example.org,Cy"],
        ['"ann@example.org,Ann', '"bob@example.org",Bob', '"cy@example.org",Cy'],
    ],
)
def test_a_stray_quote_costs_its_own_row_alone(rows: list[str]) -> None:
    found = csvlist.read("email,name\n" + "\n".join(rows) + "\n")
    assert [(row.number, row.email) for row in found if row.code] == [(1, "ann@example.org")]
    assert {"bob@example.org"} <= {row.email for row in found if not row.code}
    assert len(found) == 3


def test_a_cell_of_several_lines_is_one_cell() -> None:
    assert _pairs('email,name\nzoe@example.org,"Zoë\nExämple"\nbob@example.org,Bob\n') == [
        ("zoe@example.org", "Zoë\nExämple"),
        ("bob@example.org", "Bob"),
    ]


def test_too_many_stray_quotes_are_no_list() -> None:
    with pytest.raises(Refused) as raised:
        csvlist.read("email,name\nok@example.org,Ok\n" + 'a@example.org,"A"x\n' * (table.BROKEN_MAX + 1))
    assert raised.value.code is Code.CSV_UNREADABLE


ZOE = "email,name\r\nzoe@example.org,Zoë Exämple\r\nbob@example.org,Bob\r\n"


@pytest.mark.parametrize(
    "data",
    [
        ZOE.encode("utf-8-sig"),
        b"\xef\xbb\xbf" + ZOE.encode("utf-8-sig"),
        ZOE.encode("utf-16"),
        ZOE.encode("utf-16-le"),
        ZOE.encode("utf-16-be"),
        ZOE.encode("utf-32"),
        ZOE.encode("cp1252"),
        ZOE.encode("mac_roman"),
        ZOE.replace("\r\n", "\r").encode(),
        f"sep=;\r\n{ZOE.replace(',', ';')}".encode("cp1252"),
        ZOE.replace(",", "|").encode(),
        ZOE.replace(",", "\t").encode("utf-16"),
    ],
)
def test_what_spreadsheets_save_is_read_with_its_letters(data: bytes) -> None:
    assert _pairs(csvlist.decode(data)) == [("zoe@example.org", "Zoë Exämple"), ("bob@example.org", "Bob")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-16", "utf-32"])
def test_wide_characters_are_told_where_all_letters_are_ascii(encoding: str) -> None:
    data = "email,name\r\nann@example.org,Ann\r\n".encode(encoding)
    assert _pairs(csvlist.decode(data)) == [("ann@example.org", "Ann")]


@pytest.mark.parametrize(
    "cell",
    [
        "ann@example.org\u00a0",
        "\u200bann@example.org",
        "\ufeffann@example.org",
        "ann@example\u200b.org",
        "mailto:ann@example.org",
        "<ann@example.org>",
        "Ann Seven <ann@example.org>",
        "ann@example.org;",
        "ann@example.org.",
        "'ann@example.org'",
        "“ann@example.org”",
        "\u202aann@example.org\u202c",
        "MAILTO:<ann@example.org>,",
        "(ann@example.org)",
        "an\u00adn@example.org",
    ],
)
def test_what_surrounds_a_copied_address_is_left_out(cell: str) -> None:
    assert address(cell) == "ann@example.org"
    (row,) = csvlist.read(f'email,name\n"{cell}",N\n')
    assert address(row.email) == "ann@example.org"


@pytest.mark.parametrize(
    "cell", ["ann@example.org, bob@example.org", "ann@example.org bob@example.org", "ann@@x.org"]
)
def test_a_cell_that_is_no_single_address_is_refused(cell: str) -> None:
    with pytest.raises(Refused):
        address(cell)


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ('email,name,seat\nann@example.com,Ann,12\nben@example.com,"B"en,\ncarl@example.com,Carl,7\n', 1),
        ('event-uid 7q1n\nemail,name\nann@example.com,"Ann\nLee"\n\n,\nben@example.com,\n', 0),
        ("ann@example.com\n\nben@example.com\n", 0),
        ("Ann <ann@example.com>, ben@example.com", 0),
    ],
    ids=["fields", "two lines", "bare", "mailboxes"],
)
def test_a_list_that_another_process_read_is_the_same_list(text: str, broken: int) -> None:
    rows = csvlist.read(text)
    assert [row.code for row in rows].count(Code.CSV_UNREADABLE.value) == broken
    assert csvlist.unpacked(csvlist.read_packed(text.encode())) == rows


def test_a_process_that_reads_a_list_imports_no_engine_no_models_and_no_mail() -> None:
    """Imports would take such a process longer than a list of some thousand rows does."""
    others = {"engine.engine", "pydantic", "email.utils"}
    check = f"import sys, engine.process.reader, engine.commands.tables.csvlist; print({others} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
