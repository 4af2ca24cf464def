"""Dates and spans in words: “June 5”, “next Friday”, “the last week of May”, “in two weeks”."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from engine.model.searching import CONTESTS, GENERIC, Window
from engine.search import holidays, windows
from engine.search.calendar_dates import CalendarReader, Dates
from engine.search.lexicon import (
    MONTHS,
    NUMBERS,
    ORDINALS,
    SEASONS,
    STOP,
    TIME,
    UNITS,
    WEEKDAYS,
)
from engine.search.tokens import Token
from engine.search.windows import DAY

_FAR = 1_000
_LEADS = frozenset({"on", "in", "during", "for", "over", "within"})
_THIS = frozenset({"this", "coming", "current"})
_PAST = frozenset({"last", "previous", "past"})


class DateReader(CalendarReader):
    """Reads dates relative to `now`, which is aware and in the zone that decides which day “today” is."""

    def __init__(self, tokens: Sequence[Token], now: datetime) -> None:
        super().__init__(tokens, now)
        self._rules: tuple[Callable[[int], Dates | None], ...] = (
            self._iso,
            self._named_day,
            self._holiday,
            self._rest_of,
            self._nth_of,
            self._relative_unit,
            self._counted,
            self._week_of,
            self._part_of_month,
            self._month_first,
            self._day_first,
            self._weekday,
            self._weekend,
            self._quarter,
            self._season,
            self._year,
        )

    def at(self, i: int) -> Dates | None:
        """The span that starts at token `i`, with words such as “on” or “in” before it, or None."""
        skip = 0
        while skip < 2 and self._word(i + skip) in _LEADS | {"the"} and not self._counted(i + skip):
            skip += 1
        for lead in range(skip, -1, -1):
            for rule in self._rules:
                try:
                    found = rule(i + lead)
                except (ValueError, OverflowError):
                    continue
                if found and self._speaks(found, i, lead):
                    return Dates(found.length + lead, found.window, found.bare)
        return None

    def _speaks(self, found: Dates, i: int, lead: int) -> bool:
        """True for a season or holiday meant as a time: “in spring”, not “spring concert” nor “Christmas carols”."""
        word, after = self._word(i + lead), self._word(i + found.length + lead)
        if found.length == 1 and word in holidays.SINGLE:
            return not after or after in STOP | GENERIC | TIME or self._token(i + found.length + lead) is None
        return lead > 0 or self._word(i) not in SEASONS or self._number(i + 1, 1970, 2200) is not None

    def _named_day(self, i: int) -> Dates | None:
        for words, ahead in (
            (("day", "after", "tomorrow"), 2),
            (("day", "before", "yesterday"), -2),
            (("today",), 0),
            (("tonight",), 0),
            (("tomorrow",), 1),
            (("yesterday",), -1),
        ):
            if all(self._word(i + n) == word for n, word in enumerate(words)):
                return Dates(len(words), windows.days(self._today + ahead * DAY))
        return None

    def _holiday(self, i: int) -> Dates | None:
        """“Memorial Day”, “Easter Monday 2028”, “Labor Day weekend”."""
        if self._word(i) not in holidays.BEGINNINGS:
            return None
        found = holidays.named(tuple(self._word(i + n) for n in range(holidays.LONGEST)))
        if found is None or (
            self._word(i + 1) == "day" and self._word(i) in MONTHS and self._contests(i + 2)
        ):
            return None
        length, rule = found
        weekend = self._word(i + length) == "weekend"
        year = self._year_after(i + length + weekend)
        day = rule(year) if year else holidays.coming(rule, self._today)
        window = windows.days(*holidays.long_weekend(day)) if weekend else windows.days(day)
        return Dates(length + weekend + (year is not None), window)

    def _contests(self, i: int) -> bool:
        return self._word(i) in CONTESTS

    def _rest_of(self, i: int) -> Dates | None:
        """“the rest of the week”, “the remainder of May”: from today on."""
        if self._word(i) not in {"rest", "remainder"} or self._word(i + 1) != "of":
            return None
        skip = 3 if self._word(i + 2) == "the" else 2
        window = self._relative(0, self._word(i + skip), coming=False)
        found = Dates(1, window) if window else self.at(i + 2 if skip == 2 else i + skip)
        if found is None or found.window.end is None:
            return None
        return Dates(skip + found.length, Window(start=windows.midnight(self._today), end=found.window.end))

    def _ahead(self, i: int) -> int | None:
        """0 for “this”, 1 for “next”, -1 for “last”."""
        word = self._word(i)
        if word in _THIS:
            return 0
        return 1 if word == "next" else -1 if word in _PAST else None

    def _relative_unit(self, i: int) -> Dates | None:
        """“this weekend”, “next Friday”, “last month”, “next May”."""
        ahead, what = self._ahead(i), self._word(i + 1)
        if ahead is None:
            return None
        window = self._relative(ahead, what, coming=self._word(i) == "coming")
        return Dates(2, window) if window else None

    def _relative(self, ahead: int, what: str, *, coming: bool) -> Window | None:
        today = self._today
        match what:
            case "week":
                return windows.week(today, ahead)
            case "weekend":
                return windows.weekend(today, ahead)
            case "month":
                return windows.months(today.year, today.month + ahead)
            case "quarter":
                return windows.months(today.year, (today.month - 1) // 3 * 3 + 1 + 3 * ahead, 3)
            case "year":
                return windows.year(today.year + ahead)
        if what in WEEKDAYS:
            return windows.days(self._relative_weekday(ahead, WEEKDAYS[what]))
        if what in MONTHS:
            return self._relative_months(ahead, MONTHS[what], 1)
        return self._relative_months(ahead, SEASONS[what], 3) if what in SEASONS else None

    def _relative_weekday(self, ahead: int, weekday: int) -> date:
        """“this Friday” is the coming one, “next Friday” that of next week, “last Friday” the one before today."""
        if ahead == 0:
            return windows.coming(self._today, weekday)
        if ahead > 0:
            return windows.in_week(self._today, weekday, 1)
        return windows.coming(self._today - 7 * DAY, weekday)

    def _relative_months(self, ahead: int, month: int, count: int) -> Window:
        if ahead < 0:
            return windows.months(self._today.year - (month >= self._today.month), month, count)
        year = windows.year_of(self._today, month + count - 1 if month + count - 1 <= 12 else month)
        return windows.months(year + (ahead > 0 and month == self._today.month), month, count)

    def _counted(self, i: int) -> Dates | None:
        """“in two weeks”, “within 3 days”, “the next 10 days”, “last two months”, “3 days from now”."""
        lead = self._word(i)
        skip = 1 if lead in {"in", "within", "next", "last", "past", "coming"} else 0
        if skip and self._word(i + 1) == "the":
            skip += 1
        if skip == 2 and self._word(i + 2) in {"next", "last", "past", "coming"}:
            lead, skip = self._word(i + 2), 3
        number, used = self._count(i + skip)
        unit = UNITS.get(self._word(i + skip + used), "")
        if number is None or not unit:
            return None
        length = skip + used + 1
        if not skip:
            return self._from_now(i + length, length, number, unit)
        if lead == "in":
            return Dates(length, self._after(number, unit))
        return Dates(length, self._within(number, unit, back=lead in {"last", "past"}))

    def _from_now(self, i: int, length: int, number: int, unit: str) -> Dates | None:
        two = (self._word(i), self._word(i + 1))
        if two in {("from", "now"), ("from", "today")}:
            return Dates(length + 2, self._after(number, unit))
        return Dates(length + 1, self._after(-number, unit)) if two[0] == "ago" else None

    def _count(self, i: int) -> tuple[int | None, int]:
        """A number in digits or words, and how many tokens it takes: “a couple of” takes three."""
        if self._word(i) == "a" and self._word(i + 1) in {"couple", "few"}:
            i, more = i + 1, 1
        else:
            more = 0
        word = self._word(i)
        number = NUMBERS.get(word) if word in NUMBERS else self._number(i, 1, _FAR)
        return number, 1 + more + (self._word(i + 1) == "of")

    def _after(self, number: int, unit: str) -> Window:
        """The hour, day, week, month or year that lies `number` units ahead."""
        match unit:
            case "minute" | "hour":
                there = self._now.astimezone(UTC) + number * timedelta(**{f"{unit}s": 1})
                return Window(start=there - timedelta(minutes=30), end=there + timedelta(minutes=90))
            case "day":
                return windows.days(self._today + number * DAY)
            case "week" | "fortnight":
                return windows.week(self._today, number * (2 if unit == "fortnight" else 1))
            case "month":
                return windows.months(self._today.year, self._today.month + number)
        return windows.year(self._today.year + number)

    def _within(self, number: int, unit: str, *, back: bool) -> Window:
        """From now until `number` units later, to the end of that day; with `back`, the same into the past."""
        if unit in {"minute", "hour"}:
            now, length = self._now.astimezone(UTC), number * timedelta(**{f"{unit}s": 1})
            return Window(start=now - length, end=now) if back else Window(start=now, end=now + length)
        count = number * {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}[unit]
        if back:
            return windows.days(self._today - count * DAY, count)
        return windows.days(self._today, count + 1)

    def _nth_of(self, i: int) -> Dates | None:
        """“first weekend of May”, “last Friday in June 2027”, “the second week of next month”."""
        number, what = ORDINALS.get(self._word(i)), self._word(i + 1)
        if number is None or self._word(i + 2) not in {"of", "in"}:
            return None
        month = self.at(i + 3)
        if month is None or month.window.start is None or month.bare:
            return None
        window = self._nth(month.window, what, number)
        return Dates(3 + month.length, window) if window else None

    @staticmethod
    def _nth(month: Window, what: str, number: int) -> Window | None:
        if what in WEEKDAYS:
            day = windows.nth(month, WEEKDAYS[what], number)
            return windows.days(day) if day else None
        if what == "weekend":
            day = windows.nth(month, 5, number)
            return windows.days(day, 2) if day else None
        if what != "week" or month.start is None or month.end is None:
            return None
        first = month.start.date() + 7 * (number - 1) * DAY if number > 0 else month.end.date() - 7 * DAY
        return windows.days(first, 7)

    def _week_of(self, i: int) -> Dates | None:
        """“week of May 10”, “weekend of June 5”."""
        what = self._word(i)
        if what not in {"week", "weekend"} or self._word(i + 1) != "of":
            return None
        found = self.at(i + 2)
        if found is None or found.window.start is None:
            return None
        day = found.window.start.date()
        window = windows.week(day) if what == "week" else windows.weekend(day)
        return Dates(2 + found.length, window)

    def _part_of_month(self, i: int) -> Dates | None:
        """“early May”, “end of June”, “mid July”."""
        part = {"early": "early", "beginning": "early", "start": "early", "mid": "middle", "middle": "middle",
                "late": "late", "end": "late"}.get(self._word(i))  # fmt: skip
        skip = 1
        if self._word(i + 1) == "half" and self._word(i) in {"first", "second"}:
            part, skip = f"{self._word(i)} half", 2
        if part is None:
            return None
        while skip < 4 and self._word(i + skip) in {"of", "in", "the", "-"}:
            skip += 1
        found = self._month(i + skip) or self._relative_unit(i + skip)
        return Dates(skip + found.length, windows.part_of(found.window, part)) if found else None

    def _weekday(self, i: int) -> Dates | None:
        """“Friday”: the coming one, or every one if another span limits them; “Friday, June 5” is that day."""
        weekday = WEEKDAYS.get(self._word(i))
        if weekday is None:
            return None
        for rule in (self._month_first, self._day_first, self._iso, self._holiday):
            for skip in (1, 2):
                found = rule(i + skip) if skip == 1 or self._word(i + 1) in {"the", "of"} else None
                if found and _one_day(found.window):
                    return Dates(skip + found.length, found.window)
        return Dates(1, windows.days(windows.coming(self._today, weekday)), bare=frozenset({weekday}))

    def _weekend(self, i: int) -> Dates | None:
        if (self._word(i + 1), self._word(i + 2)) == ("after", "next") and self._word(i) in {
            "week",
            "weekend",
        }:
            there = windows.week if self._word(i) == "week" else windows.weekend
            return Dates(3, there(self._today, 2))
        if self._word(i) != "weekend":
            return None
        bare = frozenset[int]() if self._word(i - 1) == "the" else frozenset({5, 6})
        return Dates(1, windows.weekend(self._today), bare=bare)

    def _quarter(self, i: int) -> Dates | None:
        """“Q3”, “Q3 2027”, “third quarter”."""
        text, length = self._word(i), 1
        if text in ORDINALS and self._word(i + 1) == "quarter":
            text, length = f"q{ORDINALS[text]}", 2
        if text not in {"q1", "q2", "q3", "q4"}:
            return None
        first = 3 * int(text[1]) - 2
        year = self._year_after(i + length)
        window = windows.months(year or windows.year_of(self._today, first + 2), first, 3)
        return Dates(length + (year is not None), window)

    def _season(self, i: int) -> Dates | None:
        month = SEASONS.get(self._word(i))
        if month is None:
            return None
        of = self._word(i + 1) == "of"
        year = self._year_after(i + 1 + of)
        window = windows.months(year, month, 3) if year else self._relative_months(0, month, 3)
        return Dates(1 + (of + 1 if year else 0), window)

    def _year(self, i: int) -> Dates | None:
        year = self._year_after(i)
        return Dates(1, windows.year(year)) if year else None


def _one_day(window: Window) -> bool:
    return bool(window.start and window.end and window.end - window.start == DAY)
