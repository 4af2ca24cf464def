"""Texts for a mail: when an event takes place and how it recurs, for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from engine.mail.locale.language import ENGLISH, Language, noop, noop_term
from engine.model.times import Span

_WEEKDAYS = (
    noop("Monday"),
    noop("Tuesday"),
    noop("Wednesday"),
    noop("Thursday"),
    noop("Friday"),
    noop("Saturday"),
    noop("Sunday"),
)
_MONTHS = (
    noop("January"),
    noop("February"),
    noop("March"),
    noop("April"),
    noop("May"),
    noop("June"),
    noop("July"),
    noop("August"),
    noop("September"),
    noop("October"),
    noop("November"),
    noop("December"),
)
_SHORT_WEEKDAYS = (
    noop("Mon"),
    noop("Tue"),
    noop("Wed"),
    noop("Thu"),
    noop("Fri"),
    noop("Sat"),
    noop("Sun"),
)
_SHORT_MONTHS = (
    noop_term("short month", "Jan"),
    noop_term("short month", "Feb"),
    noop_term("short month", "Mar"),
    noop_term("short month", "Apr"),
    noop_term("short month", "May"),
    noop_term("short month", "Jun"),
    noop_term("short month", "Jul"),
    noop_term("short month", "Aug"),
    noop_term("short month", "Sep"),
    noop_term("short month", "Oct"),
    noop_term("short month", "Nov"),
    noop_term("short month", "Dec"),
)
_ORDINALS = {
    ("1", "Monday to Friday"): noop_term("Monday to Friday", "the first {weekday}"),
    ("1", "Saturday"): noop_term("Saturday", "the first {weekday}"),
    ("1", "Sunday"): noop_term("Sunday", "the first {weekday}"),
    ("2", "Monday to Friday"): noop_term("Monday to Friday", "the second {weekday}"),
    ("2", "Saturday"): noop_term("Saturday", "the second {weekday}"),
    ("2", "Sunday"): noop_term("Sunday", "the second {weekday}"),
    ("3", "Monday to Friday"): noop_term("Monday to Friday", "the third {weekday}"),
    ("3", "Saturday"): noop_term("Saturday", "the third {weekday}"),
    ("3", "Sunday"): noop_term("Sunday", "the third {weekday}"),
    ("4", "Monday to Friday"): noop_term("Monday to Friday", "the fourth {weekday}"),
    ("4", "Saturday"): noop_term("Saturday", "the fourth {weekday}"),
    ("4", "Sunday"): noop_term("Sunday", "the fourth {weekday}"),
    ("5", "Monday to Friday"): noop_term("Monday to Friday", "the fifth {weekday}"),
    ("5", "Saturday"): noop_term("Saturday", "the fifth {weekday}"),
    ("5", "Sunday"): noop_term("Sunday", "the fifth {weekday}"),
    ("-1", "Monday to Friday"): noop_term("Monday to Friday", "the last {weekday}"),
    ("-1", "Saturday"): noop_term("Saturday", "the last {weekday}"),
    ("-1", "Sunday"): noop_term("Sunday", "the last {weekday}"),
}
"""In some languages the gender of the weekday decides."""
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def day(value: date, language: Language = ENGLISH) -> str:
    """A day with its weekday, such as `Tuesday, 3 March 2026`."""
    return language.term("date", "{weekday}, {day} {month} {year}", **_parts(value, language))


def day_of_year(value: date, language: Language = ENGLISH) -> str:
    """A day without its weekday, such as `3 March 2026`."""
    return language.term("date", "{day} {month} {year}", **_parts(value, language))


def month(value: date, language: Language = ENGLISH) -> str:
    """A month, such as `May 2027`."""
    return language.term("date", "{month} {year}", **_parts(value, language))


def short_day(value: date, language: Language = ENGLISH) -> str:
    """A day in short, such as `Sat 1 May`."""
    weekday = language.say(_SHORT_WEEKDAYS[value.weekday()])
    name = language.term(*_SHORT_MONTHS[value.month - 1])
    return language.term("date", "{weekday} {day} {month}", weekday=weekday, day=value.day, month=name)


def _parts(value: date, language: Language) -> dict[str, object]:
    return {
        "weekday": language.say(_WEEKDAYS[value.weekday()]),
        "day": value.day,
        "month": language.say(_MONTHS[value.month - 1]),
        "year": value.year,
    }


def utc_offset(moment: datetime) -> str:
    """The offset from UTC of an aware local time, such as `UTC+01:00`."""
    total = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    hours, minutes = divmod(abs(total), 60)
    return f"UTC{'-' if total < 0 else '+'}{hours:02d}:{minutes:02d}" if total else "UTC"


def zone(span: Span) -> str:
    """The zone by name and offset, such as `Europe/Paris, UTC+01:00`; empty for all-day events."""
    local = span.local(span.start)
    if not isinstance(local, datetime):
        return ""
    offset = utc_offset(local)
    return offset if span.timezone == offset else f"{span.timezone}, {offset}"


def elsewhere(span: Span, zone_name: str, language: Language = ENGLISH) -> str:
    """The time of `span` on another clock, with its zone; empty for a day, or where the clocks agree."""
    if not zone_name or span.all_day:
        return ""
    there = span.model_copy(update={"timezone": zone_name})
    return "" if when(there) == when(span) else f"{when(there, language)} ({zone(there)})"


def when(span: Span, language: Language = ENGLISH) -> str:
    """The time of `span` in its own zone, without the zone's name; days where it is all-day."""
    start, end = span.local(span.start), span.local(span.end)
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = max(span.start, span.end - timedelta(days=1))
        first = day(span.start, language)
        return first if last == span.start else f"{first} – {day(last, language)}"
    first = moment(start, language)
    if start == end:
        return first
    if start.date() == end.date():
        return f"{first} – {end:%H:%M}"
    return f"{first} – {moment(end, language)}"


