"""What a mail client would make a link of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.links import hosts, outside
from tests.support.steps import steps_of

OURS = ("customer.com",)


@pytest.mark.parametrize(
    "text",
    [
        "https://evil.com/?d=ann@customer.com",
        "HTTPS://EVIL.COM",
        "//evil.com",
        "https:evil.com",
        "https:/\\evil.com",
        "\\\\evil.com\\share",
        "evil.com",
        "see evil.com.",
        "www.evil.com/path",
        "https://customer.com@evil.com/",
        "https://customer.com:evil.com/",
        "customer.com@evil.com",
        "mailto:boss@evil.com",
        "https://customer.com.evil.com/",
        "https://customer.com%2eevil.com/",
        "https://evil%2ecom/",
        "ev\u200bil.com",
        "evil\u3002com",
        "evil\uff0ecom",
        "https://\u0441ustomer.com/",
        "https://xn--ustomer-xvf.com/",
        "\u24d4customer.com",
        "evil.com-now",
        "1.2.3.4",
        "http://[::1]/",
        "http://localhost/",
        "tel:+33123456",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "ms-word:ofe|u|https://evil.com/x",
        "https://customer.com/,evil.com",
        "https://customer.com/|evil.com",
        "https://customer.com/ and evil.com",
        "evil&#46;com",
        "evil&#x2e;com",
        "evil&period;com",
        '<a href="https&#58;&#47;&#47;evil&#46;com">agenda</a>',
        '<a href="&sol;&sol;evil">agenda</a>',
        "javascript&colon;alert(1)",
        "evil.\u092d\u093e\u0930\u0924",
        "\u0939\u093f\u0928\u094d\u0926\u0940.\u092d\u093e\u0930\u0924",
        "-evil.com",
        "a_-.evil.com",
        "a" * 70 + ".com",
    ],
)
def test_what_links_elsewhere_is_found(text: str) -> None:
    assert outside(text, OURS)
    assert outside(f"Dear Ann, {text} is it", OURS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Lunch at 12.30 in room 3.14, version 1.2",
        "e.g. bring a coat, i.e. it is cold",
        "https://customer.com",
        "https://customer.com/a/report.html?next=x.y",
        "customer.com",
        "CUSTOMER.com.",
        "Agenda: 1) data 2) files",
        "ann@customer.com",
        "Lunch &amp; learn <3, Tom & Jerry",
        "\u0939\u093f\u0928\u094d\u0926\u0940",
    ],
)
def test_what_links_nowhere_or_to_what_is_named_is_not(text: str) -> None:
    assert outside(text, OURS) == ""


BELOW = ("*.customer.com",)


@pytest.mark.parametrize(
    "text",
    [
        # customer.com.se can be registered by anybody
        *(f"{'x.' * n}customer.com.se" for n in (1, 10, 11, 12, 30, 200)),
        '<a href="https://www.customer.com.\tse/">agenda</a>',
        '<a href="https://www.customer.com.&#10;se/">agenda</a>',
        "evil.com-.customer.com",
        f"evil.com.{'a' * 64}.customer.com",
    ],
)
def test_a_longer_name_is_not_taken_for_the_one_that_it_begins_with(text: str) -> None:
    assert outside(text, BELOW)


@pytest.mark.parametrize("text", ["www.customer.com", "x." * 30 + "customer.com", "a.b.customer.com/x"])
def test_a_name_below_one_that_is_named_is_not_found(text: str) -> None:
    assert outside(text, BELOW) == ""


def test_without_a_domain_no_link_is_let_through() -> None:
    assert outside("https://customer.com", ()) == "customer.com"
    assert outside("just words", ()) == ""


@given(st.text(max_size=200))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    for host in hosts(text):
        assert host


_AROUND = st.characters(codec="utf-8", exclude_categories=["L", "N", "M", "C"], exclude_characters="-_.@%")


@given(st.text(_AROUND, max_size=5))
def test_a_link_is_found_whatever_stands_around_it(around: str) -> None:
    assert outside(f"{around}evil.example{around}", OURS)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 20_000,
        "a." * 10_000,
        "a.b-" * 5_000,
        "//" * 10_000,
        "a+" * 9_999 + "//",
        "aa.-" * 5_000,
        "a." * 9_999 + "1",
        "<" * 20_000,
        "&" * 20_000,
    ],
)
def test_long_texts_are_read_in_few_steps(text: str) -> None:
    # Work in an expression counts no lines: one that went back and forth would be ended by the system.
    assert steps_of(lambda: list(hosts(text))) <= 20 * len(text)
