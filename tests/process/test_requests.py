"""What a process that parses untrusted input is asked: it arrives as it was given, and large bytes are not copied."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engine.process import requests
from tests.process.dear import doubled

LARGE = requests.BESIDE
ARGUMENTS = st.lists(
    st.one_of(st.integers(), st.text(), st.binary(), st.sampled_from([b"x" * LARGE, b"y" * (LARGE - 1)])),
    max_size=4,
)


def _read(pieces: requests.Pieces) -> Any:
    return requests.read(io.BytesIO(b"".join(pieces)))


@given(arguments=ARGUMENTS, cpu_s=st.integers(1, 100))
def test_a_request_arrives_as_it_was_given(arguments: list[object], cpu_s: int) -> None:
    assert _read(requests.pieces(doubled, tuple(arguments), cpu_s)) == (doubled, arguments, cpu_s)


def test_requests_follow_each_other_on_one_stream() -> None:
    first, second = (requests.pieces(doubled, (b"x" * LARGE, n), 1) for n in (1, 2))
    stream = io.BytesIO(b"".join([*first, *second]))
    assert [requests.read(stream) for _ in range(3)] == [
        (doubled, [b"x" * LARGE, 1], 1),
        (doubled, [b"x" * LARGE, 2], 1),
        None,
    ]


def test_the_bytes_of_a_mail_are_sent_from_where_they_are() -> None:
    mail = b"x" * LARGE
    *_, beside = requests.pieces(doubled, (mail,), 1)
    assert isinstance(beside, memoryview)
    assert beside.obj is mail