def moment(value: datetime, language: Language = ENGLISH) -> str:
    """A day and the time on the clock, such as `Tuesday, 3 March 2026, 19:05`."""
    return language.term("date and time", "{day}, {time}", day=day(value, language), time=f"{value:%H:%M}")


def _until(text: str, span: Span, language: Language) -> str:
    if "T" not in text:
        return day(datetime.strptime(text, "%Y%m%d").date(), language)  # noqa: DTZ007 -- a day, not a moment
    moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return day(moment.astimezone(span.zone), language)


def _ordinal(number: str, weekday: int, language: Language) -> str:
    """The first Monday, and the like."""
    kind = ("Saturday", "Sunday")[weekday - 5] if weekday > 4 else "Monday to Friday"
    name = language.say(_WEEKDAYS[weekday])
    return language.term(*_ORDINALS[number, kind], weekday=name)


def _on(parts: dict[str, str], language: Language) -> list[str]:
    """The days of a rule, each in words."""
    names: list[str] = []
    for code in filter(None, parts.get("BYDAY", "").split(",")):
        number, weekday = code[:-2].lstrip("+"), _DAYS.index(code[-2:])
        names.append(_ordinal(number, weekday, language) if number else language.say(_WEEKDAYS[weekday]))
    numbers = filter(None, parts.get("BYMONTHDAY", "").split(","))
    return names + [
        language.say("the last day") if number == "-1" else language.say("day {number}", number=number)
        for number in numbers
    ]


def listed(names: Sequence[str], language: Language = ENGLISH) -> str:
    """Names one after the other, such as `Monday, Tuesday and Friday`."""
    if len(names) < 2:
        return "".join(names)
    these = language.term("between the names of a list", ", ").join(names[:-1])
    return language.term("list", "{these} and {last}", these=these, last=names[-1])


def _every(unit: str, n: int, language: Language) -> str:
    match unit:
        case "DAILY":
            return language.some("every day", "every {n} days", n)
        case "WEEKLY":
            return language.some("every week", "every {n} weeks", n)
        case "MONTHLY":
            return language.some("every month", "every {n} months", n)
        case "YEARLY":
            return language.some("every year", "every {n} years", n)
    raise ValueError(unit)


def recurrence(rule: str, span: Span, language: Language = ENGLISH) -> str:
    """An RRULE value in words, such as `every 2 weeks on Monday, 10 times`; empty for none.

    Rules that take more than a sentence are only said to repeat.
    """
    if not rule:
        return ""
    parts = dict(piece.split("=", 1) for piece in rule.split(";") if "=" in piece)
    hard = {"BYSETPOS", "BYWEEKNO", "BYYEARDAY", "BYMONTH"} & parts.keys()
    try:
        text = _every(parts["FREQ"], int(parts.get("INTERVAL", "1")), language)
        if not hard and (days := _on(parts, language)):
            text = language.term("recurrence", "{every} on {days}", every=text, days=listed(days, language))
        if parts.get("UNTIL"):
            until = _until(parts["UNTIL"], span, language)
            text = language.term("recurrence", "{every}, until {day}", every=text, day=until)
        if times := int(parts.get("COUNT", "0")):
            text = language.some("{every}, once", "{every}, {n} times", times, every=text)
    except (KeyError, ValueError):
        return language.say("repeatedly; see the calendar")
    return language.say("{every} (see the calendar for the exact days)", every=text) if hard else text
