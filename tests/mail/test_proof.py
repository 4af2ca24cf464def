"""What a proof of the sender says of the mail itself, as a table."""

from __future__ import annotations

import pytest

from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.proof import Evidence, objection
from engine.mail.incoming.read import read

US = "create@cis.test"
OURS = frozenset({US, "bulk@cis.test", "invites@corp.example"})
GMAIL = frozenset({"from", "to", "subject"})
MICROSOFT = frozenset({"from", "subject", "content-type"})
ALL = GMAIL | MICROSOFT | {"cc"}
TYPE = frozenset({"content-type"})


@pytest.mark.parametrize(
    ("signed", "to", "cc", "framed", "attendees", "counts"),
    [
        ((GMAIL,), US, "", True, "", True),
        ((GMAIL,), US, "", False, "", False),
        ((GMAIL,), "", US, True, "", False),
        ((ALL,), "", US, False, "", True),
        ((ALL,), "guest@example.org", "", False, "", False),
        ((ALL,), "guest@example.org", "", False, US, True),
        ((MICROSOFT,), US, "", False, "", False),
        ((MICROSOFT,), US, "", False, US, True),
        ((GMAIL,), "guest@example.org", "", False, US, False),
        ((MICROSOFT, GMAIL), US, "", False, "", False),
        ((MICROSOFT, ALL), US, "", False, "", True),
        ((ALL,), "invites@corp.example", "", False, "", True),
        ((ALL,), "create+x@cis.test", "", False, "", True),
        ((ALL,), "create@cis.test.attacker.example", "", False, "", False),
        ((), US, US, True, US, False),
    ],
)
def test_a_signature_that_covers_our_address_and_the_reading_makes_a_command(
    signed: tuple[frozenset[str], ...], to: str, cc: str, framed: bool, attendees: str, counts: bool
) -> None:
    mail = IncomingMail(from_address="boss@victim.test", to=(to,), cc=(cc,), framed=framed, deciding=TYPE)
    assert (objection(Evidence(signed=signed), mail, OURS, [attendees]) == "") is counts


def test_what_the_author_s_own_server_hands_over_is_a_command() -> None:
    mail = IncomingMail(from_address="boss@victim.test", to=("guest@example.org",), deciding=TYPE)
    assert objection(Evidence(direct=True), mail, OURS) == ""


def test_a_mail_without_headers_that_decide_is_read_as_the_words_it_is() -> None:
    mail = IncomingMail(from_address="boss@victim.test", to=(US,))
    assert objection(Evidence(signed=(GMAIL,)), mail, OURS) == ""


@pytest.mark.parametrize(
    ("head", "decide"),
    [
        ("Content-Type: multipart/mixed; boundary=x\nContent-Transfer-Encoding: 7bit\n", {"content-type"}),
        ("Content-Type: text/calendar\n", {"content-type", "content-transfer-encoding"}),
        ("Content-Transfer-Encoding: base64\n", {"content-transfer-encoding"}),
        ("Content-Disposition: attachment; filename=a.ics\n", {"content-disposition"}),
        ("", set()),
    ],
)
def test_a_header_that_was_left_out_decides_how_a_body_is_read_as_well(head: str, decide: set[str]) -> None:
    assert read(f"From: boss@victim.test\n{head}\nwords\n".encode()).deciding == decide


@pytest.mark.parametrize(
    ("head", "body", "framed"),
    [
        ("multipart/mixed; boundary=x", "--x\n\nwords\n--x--\n", True),
        (
            "multipart/mixed; boundary=x",
            "This is a multi-part message in MIME format.\n\n--x\n\nwords\n--x--\n",
            True,
        ),
        ("multipart/mixed; boundary=x", "words\n--x\n\nwords\n--x--\n", False),
        ("multipart/mixed; boundary=x", "--x\n\nwords\n--x--\nwords\n", False),
        ("multipart/digest; boundary=x", "--x\n\nwords\n--x--\n", False),
        ("multipart/mixed; boundary=x", "--x y\n\nwords\n--x--\n", False),
        ("text/calendar; method=REQUEST", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", True),
        ("text/calendar; method=CANCEL", "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n", False),
        ("text/calendar; charset=utf-7", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", False),
        ("text/calendar", "words\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n", False),
        ("text/plain", "words\n", True),
        ("text/plain; name=a.csv", "uid,email\n", False),
        ("text/csv", "uid,email\n", False),
        ("application/zip", "PK\n", False),
    ],
)
def test_a_body_shows_by_itself_how_it_is_read_or_does_not(head: str, body: str, framed: bool) -> None:
    assert read(f"From: boss@victim.test\nContent-Type: {head}\n\n{body}".encode()).framed is framed
