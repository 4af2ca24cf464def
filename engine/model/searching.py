"""What a search looks for beyond the plain filters, and how its words were read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from pydantic import Field

from engine.model.base import Value
from engine.model.events import Event
from engine.model.times import Span

CONTESTS = frozenset({"game", "games", "match", "matches", "fixture", "fixtures"})
"""What events with two sides are called."""
GENERIC = CONTESTS | {"event", "events", "appointment", "appointments"}
"""What events are called without being told apart by it."""

Expansion = Callable[[Event, datetime, datetime, int], list[Span]]
"""The instances of an event between two moments, at most that many (engine.itip.recurrence.instances)."""


class Window(Value):
    """A span of time; `end` is exclusive. Without a zone it is local time, with one a pair of moments."""

    start: datetime | None = None
    end: datetime | None = None

    @property
    def local(self) -> bool:
        """True if the span is local time."""
        return all(end is None or end.tzinfo is None for end in (self.start, self.end))

    @property
    def empty(self) -> bool:
        """True if it bounds nothing."""
        return self.start is not None and self.end is not None and self.start >= self.end


class EventWords(Value):
    """The words of a query, by the field they describe; all must match."""

    plain: tuple[str, ...] = ()
    rivals: tuple[str, ...] = Field((), description="words after “against”")
    place: tuple[str, ...] = Field((), description="words after “at” or “in”")
    phrases: tuple[str, ...] = Field((), description="what was put in quotes: words that follow each other")
    generic: tuple[str, ...] = Field((), description="“games”, “events” where nothing else was said")
    either: tuple[tuple[str, ...], ...] = Field((), description="names of which one fits: “Owls or Foxes”")
    alike: tuple[tuple[str, ...], ...] = Field((), description="for each word those that mean the same")
    loose: tuple[str, ...] = Field(
        (), description="small talk: looked for only if an event has it beside the rest"
    )
    contest: bool = Field(False, description="games are asked for: events with two sides, if any fit")
    side: Literal["", "home", "away"] = Field("", description="where the team named plays")
    without: EventWords | None = Field(None, description="words of events that are left out")


class Wanted(Value):
    """The times and words that a query asks for.

    `spans`: any of them. `days`: weekdays, Monday is 0. `hours`: minutes after midnight, from and to.
    `zone`: whose clock; None: that of each event. `asked`: when the first page was
    asked for; needed where there is a zone.
    """

    words: EventWords = EventWords()
    spans: tuple[Window, ...] = ()
    days: frozenset[int] = frozenset()
    hours: tuple[tuple[int, int], ...] = ()
    zone: str | None = None
    asked: datetime | None = None


class WordsRead(Value):
    """How the words of a query were read."""

    words: tuple[str, ...] = Field((), description="what was looked for, with the part it was looked for in")
    corrections: Mapping[str, str] = Field(default_factory=dict, description="what was read for a slip")
    unknown: tuple[str, ...] = Field((), description="words that no event has")
    left_out: tuple[str, ...] = ()
    partial: bool = Field(False, description="too many endless series to look at all of them")
