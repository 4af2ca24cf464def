"""Ordinary mails are taken apart to the very tree that the library's parser makes of them, or by it."""

from __future__ import annotations

from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.mails import answer, invite
from engine.mail.incoming import ordinary
from engine.mail.incoming.parsing import MailPart
from tests.support.soak import examples
from tests.support.steps import steps_of

FIXTURES = sorted(Path("tests/fixtures/mail").rglob("*.eml"))

NAMES = [
    "From",
    "To",
    "Subject",
    "X-Note",
    "content-type",
    "Content-Transfer-Encoding",
    "From ",
    "",
    "Bad name",
]
TYPES = [
    "text/plain",
    "text/calendar; method=REPLY; charset=utf-8",
    "multipart/mixed",
    'multipart/mixed; boundary="b"',
    "multipart/alternative; boundary=b--",
    "multipart/mixed; boundary=bb",
    "multipart/digest; boundary=b",
    "multipart/mixed; boundary*=utf-8''b",
    "multipart/mixed; boundary*0=b; boundary*1=b",
    'multipart/mixed; boundary="b "',
    "message/rfc822",
    "message/delivery-status",
    "nonsense",
]
ENDS = st.sampled_from(["\r\n", "\r\n", "\r\n", "\n", "\r", "\n\n"])
PIECES = [
    "--b", "--bb", "--b--", "--bb--", "--b----", "--b \t", "--b-- ", " --b", "x--b", "--bc", "", "", " ", "\t",
    "words", "BEGIN:VCALENDAR", "Name: value", " folded", "From someone", ":", "é", "\x0b", "\x0c", "\x1c",
    "\0", "\x85",
]  # fmt: skip
FIELDS = st.one_of(
    st.sampled_from(TYPES).map(lambda kind: f"Content-Type: {kind}"),
    st.builds(lambda name, value: f"{name}: {value}", st.sampled_from(NAMES), st.sampled_from(PIECES)),
    st.sampled_from(["Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7BIT"]),
)
LINES = st.one_of(st.sampled_from(PIECES), FIELDS)
ANYHOW = st.lists(st.tuples(LINES, ENDS), max_size=30).map(lambda lines: "".join(map("".join, lines)))
"""Lines of which mails are made, in any order."""


@st.composite
def parts(draw: st.DrawFn, depth: int = 0) -> str:
    """A part as programs write it, with now and then something that does not belong there."""
    end = draw(st.sampled_from(["\r\n", "\r\n", "\n"]))
    fields = draw(st.lists(FIELDS, max_size=3))
    noise = draw(st.lists(st.sampled_from(PIECES), max_size=3))
    if depth > 2 or draw(st.booleans()):
        return end.join([*fields, "", *noise])
    boundary = draw(st.sampled_from(["b", "bb", "b--", "=_x", "a b"]))
    inside = draw(st.lists(parts(depth + 1), min_size=1, max_size=3))
    fields.append(f'Content-Type: multipart/mixed; boundary="{boundary}"')
    body = [line for child in inside for line in (f"--{boundary}", child)]
    return end.join(
        [*fields, "", *noise, *body, draw(st.sampled_from([f"--{boundary}--", "--b--", ""])), *noise]
    )


def shape(part: Message) -> Any:
    """All that is kept of a part, and of those inside it."""
    payload = vars(part)["_payload"]
    inside = [shape(each) for each in payload] if isinstance(payload, list) else payload
    defects = [type(defect).__name__ for defect in part.defects]
    return (
        list(part.raw_items()), inside, part.preamble, part.epilogue, defects,
        part.get_unixfrom(), part.get_default_type(), part.get_content_type(),
    )  # fmt: skip


def by_library(mail: bytes) -> Message:
    return BytesParser(_class=MailPart).parsebytes(mail)


