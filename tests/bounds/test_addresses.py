"""How bounds compare addresses."""

from __future__ import annotations

import re

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.addresses import canonical, host_matches, matches, pattern, patterns_of, person
from tests.support.steps import ending

CUSTOMER = (pattern("*@customer.com"),)
_WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)
_UNICODE = st.text("abcäöüéßñçøłπдж", min_size=1, max_size=12)


@pytest.mark.parametrize(
    "address",
    [
        "eve@evil.com",
        "eve@customer.com.evil.com",
        "eve@evilcustomer.com",
        "eve@customer.com.",
        '"eve@customer.com"@evil.com',
        '"eve@customer.com" <eve@evil.com>',
        "eve@\u0441ustomer.com",
        "eve@sub.customer.com",
        "eve@customer.com@evil.com",
        "eve@xn--ustomer-xvf.com",
        "eve",
        "@customer.com",
        "",
    ],
)
def test_a_domain_names_its_own_addresses_alone(address: str) -> None:
    assert not matches(CUSTOMER, address)


@pytest.mark.parametrize(
    "address",
    ["ann@customer.com", "ANN@Customer.COM", '"ann"@customer.com', "ann+x@customer.com", " a@customer.com "],
)
def test_one_address_may_be_spelled_in_several_ways(address: str) -> None:
    assert matches(CUSTOMER, address)


def test_a_pattern_names_one_address_a_domain_or_what_is_below_it() -> None:
    assert matches((pattern("Ann@Example.com"),), "ann@example.com")
    assert not matches((pattern("ann@example.com"),), "ann+news@example.com")
    below = (pattern("*@*.example.com"),)
    assert matches(below, "a@x.example.com")
    assert matches(below, "a@x.y.example.com")
    assert not matches(below, "a@example.com")
    assert not matches(below, "a@badexample.com")
    assert matches((pattern("sales-*@example.com"),), "sales-fr@example.com")
    assert not matches((pattern("sales-*@example.com"),), "x-sales-fr@example.com")
    assert matches(("*",), "anyone@anywhere.org")
    assert not matches((), "anyone@anywhere.org")


_LOCAL = st.sampled_from(["ann", "bob", "a*", "*", "sales-*"])
_DOMAIN = st.sampled_from(["example.com", "x.example.com", "*.example.com", "customer.com"])
_PATTERN = st.one_of(st.just("*"), st.builds("{}@{}".format, _LOCAL, _DOMAIN)).map(pattern)


@given(
    patterns=st.lists(_PATTERN, max_size=6),
    local=st.sampled_from(["ann", "Bob", "sales-fr", '"ann@example.com"', "a*"]),
    domain=st.sampled_from(["example.com", "X.example.com", "customer.com", "example.org"]),
)
def test_patterns_name_what_one_of_them_names(patterns: list[str], local: str, domain: str) -> None:
    address = f"{local}@{domain}"
    assert matches(patterns, address) == any(matches((one,), address) for one in patterns)


def test_of_a_long_list_only_patterns_with_a_star_within_are_tried_one_by_one() -> None:
    people = [f"person{n}@example.com" for n in range(5_000)]
    domains = [f"*@customer{n}.com" for n in range(5_000)]
    patterns = patterns_of((*people, *domains, "sales-*@example.com"))
    assert len(patterns.tests) == 1
    assert patterns.name("person4999", "example.com")
    assert patterns.name("anyone", "customer0.com")
    assert not patterns.name("anyone", "customer5000.com")


@pytest.mark.parametrize(
    "text",
    ["", "customer.com", "@customer.com", "ann@", "*@*.*", "a b", "*@customer.com.", "ann@@x.com", "x" * 400],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"pattern|longer"):
        pattern(text)


@given(_UNICODE, _WORD)
def test_a_domain_in_its_own_letters_and_in_ascii_is_the_same(label: str, local: str) -> None:
    try:
        ascii_form = idna.encode(f"{label}.example", uts46=True).decode()
    except idna.IDNAError:
        assert canonical(f"{local}@{label}.example") is None
        return
    one, two = pattern(f"*@{label}.example"), pattern(f"*@{ascii_form}")
    assert one == two
    assert matches((one,), f"{local}@{ascii_form}")
    assert matches((two,), f"{local}@{label}.example")


@given(_WORD, _WORD, _WORD)
def test_no_suffix_or_prefix_of_a_domain_is_that_domain(local: str, other: str, domain: str) -> None:
    patterns = (pattern(f"*@{domain}.example"),)
    assert matches(patterns, f"{local}@{domain}.example")
    assert not matches(patterns, f"{local}@{other}{domain}.example")
    assert not matches(patterns, f"{local}@{domain}.example.{other}")
    assert not matches(patterns, f"{local}@{other}.{domain}.example")


@given(st.text(max_size=60))
def test_any_text_is_compared_without_a_fault(text: str) -> None:
    found = canonical(text)
    assert matches(CUSTOMER, text) == (found is not None and found[1] == "customer.com")
    person(text)


def test_tags_count_as_one_person() -> None:
    assert person("Ann+news@Example.com") == person('"ann"@example.com') == "ann@example.com"
    assert person("+@example.com") == "+@example.com"


def test_hosts_are_named_alone_or_from_below() -> None:
    assert host_matches(("example.com",), "EXAMPLE.com")
    assert not host_matches(("example.com",), "www.example.com")
    assert host_matches(("*.example.com",), "www.example.com")
    assert not host_matches(("*.example.com",), "example.com")
    assert not host_matches(("example.com",), "example.com.")


@given(st.text("ab*", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=8))
def test_a_star_stands_for_anything_in_a_local_part(local: str, name: str) -> None:
    shape = ".*".join(map(re.escape, local.split("*")))
    assert matches([f"{local}@example.com"], f"{name}@example.com") == bool(re.fullmatch(shape, name))


def test_a_pattern_of_many_stars_costs_one_look_at_an_address() -> None:
    with ending():
        assert not matches([pattern(f"{'*a' * 30}@example.com")], f"{'a' * 63}b@example.com")
        assert matches([pattern(f"{'*a' * 30}*@example.com")], f"{'a' * 63}b@example.com")
