"""What fuzzing found, kept so that it stays mended."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.itip.read import read
from engine.itip.recurrence import validated
from engine.model.times import Span
from engine.refusals import Code, Refused

_SPAN = Span(
    start=datetime(2027, 1, 1, 2, tzinfo=UTC), end=datetime(2027, 1, 1, 3, tzinfo=UTC), timezone="UTC"
)


def test_a_sequence_beside_a_separator_of_groups_is_a_number() -> None:
    event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20270101T000000Z\r\nSEQUENCE:2\x1d\r\nEND:VEVENT\r\n"
    (found,) = read(f"BEGIN:VCALENDAR\r\n{event}END:VCALENDAR\r\n".encode()).events
    assert found.sequence in {2, None}


def test_a_raised_digit_is_no_hour() -> None:
    with pytest.raises(Refused) as refusal:
        validated("FREQ=DAILY;BYHOUR=²", _SPAN)
    assert refusal.value.code is Code.INVALID_RECURRENCE
