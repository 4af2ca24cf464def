"""Several rules of one event, and rules with several times of day, are kept as one rule and further dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rruleset, rrulestr
from hypothesis import given
from hypothesis import strategies as st

from engine.itip import several_rules
from engine.itip.expansion import Budget
from engine.itip.read import read
from engine.itip.recurrence import instances, validated
from engine.model.times import Span
from engine.refusals import Code, Refused
from tests.itip.samples import event as an_event

PARIS = ZoneInfo("Europe/Paris")
MONDAY = datetime(2027, 3, 1, 9, tzinfo=PARIS)


def _calendar(*lines: str) -> bytes:
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "METHOD:REQUEST", "BEGIN:VEVENT", "UID:u@example.com", "SUMMARY:Shift",
         "DTSTART;TZID=Europe/Paris:20270301T090000", "DTEND;TZID=Europe/Paris:20270301T100000", *lines,
         "END:VEVENT", "END:VCALENDAR", ""]
    ).encode()  # fmt: skip


def _starts(rule: str, rdates: tuple[date | datetime, ...], until: datetime) -> list[datetime]:
    span = Span(
        start=MONDAY.astimezone(UTC), end=MONDAY.astimezone(UTC) + timedelta(hours=1), timezone="Europe/Paris"
    )
    made = an_event(span=span, recurrence=validated(rule, span) if rule else "", rdates=rdates)
    return [found.start_utc for found in instances(made, span.start_utc, until, 10_000)]


def _expected(rules: tuple[str, ...], until: datetime) -> list[datetime]:
    every = rruleset()
    for rule in rules:
        every.rrule(rrulestr(rule, dtstart=MONDAY))
    every.rdate(MONDAY)
    found = (start.astimezone(UTC) for start in every)
    kept: list[datetime] = []
    for start in found:
        if start >= until:
            break
        kept.append(start)
    return kept


RULES = [
    ("FREQ=DAILY;BYHOUR=9,14;COUNT=7",),
    ("FREQ=WEEKLY;BYDAY=MO,WE;BYHOUR=9,13,17;UNTIL=20270420T230000Z",),
    ("FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=TH;UNTIL=20270501T000000Z"),
    ("FREQ=DAILY;COUNT=5", "FREQ=WEEKLY;BYDAY=MO;COUNT=6"),
    ("FREQ=WEEKLY;BYHOUR=9;BYMINUTE=0,30;COUNT=9",),
    (
        "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20271231T000000Z",
        "FREQ=MONTHLY;BYDAY=3WE;BYHOUR=18,20;UNTIL=20271231T000000Z",
    ),
    ("FREQ=DAILY;BYHOUR=2,9;BYMINUTE=30,0;UNTIL=20270401T000000Z",),
]


@pytest.mark.parametrize("rules", RULES)
def test_one_rule_and_dates_name_the_same_instances(rules: tuple[str, ...]) -> None:
    (event,) = read(_calendar(*(f"RRULE:{rule}" for rule in rules))).events
    until = datetime(2028, 3, 1, tzinfo=UTC)
    assert _starts(event.recurrence, event.rdates, until) == _expected(rules, until)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["DAILY", "WEEKLY;BYDAY=MO,TH", "WEEKLY;BYDAY=MO;INTERVAL=2", "MONTHLY;BYMONTHDAY=1"]
            ),
            st.sampled_from(["", ";BYHOUR=9,11", ";BYHOUR=9,20;BYMINUTE=0,45"]),
            st.sampled_from([";COUNT=1", ";COUNT=6", ";UNTIL=20270402T100000Z", ";UNTIL=20270328T063000Z"]),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_rules_that_end_are_kept_whole(parts: list[tuple[str, str, str]]) -> None:
    rules = tuple(dict.fromkeys(f"FREQ={freq}{hours}{end}" for freq, hours, end in parts))
    (event,) = read(_calendar(*(f"RRULE:{rule}" for rule in rules))).events
    until = datetime(2028, 3, 1, tzinfo=UTC)
    assert _starts(event.recurrence, event.rdates, until) == _expected(rules, until)


def test_several_rules_beside_one_that_leaves_dates_out_are_refused() -> None:
    with pytest.raises(Refused, match="EXRULE"):
        read(_calendar("RRULE:FREQ=DAILY;BYHOUR=9,17;COUNT=4", "EXRULE:FREQ=WEEKLY;BYDAY=TU"))


@pytest.mark.parametrize(
    "rules",
    [
        ("FREQ=DAILY;BYHOUR=9,17",),
        ("FREQ=WEEKLY;BYDAY=MO", "FREQ=WEEKLY;BYDAY=TU"),
        ("FREQ=DAILY;BYHOUR=10,17;COUNT=4",),
        ("FREQ=DAILY;BYHOUR=9,25;COUNT=4",),
        ("FREQ=DAILY;BYHOUR=9,17;COUNT=3000",),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "FREQ=WEEKLY;BYDAY=MO;COUNT=3"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1;BYHOUR=9,17;COUNT=4",),
        tuple(f"FREQ=DAILY;COUNT={n}" for n in range(2, 13)),
    ],
)
def test_what_cannot_be_kept_whole_is_refused(rules: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as raised:
        read(_calendar(*(f"RRULE:{rule}" for rule in rules)))
    assert raised.value.code is Code.INVALID_RECURRENCE


def test_several_rules_of_all_day_events_are_kept_as_days() -> None:
    data = _calendar("RRULE:FREQ=WEEKLY;BYDAY=MO", "RRULE:FREQ=MONTHLY;BYMONTHDAY=17;UNTIL=20270501")
    days = data.replace(b";TZID=Europe/Paris:20270301T090000", b";VALUE=DATE:20270301")
    (event,) = read(days.replace(b";TZID=Europe/Paris:20270301T100000", b";VALUE=DATE:20270302")).events
    assert event.recurrence == "FREQ=WEEKLY;BYDAY=MO"
    assert event.rdates == (date(2027, 3, 17), date(2027, 4, 17))


def test_the_days_that_all_rules_of_a_calendar_look_at_are_bounded() -> None:
    span = Span(start=MONDAY.astimezone(UTC), end=MONDAY.astimezone(UTC), timezone="Europe/Paris")
    budget = Budget(1_000)
    rules = ["FREQ=DAILY;BYHOUR=9,10;COUNT=9", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;UNTIL=99990101T000000Z"]
    with pytest.raises(Refused):
        several_rules.as_one(rules, span, budget)
    assert budget.left > -500
