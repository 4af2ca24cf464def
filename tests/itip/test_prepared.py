"""Calendars that are filled in are the calendars that are composed, byte for byte."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from icalendar.parser import Contentline

from engine.itip import personal, write
from engine.itip.prepared import folded, prepare
from engine.itip.read import read
from engine.model.events import Event, EventStatus, Override
from engine.model.messages import Method
from engine.model.people import Party
from engine.refusals import Code, Refused
from tests.itip import strategies
from tests.itip.samples import JOE, RECEIPTS, START, event, span
from tests.judges import judge_calendar, libical, shape
from tests.support.soak import examples

_COMPOSE = {
    Method.REQUEST: write.request,
    Method.CANCEL: write.cancel,
    Method.DECLINECOUNTER: write.decline,
}


@examples(400)
@given(
    data=st.data(),
    sample=strategies.events(),
    values=strategies.values,
    attendee=strategies.parties,
    organizer=strategies.parties,
    method=st.sampled_from(list(Method)),
)
def test_filled_is_composed_byte_for_byte(
    data: st.DataObject,
    sample: Event,
    values: dict[str, str],
    attendee: Party,
    organizer: Party,
    method: Method,
) -> None:
    instance = data.draw(strategies.instances(sample))
    filled = prepare(sample, method, recurrence_id=instance).fill(attendee, organizer, values)
    own = personal.personalize(sample, values)
    assert filled == _COMPOSE[method](own, attendee, organizer, recurrence_id=instance)
    assert shape.calendar_faults(filled) == []


@examples(300)
@given(st.text(alphabet=st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=300))
@example("x" * 73 + "\\\\" * 90)
@example("é" * 36 + "^" * 40)
def test_lines_are_folded_as_the_library_folds_them(line: str) -> None:
    library: Any = Contentline
    assert folded(line) == library(line).to_ical() + b"\r\n"


def test_every_judge_accepts_what_is_filled_in() -> None:
    later = Override(
        recurrence_id=START + timedelta(7), span=span(START + timedelta(8)), summary="{{name}}, later"
    )
    sample = event(
        summary="Hi {{Name}}", description="{{note}}\n" * 9, recurrence="FREQ=WEEKLY", overrides=(later,)
    )
    values = {"name": 'Jörg; "J", <b>', "note": "日本語 \\N a:b " * 9}
    for method in (Method.REQUEST, Method.CANCEL):
        assert judge_calendar(prepare(sample, method).fill(JOE, RECEIPTS, values)) == []


@pytest.mark.skipif(not libical.available(), reason="libical is not here: make judges")
def test_a_declined_proposal_says_which_event_and_no_more() -> None:
    series = event(recurrence="FREQ=WEEKLY", summary="Hi {{name}}")
    for instance in (None, START + timedelta(7)):
        filled = prepare(series, Method.DECLINECOUNTER, recurrence_id=instance).fill(JOE, RECEIPTS, {})
        # libical's table forbids SEQUENCE here, by which clients find the revision that is meant
        assert [fault for fault in libical.faults(filled) if "SEQUENCE" not in fault] == []
        (said,) = read(filled).events
        assert (said.uid, said.sequence, said.recurrence_id) == (series.uid, series.sequence, instance)


def test_one_prepared_calendar_serves_many_attendees() -> None:
    prepared = prepare(event(summary="Hi {{name}}"), Method.REQUEST)
    for name in ("Ann", "Ben", "Ann"):
        (said,) = read(
            prepared.fill(Party(address=f"{name}@example.org", name=name), RECEIPTS, {"name": name})
        ).events
        assert (said.summary, [a.address for a in said.attendees]) == (
            f"Hi {name}",
            [f"{name.lower()}@example.org"],
        )


def test_a_line_with_nothing_left_to_say_is_left_out() -> None:
    sample = event(summary="{{name}}", location=" {{room}}\n\0", description="{{room}}")
    filled = prepare(sample, Method.REQUEST).fill(JOE, RECEIPTS, {"name": "", "room": "\n"})
    assert b"SUMMARY:Invitation\r\n" in filled
    assert b"LOCATION" not in filled
    assert b"DESCRIPTION:Reminder" in filled
    assert filled.count(b"DESCRIPTION") == 1


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        prepare(event(summary="{{name}}"), Method.REQUEST).fill(JOE, RECEIPTS, {})
    assert refusal.value.code is Code.MISSING_FIELD


def test_braces_that_only_meet_when_the_text_is_cleaned_are_no_placeholder() -> None:
    filled = prepare(event(summary="{\x08{name}\x08}"), Method.REQUEST).fill(JOE, RECEIPTS, {"name": "x"})
    assert b"SUMMARY:{{name}}\r\n" in filled


def test_braces_in_a_reason_are_not_filled_in() -> None:
    gone = event(status=EventStatus.CANCELLED, cancel_reason="{{name}}")
    assert b"COMMENT:{{name}}\r\n" in prepare(gone, Method.CANCEL).fill(JOE, RECEIPTS, {"name": "x"})


HOSTILE = [
    "x\r\nATTENDEE:mailto:eve@example.net",
    "x\nEND:VEVENT\nBEGIN:VEVENT",
    'x";CN="y',
    "x:mailto:eve@example.net",
    "x;RSVP=FALSE,y",
    "x^n^'y\\",
    "x\0y\x1b",
    "x\u202egro.elpmaxe@evil\u2066",
    "x\u2028ATTENDEE:mailto:eve@example.net",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_value_gets_out_of_its_line(hostile: str) -> None:
    prepared = prepare(event(summary="Hi {{x}}", description="{{x}}"), Method.REQUEST)
    filled = prepared.fill(Party(address="joe@example.org", name=hostile), RECEIPTS, {"x": hostile})
    assert judge_calendar(filled) == []
    (said,) = read(filled).events
    assert [a.address for a in said.attendees] == ["joe@example.org"]
    assert not {"\u202e", "\u2066"} & set(filled.decode())
