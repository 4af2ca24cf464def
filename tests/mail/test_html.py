"""HTML that calendars put into a description becomes text: words, lines, lists and links."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mail.html import plain
from tests.support.steps import steps_of

GOOGLE = (
    '<p>This is an <b>open day</b>.</p><br><a href="https://example.com/f?a=1&amp;b=2">Our forum</a>'
    "<ul><li>Tea</li><li>Cake</li></ul>"
)


def test_paragraphs_lists_and_links_are_kept_as_text() -> None:
    said = "This is an open day.\n\nOur forum (https://example.com/f?a=1&b=2)\n- Tea\n- Cake"
    assert plain(GOOGLE) == said


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("One<br>Two<BR/>Three<br />Four", "One\nTwo\nThree\nFour"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<html><head><title>T</title><style>p {x}</style></head><body><p>Hi</p></body></html>", "Hi"),
        ("<p>Hi</p><script>alert('x')</script>", "Hi"),
        ("<!-- note --><p>Fish &amp; chips&nbsp;&lt;3 &eacute;</p>", "Fish & chips <3 é"),
        ('<a href="https://example.com/">https://example.com</a>', "https://example.com"),
        ("<a href='mailto:ann@example.com'>Ann</a>", "Ann (ann@example.com)"),
        ('<a href="javascript:alert(1)">Click</a><br>', "Click"),
        ('<a href="https://a.example/x"><img src="y"></a>', "https://a.example/x"),
        (
            '<html-blob>Zoom: <a href="https://z.example/j/1">join</a></html-blob>',
            "Zoom: join (https://z.example/j/1)",
        ),
        ("<table><tr><td>10:00</td><td>Doors</td></tr></table>", "10:00 Doors"),
        ("<b>Bold</b>\nand a line", "Bold\nand a line"),
    ],
)
def test_markup_becomes_what_people_read(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain words",
        "1 < 2 and 3 > 2",
        "Write to <ann@example.com>",
        "See <https://example.com/x>",
        "a <b and c> d",
        "AT&amp;T",
        "if (a<b) { } else { a>c }",
    ],
)
def test_text_that_is_no_html_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@given(st.text(st.sampled_from("<>/abp\"'= &;#1-!\n"), max_size=200))
def test_no_tag_is_left_of_any_html(words: str) -> None:
    found = plain(f"<p>{words}</p>")
    assert not re.search(r"</?(?:p|b|a)(?:\s[^<>]*)?>", found.replace("&lt;", "")) or "&" in words


@pytest.mark.parametrize(
    "piece", ["<", "<p", "<a href=", "<script>", "</a>", "<a href='x", "<!--", "&#9", "&", "<b>", "<p>\n"]
)
def test_the_work_grows_with_the_text(piece: str) -> None:
    def steps(times: int) -> int:
        return steps_of(lambda: plain("<br>" + piece * times))

    assert steps(800) <= 5 * steps(200) + 500


def test_huge_numbers_of_characters_are_left_out() -> None:
    assert plain(f"<p>&#{'9' * 6_000};x</p>") == ";x"
