"""What a proof of the sender says of the mail itself, as a table."""

from __future__ import annotations

import pytest

from engine.mail.incoming import IncomingMail
from engine.mail.proof import Grounds, objection

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
    assert (objection(Grounds(signed=signed), mail, OURS, [attendees]) == "") is counts


def test_what_the_author_s_own_server_hands_over_is_a_command() -> None:
    mail = IncomingMail(from_address="boss@victim.test", to=("guest@example.org",), deciding=TYPE)
    assert objection(Grounds(direct=True), mail, OURS) == ""


def test_a_mail_without_headers_that_decide_is_read_as_the_words_it_is() -> None:
    mail = IncomingMail(from_address="boss@victim.test", to=(US,))
    assert objection(Grounds(signed=(GMAIL,)), mail, OURS) == ""