def same(mail: bytes) -> bool:
    """True if the mail is ordinary; then both trees must be the same."""
    quick = ordinary.parse(mail, MailPart)
    if quick is not None:
        assert shape(quick) == shape(by_library(mail))
    return quick is not None


@examples(400)
@given(ANYHOW)
def test_lines_in_any_order_are_taken_apart_as_the_library_does_or_left_to_it(text: str) -> None:
    same(text.encode("utf-8"))


@examples(400)
@given(parts())
def test_parts_inside_parts_are_taken_apart_as_the_library_does_or_left_to_it(text: str) -> None:
    same(text.encode("utf-8"))


@examples(200)
@given(st.sampled_from(FIXTURES), st.data())
def test_real_mails_that_were_damaged_are_taken_apart_as_the_library_does_or_left_to_it(
    path: Path, data: st.DataObject
) -> None:
    mail = path.read_bytes()[:60_000]
    start = data.draw(st.integers(0, len(mail)))
    end = data.draw(st.integers(start, min(len(mail), start + 200)))
    instead = data.draw(st.sampled_from([b"", b"\r\n", b"--", b"\r", b" ", mail[start:end] * 2]))
    same(mail[:start] + instead + mail[end:])


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_a_real_mail_is_taken_apart_as_the_library_does(path: Path) -> None:
    same(path.read_bytes())


def test_what_calendar_programs_send_is_ordinary() -> None:
    google = Path("tests/fixtures/mail/google-reply.eml").read_bytes()
    assert all(
        same(mail)
        for mail in (
            google,
            answer("u", "a@example.com", "rsvp+t@cis.test", "ACCEPTED"),
            invite("a@example.com"),
        )
    )


@pytest.mark.parametrize("asked_before", [True, False])
def test_parts_with_the_same_head_know_what_was_found_in_it_and_stay_apart_when_one_is_changed(
    asked_before: bool,
) -> None:
    mail = answer("u", "a@example.com", "rsvp+t@cis.test", "ACCEPTED")
    first, second = (ordinary.parse(mail, MailPart) for _ in range(2))
    assert first is not None
    assert second is not None
    one, other = (tree.get_payload()[1] for tree in (first, second))
    if asked_before:
        assert one.get_content_type() == other.get_content_type() == "text/calendar"
    one.add_header("X-Own", "1")
    one.replace_header("Content-Type", "text/plain; method=REQUEST")
    one["Content-Disposition"] = "attachment"
    assert (one.get_content_type(), one.get_param("method")) == ("text/plain", "REQUEST")
    assert (other.get_content_type(), other.get_param("method")) == ("text/calendar", "REPLY")
    third = ordinary.parse(mail, MailPart)
    assert third is not None
    assert third.get_payload()[1].keys() == other.keys()
    assert third.get_payload()[1].get_param("method") == "REPLY"


@pytest.mark.parametrize(
    "mail",
    [
        b"Subject: a\rb\r\n\r\nwords",
        b"From x\r\nSubject: a\r\n\r\nwords",
        b"Subject: a\r\nno field\r\n\r\nwords",
        b"Subject: no body",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inside\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnever closed\r\n",
        b"Subject: a\r\n\r\n" + bytes(ordinary.SIZE_MAX),
    ],
)
def test_what_is_not_plainly_built_is_left_to_the_library(mail: bytes) -> None:
    assert ordinary.parse(mail, MailPart) is None


@pytest.mark.parametrize(
    "line",
    [b"words\r\n", b"--b\r\n\r\n", b"--b\r\nX-Note: 1\r\n\r\n", b"x--b\r\n", b"--b x\r\n", b"--b----\r\n"],
)
def test_twice_the_lines_take_at_most_twice_the_steps(line: bytes) -> None:
    head, end = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n", b"\r\n--b--\r\n"
    once, twice = (steps_of(lambda n=n: ordinary.parse(head + line * n + end, MailPart)) for n in (500, 1000))  # type: ignore[misc]
    assert twice <= 2.2 * once + 100
