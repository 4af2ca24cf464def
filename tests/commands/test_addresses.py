"""An address that can be told at a glance is told as all rules would tell it."""

from __future__ import annotations

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import example, given
from hypothesis import strategies as st

from engine.commands import text
from engine.refusals import Code, Refused
from tests.support.soak import examples

_PIECES = [
    *"abzAZ09._+-'@. \"é",
    "..",
    "--",
    "xn--",
    "test",
    "local",
    "localhost",
    "com",
    "example",
    "a" * 40,
    "ﬀ",
    "\u200b",
]
_LIKELY = st.builds(
    "{}@{}".format,
    st.lists(st.sampled_from(_PIECES), max_size=6).map("".join),
    st.lists(st.sampled_from(_PIECES), max_size=8).map("".join),
)


def _told(rule: object, address: str) -> str | None:
    try:
        return rule(address)  # type: ignore[operator,no-any-return]
    except Refused as refused:
        assert refused.code is Code.INVALID_ADDRESS
        return None


@examples(2_000)
@given(_LIKELY | st.emails() | st.text(max_size=30))
@example("a@b.local")
@example("a@ab--cd.com")
@example("a@xn--mnchen-3ya.de")
@example("A.B+c@EXAMPLE.com")
@example("a@b.c")
@example("a@-b.com")
@example("a@b-.com")
@example(f"a@{'b' * 63}.com")
@example(f"a@{'b' * 64}.com")
@example(f"a@{'b.' * 95}bcd")
@example(f"a@{4 * ('b' * 49 + '.')}com")
@example("a@\u212a.com")
@example(".@b.com")
@example("a@b@c.com")
@example("-a@b.com")
@example("a@test")
def test_the_glance_and_the_rules_agree(address: str) -> None:
    assert _told(text.address, address) == _told(text.by_all_rules, text.cleaned(address.strip()))


def test_the_glance_knows_every_domain_that_is_nobodys() -> None:
    assert {name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES} - {"test"} == text.SPECIAL


@pytest.mark.parametrize(
    "address", ["ann@example.com", "a.b+tag@mail.example.co.uk", "O_O@x1.example", "a@b.test"]
)
def test_an_ordinary_address_costs_no_rules(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("email_validator.validate_email", None)
    assert text.address(f" {address.upper()} ") == address.lower()


@pytest.mark.parametrize(
    "address", ["a@b..example", "@example.com", "ann@", ".ann@example.com", "ann", "", "a@@b.com"]
)
def test_a_hopeless_address_costs_no_rules(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("email_validator.validate_email", None)
    assert _told(text.address, address) is None
