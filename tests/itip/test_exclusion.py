"""Instances that a rule excludes (EXRULE), which old programs still write."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.itip.recurrence import instances
from engine.refusals import Code, Refused
from tests.itip.samples import event, understood

YEARS = (datetime(2027, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))
MONDAY = "DTSTART;TZID=Europe/Paris:20270301T190000"


def days(*lines: str, start: str = MONDAY) -> list[str]:
    read = understood(start, "DURATION:PT1H" if "T" in start[-8:] else "DURATION:P1D", *lines)
    assert read.span is not None
    found = event(span=read.span, recurrence=read.recurrence, exdates=read.exdates)
    starts = [span.start for span in instances(found, *YEARS, 100)]
    return [f"{start:%m-%d}" for start in starts]


def test_what_a_rule_excludes_does_not_take_place() -> None:
    daily = ("RRULE:FREQ=DAILY;COUNT=5", "EXRULE:FREQ=WEEKLY;BYDAY=TU")
    assert days(*daily) == ["03-01", "03-03", "03-04", "03-05"]
    assert days(*daily, start="DTSTART;VALUE=DATE:20270301") == ["03-01", "03-03", "03-04", "03-05"]


def test_a_rule_that_ends_excludes_instances_of_a_series_that_does_not() -> None:
    excluded = "EXRULE:FREQ=WEEKLY;UNTIL=20270316T180000Z"
    assert days("RRULE:FREQ=WEEKLY", excluded)[:2] == ["03-22", "03-29"]


def test_dates_and_several_rules_exclude_together() -> None:
    lines = ("EXRULE:FREQ=DAILY;BYDAY=TU", "EXRULE:FREQ=DAILY;BYDAY=WE", "EXDATE;VALUE=DATE:20270304")
    assert days("RRULE:FREQ=DAILY;COUNT=5", *lines) == ["03-01", "03-05"]


def test_a_rule_in_the_form_of_vcalendar_is_understood() -> None:
    assert days("RRULE:D1 #4", "EXRULE:W1 WE #0") == ["03-01", "03-02", "03-04"]


@pytest.mark.parametrize(
    "lines",
    [
        ("RRULE:FREQ=DAILY", "EXRULE:FREQ=WEEKLY;BYDAY=TU"),
        ("RRULE:FREQ=DAILY;COUNT=5", *(f"EXRULE:FREQ=DAILY;BYMONTH={month}" for month in range(1, 8))),
        ("RRULE:FREQ=DAILY;COUNT=5", "EXRULE:nonsense"),
        ("RRULE:FREQ=DAILY;COUNT=3500", "EXRULE:FREQ=DAILY;UNTIL=20350101T000000Z"),
    ],
)
def test_a_rule_whose_dates_cannot_be_listed_is_refused(lines: tuple[str, ...]) -> None:
    with pytest.raises(Refused) as raised:
        understood(MONDAY, "DURATION:PT1H", *lines)
    assert raised.value.code is Code.INVALID_RECURRENCE


def test_without_a_series_there_is_nothing_to_exclude() -> None:
    assert understood(MONDAY, "EXRULE:FREQ=DAILY").exdates == ()
    assert understood("DTSTART;VALUE=DATE:20270301", "EXDATE:20270302", "RRULE:FREQ=DAILY").exdates == (
        date(2027, 3, 2),
    )
