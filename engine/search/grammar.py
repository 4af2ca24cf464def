"""Parses a query in a person's words into spans of time, days, hours and words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, time
from functools import lru_cache

from engine.model.events import EventStatus
from engine.model.searching import CONTESTS, GENERIC, Window
from engine.search import excluding, numeric_dates, windows
from engine.search.calendar_dates import Dates
from engine.search.clocks import hours_at
from engine.search.dates import DateReader
from engine.search.lexicon import (
    CANCELLED,
    COMING,
    DAY_GROUPS,
    DAY_MINUTES,
    FLEETING,
    NIGHT,
    NUMBERS,
    PARTS,
    SEASONS,
    STOP,
    TIMELY,
    UNITS,
    WEEKDAY_PLURALS,
    WEEKDAYS,
)
from engine.search.names import named, words_of
from engine.search.other_clocks import names_clock, spoken_clock
from engine.search.outcome import EVER, Reading
from engine.search.tokens import Token, tokens
from engine.search.years import begun, since_when

_SINCE = frozenset({"after", "since", "from", "starting", "beginning"})
_UNTIL = frozenset({"before", "until", "till", "by", "through"})
_ORDER = {"first": "first", "next": "first", "last": "last", "final": "last"}
_ORDER_MAX = 100
_JOINTS = frozenset({"to", "till", "until", "through", "thru", "and", "-", "–", "—"})


def read(query: str, now: datetime, names: Collection[str] = ()) -> Reading:
    """Read a query as of `now` (aware, in the zone that decides “today”); `names`: word pairs that are not times.

    The reading is shared between callers and must not be changed.
    """
    if any(token.text in FLEETING for token in tokens(query)):
        return _Reader(tokens(query), now, frozenset(names)).read()
    return _of_the_day(query, now.date(), frozenset(names))


@lru_cache(maxsize=256)
def _of_the_day(query: str, today: date, names: frozenset[str]) -> Reading:
    return _Reader(tokens(query), datetime.combine(today, time(), UTC), names).read()


class _Reader:
    def __init__(self, pieces: Sequence[Token], now: datetime, names: frozenset[str]) -> None:
        self._tokens = pieces
        self._now = now
        self._names = names
        self._named = named(self._tokens, names)
        self._dates = DateReader(self._tokens, now)
        self._found = Reading(zone=now.tzinfo)
        self._bare: list[Dates] = []
        self._plural = self._away = False
        self._excluded: set[int] = set()
        self._ordered = ""
        self._hours_end = -1
        self._rules: tuple[Callable[[int], int], ...] = (
            self._status,
            self._aside,
            self._on_a_clock,
            self._on_the_road,
            self._now_on,
            self._this_part,
            self._weekday_range,
            self._groups,
            self._range,
            self._bounds,
            self._hours,
            self._span,
            self._numeric,
            self._opener,
            self._count,
            self._order,
        )
        self._plain: list[tuple[int, Token]] = []

    def read(self) -> Reading:
        i = 0
        while i < len(self._tokens):
            step = 0 if i in self._named else self._except(i) or self._time(i)
            if not step:
                self._plain.append((i, self._tokens[i]))
            i += step or 1
        self._settle_bare()
        if self._excluded:
            self._found.days = (self._found.days or set(range(7))) - self._excluded
        self._settle_words()
        self._settle_order()
        return self._found

    def _time(self, i: int) -> int:
        """Read a time that starts at token `i`, and return how many tokens it takes."""
        if not (_may_begin_a_time(self._tokens[i]) or self._hours_end == i or names_clock(self._tokens, i)):
            return 0
        for rule in self._rules:
            try:
                length = rule(i)
            except (ValueError, OverflowError):
                # A date outside the calendar is not a date.
                continue
            if length and not any(i + n in self._named for n in range(length)):
                return length
        return 0

    def _text(self, i: int) -> str:
        return self._tokens[i].text if i < len(self._tokens) else ""

    def _many(self, i: int) -> bool:
        """True for a plural such as “games”: “Friday games” are those of every Friday."""
        return self._text(i) in GENERIC and self._text(i).endswith("s")

    def _status(self, i: int) -> int:
        if self._text(i) not in CANCELLED:
            return 0
        self._found.status = EventStatus.CANCELLED
        return 1

    def _aside(self, i: int) -> int:
        """“since it is summer”: a reason, which is skipped."""
        skip = 1 if self._text(i) in {"since", "as", "because", "when", "now"} else 0
        if self._text(i + skip) != "it" or self._text(i + skip + 1) != "is":
            return 0
        skip += 2
        if self._text(i + skip) in SEASONS:
            return skip + 1
        found = self._dates.at(i + skip)
        return skip + found.length if found else 0

    def _on_a_clock(self, i: int) -> int:
        """“in Denver time”, “on a Tokyo clock”; after a time of day also “in London”, if no event mentions it."""
        found = spoken_clock(self._tokens, i, self._names, after_hours=self._hours_end == i)
        if found is None:
            return 0
        self._found.clock = found.zone
        return found.length

    def _on_the_road(self, i: int) -> int:
        """“on the road”, “road games” and “road trip” mean away."""
        if self._text(i) == "road" and self._text(i + 1) in {"trip", "trips"} and self._text(i + 2) == "to":
            self._away = True
            return 1
        on_it = [self._text(i + n) for n in range(3)] == ["on", "the", "road"]
        if not on_it and not (self._text(i) == "road" and self._text(i + 1) in CONTESTS | {"trip", "trips"}):
            return 0
        self._away = True
        return 3 if on_it else 1 + self._text(i + 1).startswith("trip")

    def _now_on(self, i: int) -> int:
        """“upcoming”, “future”, “from now on”; “past”, unless it is “the past week”."""
        moment = self._now.astimezone(UTC)
        if self._text(i) in COMING and not self._dates.at(i):
            self._narrow(Window(start=moment))
            return 1
        if [self._text(i + n) for n in range(3)] == ["from", "now", "on"]:
            self._narrow(Window(start=moment))
            return 3
        if self._text(i) == "past" and not self._dates.at(i):
            self._narrow(Window(end=moment))
            return 1
        return 0

    def _narrow(self, window: Window) -> None:
        self._found.bound = windows.both(self._found.bound, window, self._now.tzinfo)

    def _except(self, i: int) -> int:
        """“not on Mondays”, “except in May”, “but not against Foxes”: the last two only at the end of a query."""
        length = excluding.negation(self._tokens, i)
        if not length:
            return 0
        days, more = excluding.weekdays(self._tokens, i + length)
        if days:
            self._excluded |= days
            return length + more
        said = self._tokens[i + length :]
        out = _Reader(said, self._now, self._names).read()
        talk = excluding.of_the_asker(self._tokens, i + length)
        if talk or not excluding.leave_out(self._found, self._tokens[:i], said, out, self._excluded):
            self._found.unheeded.append(excluding.sentence(self._tokens[i:]))
        return len(self._tokens) - i

    def _this_part(self, i: int) -> int:
        """“this afternoon” is today's."""
        if self._text(i) != "this" or self._text(i + 1) not in PARTS:
            return 0
        self._found.windows.append(windows.days(self._now.date()))
        self._found.hours.append(PARTS[self._text(i + 1)])
        return 2

    def _weekday_range(self, i: int) -> int:
        """“Monday to Friday”, “Fri-Sun”: all of these days; “from Friday to Sunday” are the coming ones."""
        first, last = WEEKDAYS.get(self._text(i)), WEEKDAYS.get(self._text(i + 2))
        if first is None or last is None or self._text(i + 1) not in _JOINTS - {"and"}:
            return 0
        count = (last - first) % 7 + 1
        if i and self._text(i - 1) in {"from", "between"} and count < 5:
            return 0
        self._found.days |= {(first + n) % 7 for n in range(count)}
        return 3

    def _groups(self, i: int) -> int:
        """“weekends”, “on weekdays”, “Fridays”, “every Friday”, “on a Friday”."""
        skip = 1 if self._text(i) in {"on", "every", "each", "any", "a"} else 0
        skip += skip and self._text(i) == "on" and self._text(i + 1) in {"a", "any", "every", "each"}
        text = self._text(i + skip)
        if text in DAY_GROUPS:
            self._found.days |= DAY_GROUPS[text]
            if text.startswith("weeknight"):
                self._found.hours.append(NIGHT)
            return skip + 1
        if skip and text in {"day", "days"}:
            return skip + 1
        if text in WEEKDAY_PLURALS:
            self._found.days.add(WEEKDAY_PLURALS[text])
            return skip + 1
        found = self._dates.at(i + skip) if skip and self._text(i + skip - 1) != "on" else None
        if found and found.bare:
            self._found.days |= found.bare
            return skip + found.length
        return 0

    def _range(self, i: int) -> int:
        """“from June 3 to June 7”, “between Friday and Sunday”, “June 28 – July 4”."""
        skip = 1 if self._text(i) in {"from", "between"} else 0
        first = self._dates.at(i + skip)
        if first is None:
            return 0
        joint = i + skip + first.length
        if first.bare and skip and self._text(joint) in _JOINTS and self._text(joint + 1) in WEEKDAYS:
            return self._bare_range(i, skip, first, joint)
        if self._text(joint) not in _JOINTS or (self._text(joint) == "and" and self._text(i) != "between"):
            return 0
        last = self._dates.at(joint + 1)
        if last is None:
            return 0
        since, until = windows.alike((first.window, last.window), self._now.tzinfo)
        if since.start is None or until.end is None:
            return 0
        start = begun(self._tokens[i + skip : joint], since.start, until.end)
        self._found.windows.append(Window(start=start, end=windows.later(start, until.end)))
        return skip + first.length + 1 + last.length

    def _bare_range(self, i: int, skip: int, first: Dates, joint: int) -> int:
        """“from Friday to Sunday”: from the coming one to the one after it."""
        last = WEEKDAYS[self._text(joint + 1)]
        assert first.window.start is not None, "a weekday is a day"
        start = first.window.start.date()
        self._found.windows.append(windows.days(start, (last - start.weekday()) % 7 + 1))
        return skip + first.length + 2

    def _bounds(self, i: int) -> int:
        """“after June 5”, “before next Friday”, “since May”, “from Monday on”, “until the end of May”."""
        word, skip = self._text(i), 1
        if word not in _SINCE | _UNTIL:
            return 0
        found = self._dates.at(i + skip)
        if found is None:
            return 0
        start, end = found.window.start, found.window.end
        if word == "since" and start:
            start = begun(self._tokens[i + 1 : i + 1 + found.length], start, since_when(self._now))
        if word in _SINCE:
            self._narrow(Window(start=end if word == "after" else start))
        else:
            self._narrow(Window(end=start if word == "before" else end))
        length = skip + found.length
        return length + (word == "from" and self._text(i + length) in {"on", "onwards", "onward"})

    def _hours(self, i: int) -> int:
        found = hours_at(self._tokens, i)
        if found is None:
            return 0
        self._found.hours += [found.minutes, *([found.also] if found.also else [])]
        self._plural = self._plural or found.plural or bool(self._bare and self._many(i + found.length))
        self._hours_end = i + found.length
        return found.length

    def _span(self, i: int) -> int:
        found = self._dates.at(i)
        if found is None:
            return 0
        if self._text(i + found.length - 1) == "tonight":
            self._found.hours.append((17 * 60, DAY_MINUTES))
        if found.bare:
            self._bare.append(found)
            self._plural = self._plural or self._many(i + found.length)
        else:
            self._found.windows.append(found.window)
        return found.length

    def _numeric(self, i: int) -> int:
        """“6/5/2027”: a date in digits."""
        skip = 1 if self._text(i) in {"on", "before", "after", "since", "until", "by"} else 0
        if i + skip >= len(self._tokens) or self._tokens[i + skip].kind != "numeric":
            return 0
        day = numeric_dates.day(self._text(i + skip), self._now.date())
        if day is None:
            return 0
        window = windows.days(day)
        match self._text(i) if skip else "on":
            case "before":
                self._narrow(Window(end=window.start))
            case "after":
                self._narrow(Window(start=window.end))
            case "since":
                self._narrow(Window(start=window.start))
            case "until" | "by":
                self._narrow(Window(end=window.end))
            case _:
                self._found.windows.append(window)
        return skip + 1

    def _opener(self, i: int) -> int:
        """“opener”, “opening game”: the first one; unless an event is called so."""
        if self._text(i) == "opening" and self._text(i + 1) in {"game", "match", "day", "night", "fixture"}:
            length = 2
        elif self._text(i) in {"opener", "openers"} and "opener" not in self._names and self._names_more():
            length = 1
        else:
            return 0
        self._found.order = ("first", 1)
        return length

    def _names_more(self) -> bool:
        """True if the query names something besides “opener”, which alone is the name of an event."""
        return any(
            token.kind == "quoted" or not (token.text in STOP | TIMELY or token.text.startswith("opener"))
            for token in self._tokens
            if token.kind in {"word", "quoted"}
        )

    def _count(self, i: int) -> int:
        """“give me five games”, “two games in May”: that many from the first."""
        before = self._text(i - 1) if i else ""
        count = NUMBERS.get(self._text(i)) or _small(self._text(i))
        asked = not i or before in {"me", "list", "find", "show", "want", "see"}
        many = any(self._many(n) for n in range(i + 1, len(self._tokens)))
        if not (count and count > 1 and asked and many) or self._found.order or self._text(i + 1) in UNITS:
            return 0
        self._found.order = ("first", count)
        return 1

    def _order(self, i: int) -> int:
        """“the next three”, “first”, “last time”: how many from the beginning or the end."""
        word = self._text(i)
        if word not in _ORDER or self._found.order or self._ordered:
            return 0
        count = NUMBERS.get(self._text(i + 1)) or _small(self._text(i + 1))
        if word == "next":
            self._found.coming = True
        if count and self._text(i + 1) not in {"a", "an"}:
            self._found.order = (_ORDER[word], count)
            return 2
        self._ordered = _ORDER[word]
        return 2 if self._text(i + 1) in {"time", "one"} else 1

    def _settle_order(self) -> None:
        """Decide that “the next game” is one, and “the next games” are all upcoming ones."""
        many = any(self._many(i) for i in range(len(self._tokens)))
        if self._ordered and not many and not self._found.order:
            self._found.order = (self._ordered, 1)

    def _settle_bare(self) -> None:
        """Decide that “Friday” is every Friday if other words say when, or if the query uses a plural."""
        every = self._plural or bool(self._found.windows or self._found.days or self._found.bound != EVER)
        for found in self._bare:
            if every:
                self._found.days |= found.bare
            else:
                self._found.windows.append(found.window)

    def _settle_words(self) -> None:
        words = words_of(self._plain, self._named)
        side = "away" if self._away else ""
        changes = {"side": words.side or side, "without": self._found.without}
        self._found.words = words.model_copy(update=changes)


def _small(text: str) -> int | None:
    plain = text.isascii() and text.isdigit() and len(text) <= 3
    return int(text) if plain and 0 < int(text) <= _ORDER_MAX else None


def _may_begin_a_time(token: Token) -> bool:
    return token.kind != "word" or token.text in TIMELY or token.text[0].isdigit()
