"""DMARC: which record counts, and when two domains are one owner's (RFC 7489)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.incoming.dmarc import (
    UNKNOWN,
    Policy,
    Signature,
    Spf,
    aligned,
    organizational_domain,
    proofs,
    read_policy,
)


@pytest.mark.parametrize(
    ("records", "of_parent", "policy"),
    [
        ([b"v=DMARC1; p=reject"], False, Policy(wish="reject")),
        ([b"v=DMARC1;p=none;sp=reject"], True, Policy(wish="reject")),
        ([b"v=DMARC1;p=quarantine"], True, Policy(wish="quarantine")),
        ([b"v=DMARC1; p=none; adkim=s; aspf=S"], False, Policy(strict_dkim=True, strict_spf=True)),
        ([b"v=spf1 -all", b" v = DMARC1 ; p=reject"], False, Policy(wish="reject")),
        ([b"v=DMARC1; p=odd"], False, Policy()),
        ([b"p=reject; v=DMARC1"], False, None),
        ([b"v=DMARC2; p=reject"], False, None),
        ([b"v=DMARC1; p=none", b"v=DMARC1; p=reject"], False, None),
        ([], False, None),
    ],
)
def test_one_record_that_begins_with_its_version_counts(
    records: list[bytes], of_parent: bool, policy: Policy | None
) -> None:
    assert read_policy(records, of_parent=of_parent) == policy


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("news.example.org", "mail.example.org", True),
        ("example.co.uk", "mail.example.co.uk", True),
        ("other.co.uk", "example.co.uk", False),
        ("co.uk", "example.co.uk", False),
        ("ann.github.io", "bob.github.io", False),
        ("EXAMPLE.org.", "example.ORG", True),
        ("xn--bcher-kva.example", "bücher.example", True),
        ("example.org", "", False),
    ],
)
def test_domains_are_aligned_where_one_owner_registered_both(one: str, other: str, same: bool) -> None:
    assert aligned(one, other) is same
    assert aligned(other, one) is same


def test_strict_alignment_means_the_same_domain() -> None:
    assert aligned("example.org", "Example.org", strict=True)
    assert not aligned("mail.example.org", "example.org", strict=True)


@pytest.mark.parametrize(
    ("policy", "proven"),
    [
        (Policy(), ("dkim:mail.example.org:s", "spf:example.org:")),
        (None, ("dkim:mail.example.org:s",)),
        (UNKNOWN, ()),
    ],
    ids=["published", "none", "unknown"],
)
def test_a_policy_that_is_not_known_is_as_strict_as_any(
    policy: Policy | None, proven: tuple[str, ...]
) -> None:
    of_subdomain = Signature(domain="mail.example.org", selector="s", result="pass")
    sent = Spf(domain="example.org", result="pass")
    assert proofs("example.org", [of_subdomain], sent, policy) == proven


@given(st.lists(st.binary(max_size=60), max_size=3), st.booleans())
def test_any_record_is_a_policy_or_none(records: list[bytes], of_parent: bool) -> None:
    assert isinstance(read_policy(records, of_parent=of_parent), Policy | None)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_names_are_aligned_or_not(one: str, other: str) -> None:
    assert aligned(one, other) is aligned(other, one)
    assert organizational_domain(one) in {"", organizational_domain(organizational_domain(one))}
