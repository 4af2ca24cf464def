"""Recurrence: rules are judged and normalised, instances are right, work is bounded."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import islice, takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.itip import recurrence
from engine.itip.expansion import backward, forward
from engine.itip.rule import parse
from engine.model.events import Override
from engine.refusals import Code, Refused
from tests.itip.samples import event, span
from tests.support.soak import examples
from tests.support.steps import MOST, counting

TUESDAYS = "FREQ=WEEKLY;BYDAY=TU;COUNT=4"
DECEMBER = datetime(2026, 12, 31, tzinfo=UTC)
NASTY = [
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1",
    "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
    "FREQ=DAILY;INTERVAL=7;BYDAY=WE",
    "FREQ=MONTHLY;INTERVAL=12;BYMONTH=2",
    "FREQ=WEEKLY;BYMONTH=2;INTERVAL=1000;BYDAY=SU;BYSETPOS=7",
]


@pytest.mark.parametrize(
    ("rule", "normal"),
    [
        ("freq=weekly; byday=tu", "FREQ=WEEKLY;BYDAY=TU"),
        ("RRULE:FREQ=DAILY;INTERVAL=1;COUNT=3", "FREQ=DAILY;COUNT=3"),
        ("FREQ=WEEKLY;UNTIL=20260331", "FREQ=WEEKLY;UNTIL=20260331T215959Z"),
        ("FREQ=WEEKLY;UNTIL=20260331T100000", "FREQ=WEEKLY;UNTIL=20260331T080000Z"),
        ("FREQ=WEEKLY;UNTIL=20260331T080000Z", "FREQ=WEEKLY;UNTIL=20260331T080000Z"),
        ("FREQ=MONTHLY;BYDAY=-1FR,1MO", "FREQ=MONTHLY;BYDAY=-1FR,1MO"),
        ("FREQ=DAILY;BYHOUR=10;BYMINUTE=0;COUNT=2", "FREQ=DAILY;COUNT=2"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;WKST=SU", None),
    ],
)
def test_a_good_rule_is_normalised(rule: str, normal: str | None) -> None:
    assert recurrence.validated(rule, span()) == (normal or rule)


def test_until_is_a_day_for_an_all_day_event() -> None:
    all_day = span(date(2026, 3, 3))
    assert recurrence.validated("FREQ=DAILY;UNTIL=20260310T225959Z", all_day) == "FREQ=DAILY;UNTIL=20260310"


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "weekly",
        "FREQ=SECONDLY",
        "FREQ=MINUTELY",
        "FREQ=HOURLY",
        "FREQ=FORTNIGHTLY",
        "FREQ=DAILY;COUNT=2;UNTIL=20270101",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=4001",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;UNTIL=20260101",
        "FREQ=DAILY;UNTIL=tomorrow",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=2MO",
        "FREQ=MONTHLY;BYMONTHDAY=32",
        "FREQ=DAILY;BYHOUR=9,15",
        "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;DTSTART=20260101",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=4000",
        "FREQ=DAILY;BYDAY=" + "MO," * 5_000,
        *NASTY,
    ],
)
def test_a_bad_rule_is_refused(rule: str) -> None:
    with pytest.raises(Refused) as refusal:
        recurrence.validated(rule, span())
    assert refusal.value.code is Code.INVALID_RECURRENCE
    assert refusal.value.hint


@pytest.mark.parametrize("rule", NASTY)
def test_a_rule_that_never_happens_costs_little(rule: str) -> None:
    series = event(recurrence=rule)
    after, before = datetime(2400, 1, 1, tzinfo=UTC), datetime(2401, 1, 1, tzinfo=UTC)
    with counting() as steps:
        found = recurrence.instances(series, after, before, 10)
    assert steps.taken < MOST
    assert found == []


def test_instances_keep_their_clock_time_over_summer_time() -> None:
    series = event(recurrence="FREQ=WEEKLY;BYDAY=TU;COUNT=6")
    found = recurrence.instances(series, datetime(2026, 1, 1, tzinfo=UTC), DECEMBER, 100)
    assert [s.start_utc.hour for s in found] == [9, 9, 9, 9, 8, 8]
    assert all(s.length == timedelta(hours=1) for s in found)


def test_instances_leave_out_exdates_and_take_overrides() -> None:
    moved = span(datetime(2026, 3, 11, 12, tzinfo=UTC))
    series = event(
        recurrence=TUESDAYS,
        exdates=(datetime(2026, 3, 17, 9, tzinfo=UTC),),
        overrides=(
            Override(recurrence_id=datetime(2026, 3, 10, 9, tzinfo=UTC), span=moved, summary="Moved"),
        ),
        rdates=(datetime(2026, 3, 5, 9, tzinfo=UTC),),
    )
    found = recurrence.instances(series, datetime(2026, 1, 1, tzinfo=UTC), DECEMBER, 100)
    assert [s.start_utc.day for s in found] == [3, 5, 11, 24]
    assert recurrence.instances(series, datetime(2026, 3, 11, tzinfo=UTC), DECEMBER, 1) == [moved]


def test_an_endless_rule_is_read_from_the_middle() -> None:
    series = event(recurrence="FREQ=DAILY")
    after = datetime(2300, 1, 1, tzinfo=UTC)
    found = recurrence.instances(series, after, after + timedelta(days=3), 10)
    assert [s.start_utc.date() for s in found] == [date(2300, 1, 1), date(2300, 1, 2), date(2300, 1, 3)]


def test_an_instance_that_is_running_counts() -> None:
    running = datetime(2026, 3, 3, 9, 30, tzinfo=UTC)
    assert recurrence.instances(event(), running, running + timedelta(minutes=1), 5) == [span()]
    assert recurrence.instances(event(), running + timedelta(hours=1), DECEMBER, 5) == []


@pytest.mark.parametrize(
    ("rule", "end"),
    [
        ("", datetime(2026, 3, 3, 10, tzinfo=UTC)),
        ("FREQ=WEEKLY", None),
        (TUESDAYS, datetime(2026, 3, 24, 10, tzinfo=UTC)),
        ("FREQ=WEEKLY;UNTIL=20260331T080000Z", datetime(2026, 3, 31, 9, tzinfo=UTC)),
        ("FREQ=DAILY;UNTIL=89991231T000000Z", datetime(8999, 12, 30, 10, tzinfo=UTC)),
    ],
)
def test_the_last_end_is_that_of_the_last_instance(rule: str, end: datetime | None) -> None:
    assert recurrence.last_end(span(), rule, (), (), ()) == end


def test_the_last_end_knows_exdates_rdates_and_overrides() -> None:
    last = datetime(2026, 3, 24, 9, tzinfo=UTC)
    assert recurrence.last_end(span(), TUESDAYS, (), (last,), ()) == datetime(2026, 3, 17, 10, tzinfo=UTC)
    late = datetime(2026, 6, 1, 9, tzinfo=UTC)
    assert recurrence.last_end(span(), TUESDAYS, (late,), (), ()) == late + timedelta(hours=1)
    moved = Override(recurrence_id=last, span=span(late), summary="Plan")
    assert recurrence.last_end(span(), TUESDAYS, (), (), (moved,)) == late + timedelta(hours=1)


# dateutil as the judge


def _rules() -> st.SearchStrategy[str]:
    numbers = st.integers(1, 28).map(str)
    weekdays = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, unique=True)
    numbered = st.lists(st.sampled_from(["1MO", "-1FR", "2TU", "3SU", "-2WE"]), min_size=1, unique=True)
    by = {
        "DAILY": [
            st.just(""),
            weekdays.map(lambda d: f";BYDAY={','.join(d)}"),
            numbers.map(";BYMONTHDAY={}".format),
        ],
        "WEEKLY": [st.just(""), weekdays.map(lambda d: f";BYDAY={','.join(d)};WKST=SU")],
        "MONTHLY": [
            st.just(""),
            numbered.map(lambda d: f";BYDAY={','.join(d)}"),
            st.sampled_from([";BYMONTHDAY=-1", ";BYMONTHDAY=31", ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1,1"]),
        ],
        "YEARLY": [
            st.just(""),
            numbered.map(lambda d: f";BYMONTH=3,10;BYDAY={','.join(d)}"),
            st.sampled_from(
                [";BYYEARDAY=-1,100,366", ";BYWEEKNO=1,20,53;BYDAY=MO", ";BYWEEKNO=-1", ";BYDAY=20MO"]
            ),
        ],
    }
    return st.sampled_from(sorted(by)).flatmap(
        lambda freq: st.builds(
            lambda interval, part: f"FREQ={freq};INTERVAL={interval}{part}",
            st.integers(1, 5),
            st.one_of(by[freq]),
        )
    )


@examples(300)
@given(rule=_rules(), start=st.dates(date(2000, 1, 1), date(2030, 12, 31)))
def test_days_agree_with_dateutil(rule: str, start: date) -> None:
    horizon = start + timedelta(days=366 * 12)
    until = datetime.combine(horizon, datetime.min.time())
    judged = rrulestr(
        f"{rule};UNTIL={until:%Y%m%dT%H%M%S}", dtstart=datetime.combine(start, datetime.min.time())
    )
    expected = [moment.date() for moment in islice(judged, 60)]
    days = takewhile(lambda day: day <= horizon, forward(parse(rule), start))
    assert list(islice(days, 60)) == expected


@examples(100)
@given(rule=_rules(), start=st.dates(date(2000, 1, 1), date(2030, 12, 31)), years=st.integers(0, 40))
def test_days_are_the_same_from_the_middle_and_backwards(rule: str, start: date, years: int) -> None:
    since = start + timedelta(days=366 * years)
    until = since + timedelta(days=800)
    every = list(takewhile(lambda day: day <= until, forward(parse(rule), start)))
    middle = [
        d for d in takewhile(lambda day: day <= until, forward(parse(rule), start, since)) if d >= since
    ]
    assert middle == [day for day in every if day >= since]
    assume(every)
    assert list(islice(backward(parse(rule), start, until), 20)) == every[::-1][:20]
