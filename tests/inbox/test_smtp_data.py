"""The data of a mail, in whatever pieces it arrives."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from engine.inbox.smtp.bounds import Memory
from engine.inbox.smtp.data import BARE, NO_ROOM, TOO_LARGE, DataReader

END = b"\r\n.\r\n"
MARKS = st.sampled_from([b"\r\n", b"\r\n.", b"\r\n..", b".", b"a", b"\r", b"\n", b"bc"])
PLAIN = st.sampled_from([b"\r\n", b"\r\n..", b"\r\n...", b"a", b"bc", b"d.e"])
CUTS = st.lists(st.integers(1, 7), min_size=1)


def _fed(reader: DataReader, data: bytes, cuts: list[int]) -> bytes | None:
    """What is left behind the end of the mail, given in pieces of these sizes, over and over."""
    rest: bytes | None = None
    turn = 0
    while data and rest is None:
        size = cuts[turn % len(cuts)]
        piece, data = data[:size], data[size:]
        rest = reader.feed(piece)
        turn += 1
    return None if rest is None else rest + data


def _expected(data: bytes) -> tuple[bytes, bytes]:
    """The mail and what is behind it, read at one go (RFC 5321, 4.5.2)."""
    mail, _, rest = (b"\r\n" + data).partition(END)
    return (mail + b"\r\n").replace(b"\r\n.", b"\r\n")[2:], rest


def _is_bare(data: bytes) -> bool:
    mail = (b"\r\n" + data).partition(END)[0].replace(b"\r\n", b"")
    return b"\r" in mail or b"\n" in mail


@given(pieces=st.lists(MARKS, max_size=20), cuts=CUTS)
def test_a_mail_is_the_same_however_it_is_cut(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces) + END + b"QUIT\r\n"
    reader = DataReader(10_000, Memory(10_000))
    mail, rest = _expected(data)
    assert _fed(reader, data, cuts) == rest
    assert reader.refusal == (BARE if _is_bare(data) else "")
    if not reader.refusal:
        assert reader.content(b"trace ") == b"trace " + mail


@given(pieces=st.lists(PLAIN, max_size=20), cuts=CUTS)
def test_only_the_bytes_of_the_mail_itself_count_not_the_doubled_dots(
    pieces: list[bytes], cuts: list[int]
) -> None:
    data = b"x" + b"".join(pieces) + END
    mail, _ = _expected(data)
    taken, refused = DataReader(len(mail), Memory(0)), DataReader(len(mail) - 1, Memory(0))
    for reader in (taken, refused):
        assert _fed(reader, data, cuts) == b""
    assert (taken.refusal, refused.refusal) == ("", TOO_LARGE)


@given(cuts=st.lists(st.integers(1, 50_000), min_size=1))
def test_a_mail_for_which_there_is_no_room_is_read_to_its_end(cuts: list[int]) -> None:
    memory = Memory(100_000)
    reader = DataReader(1_000_000, memory)
    assert _fed(reader, b"x" * 200_000 + END + b"NOOP\r\n", cuts) == b"NOOP\r\n"
    assert reader.refusal == NO_ROOM
    assert memory.reserve(100_000)


def test_a_large_mail_is_copied_once() -> None:
    size, piece = 8_000_000, b"x" * 998 + b"\r\n"
    reader = DataReader(size, Memory(2 * size))
    tracemalloc.start()
    for _ in range(size // len(piece)):
        reader.feed(piece)
    reader.feed(b".\r\n")
    mail = reader.content(b"Received: from here\r\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(mail) == size + 21
    assert peak < 2.4 * size
