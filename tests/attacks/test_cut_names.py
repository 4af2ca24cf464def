"""What identifies or authorizes is whole or refused: cut, it would be somebody else's."""

from __future__ import annotations

import io
import zipfile
from email import message_from_string

import pytest

from engine.commands.campaigns.validation import ListRow, read_rows
from engine.commands.tables import xlsx
from engine.inbox.handling.received import named
from engine.itip import read as itip_read
from engine.itip import rule
from engine.itip.values import read_address
from engine.mail.domains import ascii_domain, is_domain
from engine.mail.incoming import headers, plain_bounces, reports
from engine.mail.incoming.dmarc import read_policy
from engine.mail.incoming.leaves import Leaf
from engine.mail.outgoing import mime
from engine.model.cursors import opened, written
from engine.refusals import Code, Refused

BOSS = "boss@victim.test"


@pytest.mark.parametrize("length", [999, 1_000, 1_001, 5_000])
def test_a_calendar_address_is_not_what_its_first_characters_are(length: int) -> None:
    padded = f"mailto:{' ' * (length - len(BOSS) - 7)}{BOSS}"
    assert read_address(f"{padded}.attacker.example") in {"", f"{BOSS}.attacker.example"}
    assert read_address("x", f"{padded}.attacker.example") == ""


def test_of_a_list_of_delegates_that_is_too_long_no_address_is_cut() -> None:
    room = 4_000 - len(f"mailto:{BOSS}")
    value = "x" * (room - 1) + f",mailto:{BOSS}.attacker.example"
    text = (
        "BEGIN:VCALENDAR\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20270101T100000Z\r\n"
        f'ATTENDEE;DELEGATED-TO="{value}":mailto:ann@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n'
    )
    (event,) = itip_read.read(text.encode()).events
    assert BOSS not in event.attendees[0].delegated_to


def test_a_recurrence_rule_is_not_what_its_first_characters_are() -> None:
    with pytest.raises(Refused, match="401 numbers"):
        rule.parse("FREQ=YEARLY;BYYEARDAY=" + ",".join(["1"] * 401))
    text = (
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\nSUMMARY:x\r\nDTSTART:20270101T100000Z\r\n"
        f"RRULE:FREQ=DAILY;COUNT=1{'0' * 2_000}1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    with pytest.raises(Refused, match="too long"):
        itip_read.read(text.encode())


@pytest.mark.parametrize(
    "name", ["From", "Sender", "To", "X-Failed-Recipients", "Message-ID", "List-Unsubscribe"]
)
def test_a_header_that_is_too_long_names_nobody(name: str) -> None:
    room = 10_000 - len(BOSS) - len("<mailto:")
    mail = message_from_string(f"{name}: {'x' * room} <mailto:{BOSS}.attacker.example>\n\nwords\n")
    assert headers.whole(mail, name) == ""
    assert headers.addresses(mail, name) == ()
    assert reports._senders(mail) == ()
    assert plain_bounces.bounce(mail, "words") is None


def test_a_report_that_is_too_long_ends_with_a_whole_line() -> None:
    text = (
        "This is the qmail-send program\n"
        + "x" * (20_000 - 31 - len(BOSS) - 4)
        + f"\n<{BOSS}.attacker.example>:\n"
    )
    assert plain_bounces.bounce(message_from_string("From: x@y.example\n\n"), text) is None
    link = f"List-Unsubscribe: <mailto:{'a' * 320}@x.example>\n\n"
    assert reports._senders(message_from_string(link)) == ()


def test_a_file_is_of_the_kind_that_the_end_of_its_name_tells() -> None:
    mail = message_from_string(f'Content-Disposition: attachment; filename="{"x" * 300}.ics.txt"\n\n')
    assert Leaf(mail).name.endswith(".ics.txt")


def test_a_policy_that_is_too_long_is_none() -> None:
    assert read_policy([b"v=DMARC1; p=none;" + b" " * 4_096 + b"p=reject"], of_parent=False) is None


def test_a_cursor_that_is_too_long_is_not_ours() -> None:
    cursor = written("a", 1)
    assert opened(cursor, str, int) == ["a", 1]
    with pytest.raises(Refused):
        opened(cursor + "=" * 500, str, int)


def test_parts_of_a_mail_are_told_apart_by_the_whole_uid() -> None:
    assert named("x" * 200) == "x" * 200
    assert named("x" * 250 + "1") != named("x" * 250 + "2")


def test_a_row_whose_address_is_too_long_is_nobody_s() -> None:
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.example.attacker"
    (row,) = read_rows([ListRow(email=email, name="", fields={}, number=1)])
    assert row.code
    assert row.email.endswith("…")


@pytest.mark.parametrize(
    ("domain", "encoded"),
    [
        ("Victim.TEST", "victim.test"),
        ("victim.test.", "victim.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("_dmarc.victim.test", "_dmarc.victim.test"),
        ("straße.example", ""),
        ("ban\u212a.example", ""),
        ("ｖictim.test", ""),
        ("victim。test", ""),
        ("victim..test", ""),
        (".victim.test", ""),
        ("victim.test..", ""),
        ("-a.test", ""),
        ("a b.test", ""),
        ("a" * 64 + ".test", ""),
        (".".join(["a" * 49] * 6), ""),
        ("[192.0.2.1]", ""),
        ("é" * 100_000, ""),
    ],
)
def test_a_domain_name_is_encoded_or_refused_and_never_changed(domain: str, encoded: str) -> None:
    assert ascii_domain(domain) == encoded
    assert not encoded or is_domain(encoded)


def test_mail_to_a_name_that_its_encoding_changes_is_refused() -> None:
    assert mime.address("ann@bücher.example") == "ann@xn--bcher-kva.example"
    with pytest.raises(Refused):
        mime.address("ann@straße.example")


def test_a_letter_that_becomes_another_in_lower_case_makes_no_other_address() -> None:
    assert headers.plainly("Bank <Bank@Victim.test>", "bank@victim.test")
    assert not headers.plainly("ban\u212a@victim.test", "bank@victim.test")


@pytest.mark.parametrize("shared", [False, True])
def test_a_cell_of_a_spreadsheet_that_is_too_long_is_refused_and_not_cut(*, shared: bool) -> None:
    address = f"{BOSS}.attacker.example"
    for length, fits in ((32_767, True), (32_767 + len(".attacker.example"), False)):
        cell = f"{' ' * (length - len(address))}{address}"
        if fits:
            assert BOSS in xlsx.as_csv(_workbook(cell, shared=shared))
        else:
            with pytest.raises(Refused) as refused:
                xlsx.as_csv(_workbook(cell, shared=shared))
            assert refused.value.code is Code.TOO_LARGE


def _workbook(cell: str, *, shared: bool) -> bytes:
    """A spreadsheet with one cell, whose text stands in it or among those that are shared."""
    inside = (
        '<c r="A1" t="s"><v>0</v></c>' if shared else f'<c r="A1" t="inlineStr"><is><t>{cell}</t></is></c>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        sheet = f"<worksheet><sheetData><row>{inside}</row></sheetData></worksheet>"
        package.writestr("xl/worksheets/sheet1.xml", sheet)
        if shared:
            package.writestr("xl/sharedStrings.xml", f"<sst><si><t>{cell}</t></si></sst>")
    return buffer.getvalue()
