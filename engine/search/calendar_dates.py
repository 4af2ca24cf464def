"""Days and months of the calendar: “June 5”, “3 and 7 June”, “the 5th”, “2027-05-02”, “May 2027”."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from engine.model.searching import Window
from engine.search import windows
from engine.search.lexicon import MONTHS, ORDINALS
from engine.search.tokens import Token
from engine.search.windows import DAY


@dataclass(frozen=True, slots=True)
class Dates:
    """A span, written with `length` tokens; `bare`: only as the name of a weekday or “weekend”."""

    length: int
    window: Window
    bare: frozenset[int] = frozenset()


class CalendarReader:
    """Reads days and months as of one moment; a date without a year is the next one that is not over."""

    def __init__(self, tokens: Sequence[Token], now: datetime) -> None:
        self._tokens = tokens
        self._now = now
        self._today = now.date()

    def _token(self, i: int) -> Token | None:
        return self._tokens[i] if 0 <= i < len(self._tokens) else None

    def _word(self, i: int) -> str:
        token = self._token(i)
        return token.text if token and token.kind in {"word", "dash"} else ""

    def _number(self, i: int, least: int, most: int) -> int | None:
        """A number within bounds: digits, with or without “st”, “nd”, “rd”, “th”."""
        text = self._word(i)
        if len(text) > 2 and text[-2:] in {"st", "nd", "rd", "th"}:
            text = text[:-2]
        if not (text.isascii() and text.isdigit()) or len(text) > 4:
            return None
        return int(text) if least <= int(text) <= most else None

    def _year_after(self, i: int) -> int | None:
        text = self._word(i)
        return self._number(i, 1970, 2200) if len(text) == 4 else None

    def _iso(self, i: int) -> Dates | None:
        token = self._token(i)
        if token is None or token.kind != "iso":
            return None
        if not 1970 <= int(token.text[:4]) <= 2200:
            return None
        if len(token.text) == 7:
            year, month = map(int, token.text.split("-"))
            return Dates(1, windows.months(year, month)) if 1 <= month <= 12 else None
        return Dates(1, windows.days(date.fromisoformat(token.text)))

    def _month_first(self, i: int) -> Dates | None:
        """“June 5”, “June 5th, 2027”, “June 3 to 7”, “May 2027”, “May”."""
        month, day = MONTHS.get(self._word(i)), self._number(i + 1, 1, 31)
        if month is None:
            return None
        if day is None or self._year_after(i + 1):
            return self._month(i)
        last = self._number(i + 3, 1, 31) if self._joins(i + 2) else None
        if last is None or MONTHS.get(self._word(i + 4)):
            year = self._year_after(i + 2)
            return Dates(2 + (year is not None), windows.days(self._date(month, day, year)))
        year = self._year_after(i + 4)
        return Dates(4 + (year is not None), self._stretch(month, day, last, year))

    def _day_first(self, i: int) -> Dates | None:
        """“5 June”, “the 5th of June 2027”, “3 and 7 June”, “the 5th”."""
        day = self._number(i, 1, 31)
        if day is None and self._word(i + 1) == "of" and self._word(i) != "last":
            day = ORDINALS.get(self._word(i))
        if day is None:
            return None
        last, j = day, i + 1
        if self._joins(j) and (number := self._number(j + 1, 1, 31)) is not None:
            last, j = number, j + 2
        j += self._word(j) == "of"
        month = MONTHS.get(self._word(j))
        if month is None:
            return self._day_of_month(i, day)
        year = self._year_after(j + 1)
        return Dates(j + 1 - i + (year is not None), self._stretch(month, day, last, year))

    def _day_of_month(self, i: int, day: int) -> Dates | None:
        """“on the 5th”: of this month or the next."""
        if self._word(i).isdigit() or self._word(i - 1) not in {"the", "on"}:
            return None
        start = self._today.replace(day=1)
        month = start if day >= self._today.day else (start + 32 * DAY).replace(day=1)
        return Dates(1, windows.days(month.replace(day=day)))

    def _joins(self, i: int) -> bool:
        return self._word(i) in {"and", "to", "till", "until", "through", "thru", "-", "–", "—"}

    def _date(self, month: int, day: int, year: int | None) -> date:
        return date(year or windows.year_of(self._today, month, day), month, day)

    def _stretch(self, month: int, first: int, last: int, year: int | None) -> Window:
        start = self._date(month, first, year or windows.year_of(self._today, month, max(first, last)))
        return windows.days(start, max(1, last - first + 1))

    def _month(self, i: int) -> Dates | None:
        month = MONTHS.get(self._word(i))
        if month is None:
            return None
        year = self._year_after(i + 1)
        window = windows.months(year or windows.year_of(self._today, month), month)
        return Dates(1 + (year is not None), window)
