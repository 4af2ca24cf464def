"""A whole series changes: its end and its exceptions go with it, and none of its dates is lost or added."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.itip import recurrence
from engine.model.events import Event
from tests.support.engines import created, do

LISBON = "Europe/Lisbon"


def timing(start: str, zone: str = LISBON) -> Timing:
    return Timing(start=start, duration="PT1H" if "T" in start else "P1D", timezone=zone)


def dates(event: Event) -> list[str]:
    """The dates as the wall shows them, without the year."""
    since, until = datetime(2027, 1, 1, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)
    spans = recurrence.instances(event, since, until, 50)
    return [span.local(span.start).isoformat()[5:16].replace("T", " ") for span in spans]


# the end of its rule


@pytest.mark.parametrize(
    ("start", "rule", "change", "expected"),
    [
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;UNTIL=20270517T180000Z",
            Timing(start="2027-05-03T20:00"),
            ["05-03 20:00", "05-10 20:00", "05-17 20:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=DAILY;UNTIL=20270505",
            Timing(start="2027-05-04T00:30"),
            ["05-04 00:30", "05-05 00:30", "05-06 00:30"],
        ),
        (
            "2027-05-03",
            "FREQ=WEEKLY;UNTIL=20270517",
            Timing(start="2027-05-04"),
            ["05-04", "05-11", "05-18"],
        ),
        (
            "2027-05-03T10:00",
            "FREQ=DAILY;UNTIL=20270505",
            Timing(timezone="Asia/Tokyo"),
            ["05-03 10:00", "05-04 10:00", "05-05 10:00"],
        ),
        (
            "2027-05-03T22:00",
            "FREQ=DAILY;UNTIL=20270505",
            Timing(timezone="America/Los_Angeles"),
            ["05-03 22:00", "05-04 22:00", "05-05 22:00"],
        ),
        (
            "2027-10-25T19:00",
            "FREQ=WEEKLY;UNTIL=20271108T190000Z",
            Timing(start="2027-10-26T19:00"),
            ["10-26 19:00", "11-02 19:00", "11-09 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;BYDAY=MO;UNTIL=20270517T180000Z",
            Timing(start="2027-05-10T19:00"),
            ["05-10 19:00", "05-17 19:00", "05-24 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;UNTIL=20270517T180000Z",
            Timing(start="2027-05-03", all_day=True),
            ["05-03", "05-10", "05-17"],
        ),
        (
            "2027-05-03",
            "FREQ=WEEKLY;UNTIL=20270517",
            Timing(start="2027-05-03T19:00", duration="PT1H"),
            ["05-03 19:00", "05-10 19:00", "05-17 19:00"],
        ),
    ],
    ids=[
        "an hour", "past midnight", "a day", "eastward", "westward", "summer time", "a week", "to days", "to times",
    ],
)  # fmt: skip
async def test_a_series_that_moves_keeps_its_last_date_and_gets_no_other(
    engine: Engine, start: str, rule: str, change: Timing, expected: list[str]
) -> None:
    event = await created(engine, when=timing(start), recurrence=rule)
    done = await do(engine, UpdateEvent(uid=event.uid, when=change))
    assert dates(done.event) == expected


async def test_a_series_on_named_weekdays_ends_on_the_same_day_when_its_first_date_moves_off_them(
    engine: Engine,
) -> None:
    rule = "FREQ=WEEKLY;BYDAY=MO;UNTIL=20270517T180000Z"
    event = await created(engine, when=timing("2027-05-03T19:00"), recurrence=rule)
    done = await do(engine, UpdateEvent(uid=event.uid, when=Timing(start="2027-05-02T20:00")))
    assert dates(done.event) == ["05-02 20:00", "05-03 20:00", "05-10 20:00", "05-17 20:00"]


async def test_an_end_that_is_given_with_the_move_stands_as_it_is_given(engine: Engine) -> None:
    rule = "FREQ=WEEKLY;UNTIL=20270517T180000Z"
    event = await created(engine, when=timing("2027-05-03T19:00"), recurrence=rule)
    later = Timing(start="2027-05-03T20:00")
    done = await do(engine, UpdateEvent(uid=event.uid, when=later, recurrence=rule))
    assert dates(done.event) == ["05-03 20:00", "05-10 20:00"]


async def test_a_series_that_ends_with_the_calendar_itself_can_move(engine: Engine) -> None:
    event = await created(engine, when=timing("2027-05-03"), recurrence="FREQ=YEARLY;UNTIL=90001231")
    done = await do(engine, UpdateEvent(uid=event.uid, when=Timing(start="2027-05-04")))
    assert done.event.recurrence == "FREQ=YEARLY;UNTIL=90001231"
    assert done.event.span.start == date(2027, 5, 4)
