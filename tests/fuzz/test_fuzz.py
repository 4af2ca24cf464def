"""Whatever comes in is read or refused, and soon: any bytes, and mails of today's clients, mangled."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import seeds, targets
from tests.fuzz.fuzzing import named
from tests.support.soak import examples

_MAILS = seeds.mails()
_CALENDARS = seeds.calendars()
_LINES = sorted({line for text in (*_MAILS, *_CALENDARS) for line in text.splitlines(keepends=True)})
_many = examples(200)


@st.composite
def mangled(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A sample with pieces of it cut, doubled, moved, or replaced by noise or by lines of other samples."""
    data = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 200)))
        noise = st.one_of(
            st.binary(max_size=20),
            st.text(max_size=20).map(str.encode),
            st.sampled_from(_LINES),
            st.sampled_from(
                [b"", b"\0", b'"', b";", b"\r\n", b"\r\n\r\n", b"=?", b"\xff\xfe", data[start:end] * 2]
            ),
        )
        data = data[:start] + draw(noise) + data[end:]
    return data


@_many
@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    targets.counted(targets.mail, data)
    targets.counted(targets.calendar, data)


@_many
@given(mangled(_MAILS))
def test_a_mangled_mail_is_read_or_refused(data: bytes) -> None:
    targets.counted(targets.mail, data)


@_many
@given(mangled(_CALENDARS))
def test_a_mangled_calendar_is_read_or_refused(data: bytes) -> None:
    targets.counted(targets.calendar, data)


@_many
@given(st.binary(max_size=2_000) | st.text('email,;\t"\n\r@.ax ', max_size=500).map(str.encode))
def test_any_bytes_are_read_as_a_list_or_refused(data: bytes) -> None:
    targets.counted(targets.lists, data)


@_many
@given(st.text(max_size=500))
def test_any_text_is_read_as_a_calendar_or_refused(text: str) -> None:
    targets.counted(targets.calendar, text.encode())


@_many
@given(st.lists(st.sampled_from(_LINES), max_size=30))
def test_any_mix_of_lines_is_read_or_refused(lines: list[bytes]) -> None:
    targets.counted(targets.mail, b"".join(lines))
    targets.counted(targets.calendar, b"".join(lines))


@pytest.mark.parametrize("script", sorted(Path(__file__).parent.glob("fuzz_*.py")), ids=lambda p: p.stem)
def test_each_script_names_a_target_that_takes_its_samples(script: Path) -> None:
    found = re.search(r'fuzz\("([\w.]+)", "([\w.]+)"\)', script.read_text())
    assert found
    target, samples = map(named, found.groups())
    for sample in list(samples())[:3]:
        target(sample)
