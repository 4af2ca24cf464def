"""Sender authenticity: only what our own server says on top counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.incoming.authenticity import authenticated
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.dmarc import aligned
from engine.mail.incoming.read import read

TRUSTED = frozenset({"mx.cis.test", "amazonses.com"})


def mail(results: str, sender: str = "joe@example.org", by: str = "") -> IncomingMail:
    """A mail from `sender` whose topmost Authentication-Results is `results`."""
    return IncomingMail(from_address=sender, sender_address=by, authentication_results=results)


@pytest.mark.parametrize(
    "results",
    [
        "mx.cis.test; dmarc=pass header.from=example.org",
        "MX.cis.test 1; spf=none; dmarc=pass (p=REJECT (sp; x) dis=NONE) header.from=Example.ORG",
        "mx.cis.test; dmarc=pass header.from=mail.example.org",
        "mx.cis.test; dkim=pass header.d=example.org header.s=a",
        "mx.cis.test; dkim=fail header.d=example.org; dkim=pass (2048-bit key) header.i=@news.example.org",
        "mx.cis.test; dmarc=none header.from=example.org; dkim=pass header.i=joe@example.org",
        "amazonses.com; spf=pass (spfCheck: domain of example.org designates 192.0.2.1 as permitted sender) "
        "client-ip=192.0.2.1; envelope-from=joe@example.org; helo=mail.example.org; "
        "dkim=pass header.i=@example.org; dmarc=pass header.from=example.org;",
    ],
)
def test_dmarc_or_an_aligned_signature_proves_the_sender(results: str) -> None:
    assert authenticated(mail(results), TRUSTED).passed


@pytest.mark.parametrize(
    "results",
    [
        "",
        ";",
        "mx.cis.test; none",
        "mx.example.net; dmarc=pass header.from=example.org",
        "mx.cis.test; spf=pass smtp.mailfrom=joe@example.org",
        "mx.cis.test; dmarc=pass header.from=example.com",
        "mx.cis.test; dmarc=pass",
        "mx.cis.test; dmarc=fail header.from=example.org; dkim=pass header.d=example.org",
        "mx.cis.test; dmarc=fail header.from=example.org; x=(; dmarc=pass header.from=example.org",
        "mx.cis.test; helo=a; dmarc=pass header.from=example.org; dmarc=fail header.from=example.org",
        "mx.cis.test; dkim=pass header.d=org",
        "mx.cis.test; dkim=pass header.d=notexample.org",
        "mx.cis.test; dkim=neutral header.d=example.org",
        'mx.cis.test; spf=fail reason="x; dmarc=pass header.from=example.org"',
        "mx.cis.test; spf=fail (x; dmarc=pass header.from=example.org)",
    ],
)
def test_anything_else_does_not(results: str) -> None:
    verdict = authenticated(mail(results), TRUSTED)
    assert not verdict.passed
    assert verdict.reason


def test_only_the_topmost_header_counts() -> None:
    raw_mail = (
        b"Authentication-Results: mx.cis.test; dmarc=fail header.from=example.org\r\n"
        b"Authentication-Results: mx.cis.test; dmarc=pass header.from=example.org\r\n"
        b"From: joe@example.org\r\n\r\n"
    )
    assert not authenticated(read(raw_mail), TRUSTED).passed


def test_google_calendar_vouches_for_receipts_alone() -> None:
    results = "mx.cis.test; dkim=pass header.i=@google.com; dmarc=fail header.from=example.org"
    verdict = authenticated(mail(results, by="calendar-notification@google.com"), TRUSTED)
    assert (verdict.passed, verdict.google_calendar) == (False, True)
    for said, by in (
        (results, "eve@google.com"),
        (results.replace("pass", "fail"), "calendar-notification@google.com"),
        (results.replace("@google.com", "@google.com.example.net"), "calendar-notification@google.com"),
        (results.replace("mx.cis.test", "mx.example.net"), "calendar-notification@google.com"),
    ):
        assert not authenticated(mail(said, by=by), TRUSTED).google_calendar


def test_alignment_needs_two_labels() -> None:
    assert aligned("example.org", "mail.example.org")
    assert aligned("mail.example.org", "example.org")
    assert not aligned("org", "example.org")
    assert not aligned("ample.org", "example.org")
    assert not aligned("", "example.org")


@given(st.text(alphabet='mx.cis.test;=()" \\dkimpas', max_size=80))
def test_any_header_gets_a_verdict(text: str) -> None:
    assert authenticated(mail(f"mx.cis.test; {text}"), frozenset({"mx.cis.test"})).reason


@pytest.mark.parametrize(
    ("results", "proofs"),
    [
        (
            "mx.cis.test; dkim=pass header.d=Example.org header.s=s1; spf=pass smtp.mailfrom=b@mail.example.org; "
            "dkim=pass header.d=example.net; dmarc=pass header.from=example.org",
            ("trusted:mx.cis.test:dkim:example.org:s1", "trusted:mx.cis.test:spf:mail.example.org"),
        ),
        ("mx.cis.test; dmarc=pass header.from=example.org", ("trusted:mx.cis.test:dmarc:example.org",)),
        ("mx.cis.test; dmarc=fail header.from=example.org; dkim=pass header.d=example.org", ()),
    ],
)
def test_a_verdict_names_what_proves_the_sender(results: str, proofs: tuple[str, ...]) -> None:
    assert authenticated(mail(results), TRUSTED).proofs == proofs
