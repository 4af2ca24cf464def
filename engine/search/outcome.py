"""What a query was read as: spans, days, hours and words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import tzinfo

from engine.model.events import EventStatus
from engine.model.searching import EventWords, Window
from engine.search import windows
from engine.search.lexicon import Minutes

EVER = Window()


@dataclass
class Reading:
    """What a query was read as; windows are local times without a zone, or moments in UTC.

    `order`: only this many first or last events. `coming`: only events that are not over.
    `clock`: the IANA zone of the times, if the query names one.
    `zone`: the zone in which moments are compared with local times.
    """

    zone: tzinfo | None = None
    windows: list[Window] = field(default_factory=list)
    bound: Window = EVER
    days: set[int] = field(default_factory=set)
    hours: list[Minutes] = field(default_factory=list)
    words: EventWords = field(default_factory=EventWords)
    status: EventStatus | None = None
    order: tuple[str, int] | None = None
    coming: bool = False
    clock: str | None = None

    @property
    def spans(self) -> tuple[Window, ...]:
        """The spans to search, cut to the bounds; a span that ends before it starts is empty."""
        if self.windows:
            return tuple(windows.both(one, self.bound, self.zone) for one in self.windows)
        return (self.bound,) if self.bound != EVER else ()
