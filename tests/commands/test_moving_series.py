"""A whole series changes: its end and its exceptions go with it, and none of its dates is lost or added."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.commands import series
from engine.commands.answers.proposals import RecordProposal
from engine.commands.events.events import UpdateEvent
from engine.commands.events.instances import CancelInstance, UpdateInstance
from engine.commands.events.timing import Timing
from engine.engine import SYSTEM, Engine
from engine.itip import recurrence
from engine.model.answers import ProposalState
from engine.model.events import Event
from engine.model.people import Partstat
from tests.support.engines import created, deliver, do, invite

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


# a date that was changed for itself


MONDAYS = ["05-03 19:00", "05-10 19:00", "05-17 19:00"]


async def weekly(engine: Engine, **values: object) -> Event:
    known = {"location": "Hall A", "description": "Practice", "url": "https://example.com/a"}
    when = timing("2027-05-03T19:00")
    return await created(engine, when=when, recurrence="FREQ=WEEKLY;COUNT=3", **{**known, **values})


async def changed_date(engine: Engine, event: Event, start: str, **values: object) -> Event:
    """The event after one of its dates was changed."""
    named = series.read(event.span, start)
    done = await do(engine, UpdateInstance(uid=event.uid, recurrence_id=named, **values))  # type: ignore[arg-type]
    return done.event


async def test_a_date_that_was_only_reworded_goes_with_its_series(engine: Engine) -> None:
    event = await weekly(engine)
    event = await changed_date(engine, event, "2027-05-10", description="Bring cake")
    event = (
        await do(
            engine,
            UpdateEvent(
                uid=event.uid,
                summary="Rehearsal",
                when=Timing(start="2027-05-03T20:00", duration="PT3H", timezone="Europe/Paris"),
                location="Hall B",
                description="Concert",
                url="https://example.com/b",
            ),
        )
    ).event
    assert dates(event) == ["05-03 20:00", "05-10 20:00", "05-17 20:00"]
    (one,) = event.overrides
    assert one.span == recurrence.at(event.span, one.recurrence_id)
    told = (one.summary, one.location, one.description, one.url)
    assert told == ("Rehearsal", "Hall B", "Bring cake", "https://example.com/b")


async def test_a_date_that_was_moved_keeps_its_own_time_and_shows_it_in_the_zone_of_its_series(
    engine: Engine,
) -> None:
    event = await changed_date(
        engine, await weekly(engine), "2027-05-10", when=Timing(start="2027-05-12T10:00")
    )
    own = event.overrides[0].span
    change = UpdateEvent(uid=event.uid, when=Timing(timezone="Europe/Paris"), location="Hall B")
    (one,) = (await do(engine, change)).event.overrides
    assert (one.span.start, one.span.end, one.span.timezone) == (own.start, own.end, "Europe/Paris")
    assert one.location == "Hall B"


async def test_a_date_that_somebody_gives_with_the_change_stands_as_it_is_given(engine: Engine) -> None:
    event = await changed_date(engine, await weekly(engine), "2027-05-10", description="Bring cake")
    done = await do(engine, UpdateEvent(uid=event.uid, location="Hall B", overrides=event.overrides))
    assert done.event.overrides[0].location == "Hall A"


async def test_words_that_a_reworded_date_shares_answer_no_proposal(engine: Engine) -> None:
    event = await changed_date(engine, await weekly(engine), "2027-05-10", location="Hall B")
    invited = await invite(engine, event, "ann@example.com")
    await deliver(engine)
    proposal = RecordProposal(token=invited.attendee.token, span=recurrence.at(event.span, event.span.end))
    await do(engine, proposal, SYSTEM)
    done = await do(engine, UpdateEvent(uid=event.uid, description="Concert"))
    assert done.event.overrides[0].description == "Concert"
    async with engine.store.unit() as unit:
        assert [p.state for p in await unit.proposals(event.uid)] == [ProposalState.OPEN]


async def test_what_some_see_alone_they_see_of_a_date_that_was_moved_as_well(engine: Engine) -> None:
    event = await weekly(engine)
    only = UpdateEvent(uid=event.uid, only_for=frozenset({Partstat.ACCEPTED}), location="Back door")
    await do(engine, only)
    event = await changed_date(engine, event, "2027-05-10", when=Timing(start="2027-05-12T10:00"))
    event = await changed_date(engine, event, "2027-05-17", location="Hall C")
    seen = event.seen_by(Partstat.ACCEPTED)
    assert [one.location for one in seen.overrides] == ["Back door", "Hall C"]
    assert [one.location for one in event.seen_by(Partstat.TENTATIVE).overrides] == ["Hall A", "Hall C"]


# dates that are cancelled, and a change after which a series has other dates


@pytest.mark.parametrize(
    ("start", "rule", "gone", "change", "expected"),
    [
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;BYDAY=MO;COUNT=4",
            "2027-05-17",
            UpdateEvent(uid="", when=Timing(start="2027-05-04T19:00")),
            ["05-04 19:00", "05-10 19:00", "05-24 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;COUNT=5",
            "2027-05-06",
            UpdateEvent(uid="", when=Timing(start="2027-05-04T20:00")),
            ["05-04 20:00", "05-05 20:00", "05-07 20:00", "05-10 20:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;BYDAY=MO;COUNT=4",
            "2027-05-17",
            UpdateEvent(uid="", when=Timing(start="2027-05-10T19:00")),
            ["05-10 19:00", "05-17 19:00", "05-31 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;BYDAY=MO;COUNT=4",
            "2027-05-17",
            UpdateEvent(
                uid="", when=Timing(start="2027-05-04T19:00"), recurrence="FREQ=WEEKLY;BYDAY=TU;COUNT=4"
            ),
            ["05-04 19:00", "05-11 19:00", "05-25 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=4",
            "2027-05-03",
            UpdateEvent(uid="", when=Timing(start="2027-05-06T19:00")),
            ["05-06 19:00", "05-10 19:00", "05-13 19:00", "05-17 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=MONTHLY;BYDAY=1MO;COUNT=3",
            "2027-05-03",
            UpdateEvent(uid="", when=Timing(start="2027-05-03T20:00")),
            ["06-07 20:00", "07-05 20:00"],
        ),
        (
            "2027-05-15T19:00",
            "FREQ=MONTHLY;COUNT=4",
            "2027-07-15",
            UpdateEvent(uid="", when=Timing(start="2027-06-15T19:00")),
            ["06-15 19:00", "07-15 19:00", "09-15 19:00"],
        ),
        (
            "2027-05-03T19:00",
            "FREQ=WEEKLY;COUNT=3",
            "2027-05-10",
            UpdateEvent(uid="", when=Timing(start="2027-05-03", all_day=True)),
            ["05-03", "05-17"],
        ),
        (
            "2027-05-03",
            "FREQ=WEEKLY;COUNT=3",
            "2027-05-10",
            UpdateEvent(uid="", when=Timing(start="2027-05-04T09:00", duration="PT1H")),
            ["05-04 09:00", "05-18 09:00"],
        ),
        (
            "2027-03-07T02:30",
            "FREQ=WEEKLY;COUNT=3",
            "2027-03-14",
            UpdateEvent(uid="", when=Timing(start="2027-03-07T05:30")),
            ["03-07 05:30", "03-21 05:30"],
        ),
    ],
    ids=[
        "off its weekday", "within its weekdays", "by a week", "with its rule", "onto a later date", "its first",
        "by a month", "to days", "to times", "over a gap",
    ],
)  # fmt: skip
async def test_a_date_that_was_cancelled_stays_cancelled_and_no_other_goes(
    engine: Engine, start: str, rule: str, gone: str, change: UpdateEvent, expected: list[str]
) -> None:
    zone = "America/New_York"
    event = await created(engine, when=timing(start, zone), recurrence=rule)
    named = series.read(event.span, gone)
    event = (await do(engine, CancelInstance(uid=event.uid, recurrence_id=named))).event
    done = await do(engine, change.model_copy(update={"uid": event.uid}))
    assert dates(done.event) == expected


async def test_a_day_that_has_no_midnight_stays_cancelled_as_its_series_moves(engine: Engine) -> None:
    when = timing("2027-09-05", "America/Santiago")
    event = await created(engine, when=when, recurrence="FREQ=WEEKLY;COUNT=3", exclude_dates=("2027-09-12",))
    done = await do(engine, UpdateEvent(uid=event.uid, when=Timing(start="2027-09-06")))
    assert dates(done.event) == ["09-06", "09-20"]


async def test_a_changed_date_that_the_series_no_longer_has_is_gone_and_people_hear_of_it(
    engine: Engine,
) -> None:
    event = await weekly(engine)
    event = await changed_date(engine, event, "2027-05-10", description="Bring cake")
    event = await changed_date(engine, event, "2027-05-17", when=Timing(start="2027-05-18T19:00"))
    done = await do(engine, UpdateEvent(uid=event.uid, recurrence="FREQ=WEEKLY;COUNT=2"))
    assert dates(done.event) == MONDAYS[:2]
    assert [one.description for one in done.event.overrides] == ["Bring cake"]
    assert set(done.changed) == {"recurrence", "overrides"}


async def test_a_series_that_becomes_a_single_event_keeps_nothing_of_its_dates(engine: Engine) -> None:
    event = await changed_date(engine, await weekly(engine), "2027-05-10", description="Bring cake")
    gone = series.read(event.span, "2027-05-17")
    event = (await do(engine, CancelInstance(uid=event.uid, recurrence_id=gone))).event
    done = await do(engine, UpdateEvent(uid=event.uid, recurrence=""))
    assert (done.event.overrides, done.event.exdates) == ((), ())
    assert dates(done.event) == MONDAYS[:1]


async def test_a_cancelled_date_that_a_shorter_rule_lacks_is_out_when_the_rule_is_longer_again(
    engine: Engine,
) -> None:
    event = await weekly(engine, exclude_dates=("2027-05-17",))
    for count in (2, 3):
        event = (await do(engine, UpdateEvent(uid=event.uid, recurrence=f"FREQ=WEEKLY;COUNT={count}"))).event
    assert dates(event) == MONDAYS[:2]


async def test_changed_dates_become_days_with_their_series_and_times_again(engine: Engine) -> None:
    event = await changed_date(engine, await weekly(engine), "2027-05-10", description="Bring cake")
    event = await changed_date(engine, event, "2027-05-17", when=Timing(start="2027-05-18T10:00"))
    days = UpdateEvent(uid=event.uid, when=Timing(start="2027-05-03", all_day=True))
    event = (await do(engine, days)).event
    assert dates(event) == ["05-03", "05-10", "05-18"]
    assert [one.recurrence_id for one in event.overrides] == [date(2027, 5, 10), date(2027, 5, 17)]
    times = UpdateEvent(uid=event.uid, when=Timing(start="2027-05-03T19:00", duration="PT1H"))
    event = (await do(engine, times)).event
    assert dates(event) == ["05-03 19:00", "05-10 19:00", "05-18 19:00"]


async def test_the_first_date_keeps_its_words_where_it_moves_off_the_weekdays_of_its_series(
    engine: Engine,
) -> None:
    event = await created(engine, when=timing("2027-05-03T19:00"), recurrence="FREQ=WEEKLY;BYDAY=MO;COUNT=3")
    event = await changed_date(engine, event, "2027-05-03", description="Welcome")
    event = await changed_date(engine, event, "2027-05-10", description="Bring cake")
    done = await do(engine, UpdateEvent(uid=event.uid, when=Timing(start="2027-05-04T20:00")))
    assert dates(done.event) == ["05-04 20:00", "05-10 20:00", "05-17 20:00"]
    assert [one.description for one in done.event.overrides] == ["Welcome", "Bring cake"]


async def test_added_dates_move_with_their_series(engine: Engine) -> None:
    added = datetime(2027, 5, 20, 9, tzinfo=UTC)
    event = await weekly(engine, rdates=(added,))
    event = await changed_date(engine, event, "2027-05-20T10:00", description="Extra")
    done = await do(engine, UpdateEvent(uid=event.uid, when=Timing(start="2027-05-04T20:00")))
    assert dates(done.event)[-1] == "05-21 11:00"
    assert done.event.overrides[0].recurrence_id == done.event.rdates[0]


async def test_other_words_change_nothing_of_dates_in_whatever_order_they_came(engine: Engine) -> None:
    event = await changed_date(engine, await weekly(engine), "2027-05-10", summary="Special")
    event = await changed_date(engine, event, "2027-05-17", summary="Last one", location="Hall C")
    turned = tuple(reversed(event.overrides))
    await do(engine, UpdateEvent(uid=event.uid, overrides=turned))
    done = await do(engine, UpdateEvent(uid=event.uid, summary="Rehearsal"))
    assert done.changed == ("summary",)
    assert done.event.overrides == turned
