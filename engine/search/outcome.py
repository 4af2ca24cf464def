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
    `outside`, `without`: spans and words that are left out. `unheeded`: what should be and cannot.
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
    outside: tuple[Window, ...] = ()
    without: EventWords | None = None
    unheeded: list[str] = field(default_factory=list)

    @property
    def spans(self) -> tuple[Window, ...]:
        """The spans to search, cut to the bounds; a span that ends before it starts is empty."""
        said = self.spans_said
        return () if said == (EVER,) and not self.outside else self.cut(said)

    @property
    def spans_said(self) -> tuple[Window, ...]:
        """The spans that are asked for, before any is left out."""
        return tuple(windows.both(one, self.bound, self.zone) for one in self.windows) or (self.bound,)

    def cut(self, spans: tuple[Window, ...]) -> tuple[Window, ...]:
        """Spans without what is left out; if nothing remains, an empty one."""
        for out in self.outside:
            spans = tuple(piece for span in spans for piece in windows.outside(span, out, self.zone))
            if not spans:
                return (Window(start=out.start or out.end, end=out.start or out.end),)
        return spans
