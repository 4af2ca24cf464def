"""What is written for one mail, and how answers are read."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.outbox.smtp.wire import Extensions, ReplyReader, SmtpReply, UnreadableReply, body, commands
from engine.outbox.transport import Envelope, Rejected

LETTERS = st.text(alphabet="a.\r\n", max_size=40).map(str.encode)


def received(data: bytes) -> bytes:
    """The mail that a strict server reads out of `data`."""
    content, dot, rest = (b"\r\n" + data).partition(b"\r\n.\r\n")
    assert dot, "the mail has no end"
    assert not rest, "something follows the end of the mail"
    return (content + b"\r\n").replace(b"\r\n.", b"\r\n").removeprefix(b"\r\n")


@given(LETTERS)
@example(b".")
@example(b".\r\n.\n.\r.")
def test_every_mail_arrives_as_it_is_but_for_its_line_ends(content: bytes) -> None:
    lines = re.split(rb"\r\n|\r|\n", content)
    if lines[-1] == b"":
        lines.pop()
    assert received(body(content)) == b"".join(line + b"\r\n" for line in lines)


@given(LETTERS)
def test_no_server_sees_another_end_of_a_mail_than_ours(content: bytes) -> None:
    written = body(content)
    assert written.count(b"\n") == written.count(b"\r") == written.count(b"\r\n")
    assert not re.search(rb"(^|[\r\n])\.[\r\n]+.", written)


REPLIES = st.lists(
    st.tuples(st.integers(200, 599), st.lists(st.text(alphabet="ab .-", max_size=9), min_size=1, max_size=4)),
    max_size=5,
)


def spoken(code: int, lines: list[str]) -> bytes:
    *first, last = lines
    return "".join([f"{code}-{line}\r\n" for line in first] + [f"{code} {last}\r\n"]).encode()


@given(REPLIES, st.data())
def test_answers_are_the_same_however_they_are_cut(
    replies: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    stream = b"".join(spoken(code, lines) for code, lines in replies)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    reader, read = ReplyReader(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        read += list(reader.feed(stream[start:end]))
    assert read == [SmtpReply(code, tuple(line.encode() for line in lines)) for code, lines in replies]


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_whatever_a_server_sends_is_an_answer_or_unreadable(chunks: list[bytes]) -> None:
    reader = ReplyReader()
    try:
        for chunk in chunks:
            for reply in reader.feed(chunk):
                assert 200 <= reply.code < 600
                assert len(reply.words) <= 500
                assert reply.words.isprintable()
    except UnreadableReply as unreadable:
        assert str(unreadable)


@pytest.mark.parametrize(
    "stream",
    [
        b"250 " + b"a" * 3_000,
        b"250 " + b"a" * 3_000 + b"\r\n",
        b"250-a\r\n" * 101,
        b"250-a\r\n550 b\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"150 wait\r\n",
        b"2500 OK\r\n",
        b"\r\n",
    ],
)
def test_an_answer_without_an_end_or_a_sense_is_unreadable(stream: bytes) -> None:
    with pytest.raises(UnreadableReply):
        list(ReplyReader().feed(stream))


def test_a_bare_code_is_an_answer() -> None:
    (reply,) = ReplyReader().feed(b"250\r\n")
    assert reply.words == "250"


def test_answers_before_an_unreadable_one_are_read() -> None:
    replies = ReplyReader().feed(b"250 OK\r\ngarbage\r\n")
    assert next(replies).yes
    with pytest.raises(UnreadableReply):
        next(replies)


@pytest.mark.parametrize(
    ("said", "permanent", "server"),
    [
        (b"550 5.1.1 nobody here", True, False),
        (b"554 5.7.1 not this", True, False),
        (b"450 4.2.0 greylisted", False, False),
        (b"452 4.2.2 mailbox full", False, False),
        (b"452 4.3.1 disk full", False, True),
        (b"421 4.7.0 too many connections", False, True),
        (b"454 Throttling failure", False, True),
        (b"503 5.5.1 bad sequence", False, True),
        (b"530 5.7.0 log in first", False, True),
    ],
)
def test_only_what_a_server_says_of_the_mail_itself_counts_against_the_mail(
    said: bytes, permanent: bool, server: bool
) -> None:
    (reply,) = ReplyReader().feed(said + b"\r\n")
    assert (reply.rejection().permanent, reply.rejection().server) == (permanent, server)


def test_a_server_that_has_not_heard_the_recipient_does_not_mean_it() -> None:
    (later, never) = ReplyReader().feed(b"450 4.7.1 slow down\r\n550 5.7.1 not you\r\n")
    assert later.rejection(before_recipient=True).server
    assert never.rejection(before_recipient=True).permanent
    assert not never.rejection(before_recipient=True).server


def letter(
    sender: str = "a@example.org", recipient: str = "b@example.com", content: bytes = b"x\r\n"
) -> Envelope:
    return Envelope(sender=sender, recipient=recipient, content=content)


def test_a_mail_names_what_the_server_offers_and_it_needs() -> None:
    offers = Extensions(takes_size=True, eight_bit=True, utf8=True)
    plain, *_ = commands(letter(), offers)
    assert plain == b"MAIL FROM:<a@example.org> SIZE=3\r\n"
    full = commands(
        letter(sender="", recipient="zo\u00eb@example.com", content="\u00eb\r\n".encode()), offers
    )
    assert full == (
        b"MAIL FROM:<> SIZE=4 BODY=8BITMIME SMTPUTF8\r\n",
        "RCPT TO:<zo\u00eb@example.com>\r\n".encode(),
        b"DATA\r\n",
    )


@pytest.mark.parametrize(
    ("unsendable", "why"),
    [
        (letter(content=b"\xff\r\n"), "8BITMIME"),
        (letter(recipient="zo\u00eb@example.com"), "SMTPUTF8"),
        (letter(content=b"x" * 101), "101 bytes"),
        (letter(recipient="b@example.com>\r\nRCPT TO:<c@example.com"), "address"),
        (letter(sender="a@example.org> AUTH=<>"), "address"),
        (letter(recipient=""), "address"),
        (letter(recipient="\ud800@example.com"), "address"),
    ],
)
def test_what_a_server_can_never_take_is_not_offered_to_it(unsendable: Envelope, why: str) -> None:
    with pytest.raises(Rejected, match=why) as caught:
        commands(unsendable, Extensions(takes_size=True, size=100))
    assert caught.value.permanent


@given(st.text(), st.text(), st.binary(max_size=20))
def test_no_address_can_say_a_command_of_its_own(sender: str, recipient: str, content: bytes) -> None:
    try:
        written = commands(letter(sender, recipient, content), Extensions(eight_bit=True, utf8=True))
    except Rejected:
        return
    assert b"".join(written).count(b"\n") == b"".join(written).count(b"\r") == 3
    assert all(command.count(b">") <= 1 for command in written)
