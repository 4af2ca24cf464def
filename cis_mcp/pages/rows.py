"""Events as the rows of a page: what a visitor reads of each, made once for each revision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from engine.itip.personal import for_all
from engine.itip.recurrence import instances
from engine.mail.locale.language import ENGLISH, Language
from engine.mail.outgoing import words
from engine.model.events import Event
from engine.model.times import Span

_PREFIX_LEAST = 5
"""Characters of an event's id in a row: with fewer, an event that is added later would often be mistaken for it."""
_AHEAD = timedelta(days=2_000)
_SIDES = re.compile(r"(?<!\s)\s++(at|@|vs\.?|v\.?|versus|gegen|contre|contra)\s++", re.IGNORECASE)
_HOME_LAST = {"at", "@"}
_NAME_MAX = 60


@dataclass(frozen=True, slots=True)
class PageRow:
    """One event of a page.

    `key`: the beginning of the event's id that no other event of the page has. `before`: when it was, if its newest
    revision moved it. `over`: the moment from which on it is past; None: never. `hours`: of the clock, 12 or 24.
    `places`: how many people can have it, 0 is any number; `free`: how many of them nobody has.
    """

    uid: str
    id: str
    key: str
    title: str
    span: Span
    place: str
    text: str
    url: str
    zone: str
    recurrence: str
    before: Span | None
    hours: int
    cancelled: bool
    reason: str
    home: str
    away: str
    over: datetime | None
    sequence: int
    places: int = 0
    free: int = 0

    @property
    def full(self) -> bool:
        """True if all its places are taken."""
        return bool(self.places) and not self.free

    def with_taken(self, taken: Mapping[str, int]) -> PageRow:
        """The row as it is with so many places taken, by uid."""
        return replace(self, free=max(0, self.places - taken.get(self.uid, 0))) if self.places else self

    @property
    def day(self) -> date:
        """The day of its start in its own zone."""
        return day_of(self.span)

    @property
    def month(self) -> str:
        """The month in which it starts, as YYYY-MM."""
        return f"{self.day:%Y-%m}"

    @property
    def stamp(self) -> str:
        """Its start for `<time datetime>`: UTC, or a day."""
        start = self.span.start
        return (
            f"{start.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if isinstance(start, datetime) else start.isoformat()
        )

    @property
    def teams(self) -> tuple[str, ...]:
        """The sides that its title names."""
        return tuple(name for name in (self.home, self.away) if name)

    def past(self, now: datetime) -> bool:
        """True if it is over."""
        return self.over is not None and self.over <= now

    def time(self, language: Language = ENGLISH) -> str:
        """The time of its start on the clock of its place; empty if it lasts all day."""
        return time_of(self.span, self.hours, language)

    @property
    def searched(self) -> str:
        """What a visitor's words are looked for in, besides the day: title and place, in lower case."""
        return f"{self.title}\n{self.place}".lower()


def rows_of(
    events: Sequence[Event], now: datetime, hours: int = 24, taken: Mapping[str, int] | None = None
) -> tuple[PageRow, ...]:
    """The rows of events, in the order of when they are next; `taken`: how many places of each are, by uid."""
    keys = unique_prefixes([event.id or event.uid for event in events])
    made = [
        _row(event, key, now, hours).with_taken(taken or {})
        for event, key in zip(map(for_all, events), keys, strict=True)
    ]
    return tuple(sorted(made, key=lambda row: (row.span.start_utc, row.title, row.uid)))


def unique_prefixes(ids: Sequence[str]) -> list[str]:
    """For each id its beginning of at least five characters that no other has."""
    order = sorted(range(len(ids)), key=lambda i: ids[i])
    lengths = [_PREFIX_LEAST] * len(ids)
    for one, other in pairwise(order):
        common = _common(ids[one], ids[other]) + 1
        lengths[one], lengths[other] = max(lengths[one], common), max(lengths[other], common)
    return [text[:length] for text, length in zip(ids, lengths, strict=True)]


def _common(one: str, other: str) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _row(event: Event, key: str, now: datetime, hours: int) -> PageRow:
    span = _next(event, now)
    home, away = sides(event.summary)
    return PageRow(
        uid=event.uid,
        id=event.id,
        key=key,
        title=event.summary,
        span=span,
        place=event.location,
        text=event.description,
        url=event.url,
        zone=zone_name(span),
        recurrence=event.recurrence,
        before=_before(event),
        hours=hours,
        cancelled=event.cancelled,
        reason=event.cancel_reason,
        home=home,
        away=away,
        over=event.ends_at,
        sequence=event.sequence,
        places=event.places,
    )


def _next(event: Event, now: datetime) -> Span:
    """When the event is next: of one that recurs, its first instance that is not over."""
    if not event.recurring:
        return event.span
    found = instances(event, now, now + _AHEAD, 1)
    return found[0] if found else event.span


def _before(event: Event) -> Span | None:
    """When an event that moved with its newest revision was before."""
    before = next((e for e in event.earlier if e.recurrence_id is None and not e.cancelled), None)
    if before is None or event.cancelled or before.span.start == event.span.start:
        return None
    return before.span


def day_of(span: Span) -> date:
    """The day of the start of `span` in its own zone."""
    start = span.local(span.start)
    return start.date() if isinstance(start, datetime) else start


def time_of(span: Span, hours: int, language: Language = ENGLISH) -> str:
    """The time of the start on the clock of its place, as 19:05 or as 7:05 pm; empty if it lasts all day."""
    start = span.local(span.start)
    if not isinstance(start, datetime):
        return ""
    if hours == 24:
        return f"{start:%H:%M}"
    clock = f"{(start.hour - 1) % 12 + 1}:{start:%M}"
    if start.hour < 12:
        return language.term("time of day", "{clock} am", clock=clock)
    return language.term("time of day", "{clock} pm", clock=clock)


def zone_name(span: Span) -> str:
    """The zone at the start by its short name where it has one, else by its offset: `EDT`, `UTC+05:30`."""
    start = span.local(span.start)
    if not isinstance(start, datetime):
        return ""
    name = start.tzname() or ""
    return name if name.isalpha() else words.utc_offset(start)


def sides(title: str) -> tuple[str, str]:
    """Home and away of a title such as “Owls at Foxes” or “Foxes vs. Owls”; empty if it names no two."""
    pieces = _SIDES.split(title, maxsplit=1)
    if len(pieces) != 3 or len(title) > 2 * _NAME_MAX:
        return "", ""
    first, word, second = pieces[0].strip(), pieces[1].lower(), pieces[2].strip()
    return (second, first) if word in _HOME_LAST else (first, second)
