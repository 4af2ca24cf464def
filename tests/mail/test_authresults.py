"""Authentication-Results is read whole or not at all (RFC 8601)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.incoming.authresults import Results, read


def said(value: str) -> list[tuple[str, str, dict[str, str]]] | None:
    results = read(value)
    return [(c.method, c.result, c.properties) for c in results.clauses] if results else None


@pytest.mark.parametrize(
    ("value", "clauses"),
    [
        ("mx.cis.test; none", []),
        ("mx.cis.test 1; none", []),
        ('"mx.cis.test"; spf=pass;', [("spf", "pass", {})]),
        (
            "mx.cis.test; dkim/1 = PASS (good (very)) Header.D=Example.org header.b=abc=; spf=none",
            [("dkim", "pass", {"header.d": "example.org", "header.b": "abc="}), ("spf", "none", {})],
        ),
        (
            'mx; spf=pass reason="a; dmarc=pass" smtp.mailfrom="a b\\"c"@example.org',
            [("spf", "pass", {"reason": "a; dmarc=pass", "smtp.mailfrom": 'a b"c@example.org'})],
        ),
        (
            "mx; spf=none smtp.mailfrom=; dmarc=pass",
            [("spf", "none", {"smtp.mailfrom": ""}), ("dmarc", "pass", {})],
        ),
        ("mx; spf=pass smtp.mailfrom= a@x.example", [("spf", "pass", {"smtp.mailfrom": "a@x.example"})]),
    ],
)
def test_results_are_read_as_the_rfc_has_them(value: str, clauses: list[object]) -> None:
    assert said(value) == clauses


@pytest.mark.parametrize(
    "value",
    [
        "",
        "; spf=pass",
        "mx a; spf=pass",
        "mx; spf",
        "mx; spf pass",
        "mx; =pass",
        "mx; spf=pass x",
        'mx; spf=pass reason="x',
        "mx; spf=pass (x",
        "mx; spf=pass x)",
        "mx; spf=none smtp.mailfrom= smtp.helo=x.example",
        "mx; spf=none smtp.mailfrom= smtp.helo = x.example",
        "mx; spf=pass a\\b=c",
        'mx; spf=pass (a "quoted" word)',
        "mx; dkim=pass header.d=a.example header.d=b.example",
        "mx; " + "spf=none;" * 200,
    ],
)
def test_what_can_be_read_in_two_ways_is_not_read(value: str) -> None:
    assert read(value) is None


QUOTABLE = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=30)


@given(QUOTABLE)
def test_no_quoted_words_of_a_sender_become_a_result(words: str) -> None:
    quoted = words.replace("\\", "\\\\").replace('"', '\\"')
    found = said(f'mx; spf=pass smtp.mailfrom="{quoted}"@attacker.example; dmarc=none')
    assert found == [
        ("spf", "pass", {"smtp.mailfrom": f"{words.lower()}@attacker.example"}),
        ("dmarc", "none", {}),
    ]


@given(st.text(max_size=60))
def test_any_value_is_read_or_not(value: str) -> None:
    assert isinstance(read(value), Results | None)
    assert isinstance(read(f"mx; spf=pass {value}"), Results | None)
