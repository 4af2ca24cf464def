"""The chain itself: roots as RFC 6962 has them, commitments that need their salt."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from engine.model.record import GENESIS, Head, Tree, canonical, commitment, leaf, next_row, node, numbered


def _by_the_book(texts: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as it is written there."""
    if not texts:
        return sha256(b"").digest()
    if len(texts) == 1:
        return leaf(texts[0])
    k = 1
    while k * 2 < len(texts):
        k *= 2
    return node(_by_the_book(texts[:k]), _by_the_book(texts[k:]))


@given(st.lists(st.binary(max_size=8), max_size=40))
def test_a_root_is_that_of_rfc_6962(texts: list[bytes]) -> None:
    tree = Tree()
    for text in texts:
        tree.add(text)
    assert (tree.size, tree.root()) == (len(texts), _by_the_book(texts))


def test_a_head_binds_its_row_and_all_before_it() -> None:
    first = next_row(Head(0, GENESIS), {"command": "CreateEvent", "code": ""}, b"salt")
    assert first.body == '{"seq":1,"command":"CreateEvent"}'
    assert first.head == sha256(b"\x01" + GENESIS + sha256(b"\x00" + first.body.encode()).digest()).digest()
    second = next_row(Head(1, first.head), {"command": "SendInvite"}, b"salt")
    other = next_row(Head(1, GENESIS), {"command": "SendInvite"}, b"salt")
    assert second.body == other.body
    assert second.head != other.head


def test_the_number_of_a_row_is_told_by_its_own_text() -> None:
    assert numbered(canonical(12, {"command": "X"}).encode(), 12)
    assert not numbered(canonical(12, {"command": "X"}).encode(), 1)


def test_a_commitment_tells_nothing_without_its_salt() -> None:
    made = commitment(b"ann@example.com", b"salt of Ann")
    assert made == commitment(b"ann@example.com", b"salt of Ann")
    assert made not in {commitment(b"ann@example.com", b"another"), sha256(b"ann@example.com").hexdigest()}
