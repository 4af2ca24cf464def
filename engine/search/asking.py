"""Searches for events: from a query in a person's words to a page of events and how the query was understood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.itip import zones
from engine.model.base import Value
from engine.model.cursors import forged, opened
from engine.model.events import EventStatus
from engine.model.queries import EventPage, EventQuery
from engine.model.searching import Wanted, Window, WordsRead
from engine.refusals import Code, Refused
from engine.search import grammar, names, windows
from engine.search.outcome import EVER, Reading
from engine.search.slips import corrected, slips
from engine.search.tokens import QUERY_MAX
from engine.store.protocol import Searching

_LAST_PAGES = 10
"""How many pages are read to find “the last one”."""

_WITHOUT_WORDS = Wanted()

_FAR = int(datetime(2200, 1, 1, tzinfo=UTC).timestamp())


class Understood(Value):
    """How a query was understood; `zone` None: times of day are in each event's own zone.

    `within`: the bounds that arguments set. `unheeded`: what cannot be left out, so that nothing is found.
    """

    within: tuple[Window, ...] = ()
    spans: tuple[Window, ...] = ()
    days: frozenset[int] = frozenset()
    hours: tuple[tuple[int, int], ...] = ()
    zone: str | None = None
    status: EventStatus | None = None
    words: WordsRead = WordsRead()
    unheeded: tuple[str, ...] = ()

    def utc(self, span: Window) -> Window | None:
        """A span in UTC; None if times are in each event's own zone."""
        if not span.local:
            return span
        return _placed(span, self.zone) if self.zone else None


@dataclass(frozen=True)
class Found(EventPage):
    """A page of events, and how the query was understood."""

    understood: Understood = field(default_factory=Understood)


async def find(store: Searching, query: EventQuery, now: datetime, timezone: str | None = None) -> Found:
    """Find the events that a query in words asks for.

    `timezone`: the caller's IANA zone; without it, times of day are in each event's own zone. Filters of `query`
    override what its words say. Raises Refused: UNKNOWN_TIMEZONE, INVALID_CURSOR.
    """
    zone = zones.require(timezone) if timezone else None
    asked = _asked(query.cursor) or now.replace(microsecond=0)
    within = _within(query)
    if not query.query.strip():
        return await _without_words(store, _on_clock(query, zone), zone, within)
    read, meant = await _read(store, query, asked.astimezone(ZoneInfo(zone)) if zone else asked.astimezone())
    if read.clock and read.clock != zone:
        zone = read.clock
        read, _ = await _read(store, query, asked.astimezone(ZoneInfo(zone)))
    query = _on_clock(query, zone)
    spans = _besides(read) if query.after or query.before else _spans(read, asked, zone)
    days, hours = frozenset(read.days), tuple(dict.fromkeys(read.hours))
    wanted = Wanted(words=read.words, spans=spans, days=days, hours=hours, zone=zone, asked=asked)
    # Who asks for the next one asks for one that takes place.
    status = query.status or read.status or (EventStatus.CONFIRMED if read.order else None)
    if read.unheeded:
        page = EventPage(events=(), read=WordsRead(unknown=tuple(read.unheeded)))
    else:
        page = await _ordered(store, query.model_copy(update={"wanted": wanted, "status": status}), read)
    if meant:
        corrections = {**meant, **page.read.corrections}
        page = replace(page, read=page.read.model_copy(update={"corrections": corrections}))
    understood = Understood(
        within=within,
        spans=spans,
        days=days,
        hours=hours,
        zone=zone,
        status=status,
        words=page.read,
        unheeded=tuple(read.unheeded),
    )
    return _found(page, understood)


def _within(query: EventQuery) -> tuple[Window, ...]:
    """The bounds that arguments set, apart where only one of them has a zone."""
    ends = [Window(start=query.after), Window(end=query.before)]
    whole = Window(start=query.after, end=query.before)
    mixed = query.after and query.before and (query.after.tzinfo is None) is not (query.before.tzinfo is None)
    return tuple(ends) if mixed else (whole,) if whole != EVER else ()


def _on_clock(query: EventQuery, zone: str | None) -> EventQuery:
    """The query with bounds without a zone on the caller's clock, if that is known; else they are on each event's."""
    given = Window(start=query.after, end=query.before)
    if zone is None or given == EVER:
        return query
    after, before = (
        _moment(end, zone) if end and end.tzinfo is None else end for end in (given.start, given.end)
    )
    return query.model_copy(update={"after": after, "before": before})


async def _without_words(
    store: Searching, query: EventQuery, zone: str | None, within: tuple[Window, ...]
) -> Found:
    """Find events by filters only: there are no words to read, and no “today” that further pages must keep."""
    page = await store.search(query.model_copy(update={"wanted": _WITHOUT_WORDS}))
    return _found(page, _without_reading(zone, query.status, within, partial=page.read.partial))


@lru_cache(maxsize=64)
def _without_reading(
    zone: str | None, status: EventStatus | None, within: tuple[Window, ...], *, partial: bool
) -> Understood:
    """How a query without words is understood; cached, since it depends only on the filters."""
    return Understood(within=within, zone=zone, status=status, words=WordsRead(partial=partial))


def _found(page: EventPage, understood: Understood) -> Found:
    return Found(
        events=page.events,
        next_cursor=page.next_cursor,
        search_cursor=page.search_cursor,
        occasions=page.occasions,
        read=page.read,
        understood=understood,
    )


def _besides(read: Reading) -> tuple[Window, ...]:
    """All time without the spans that are left out, where arguments say which time is searched."""
    return read.cut((EVER,)) if read.outside else ()


def _spans(read: Reading, asked: datetime, zone: str | None) -> tuple[Window, ...]:
    """The spans to search; for “the next one”, only what is still to come."""
    if not read.coming:
        return read.spans
    ahead = Window(start=asked.astimezone(UTC))
    clock = ZoneInfo(zone) if zone else asked.tzinfo
    return tuple(windows.both(span, ahead, clock) for span in read.spans) or (ahead,)


async def _ordered(store: Searching, query: EventQuery, read: Reading) -> EventPage:
    """A page of events; for “the first two” or “the last one”, only these."""
    if read.order is None:
        return await store.search(query)
    which, count = read.order
    count = min(count, query.limit)
    if which == "first":
        return replace(await store.search(query.model_copy(update={"limit": count})), next_cursor=None)
    return await _last(store, query, count)


async def _last(store: Searching, query: EventQuery, count: int) -> EventPage:
    """The last of the first thousand matching events."""
    page = await store.search(query.model_copy(update={"limit": 100}))
    events, occasions = page.events, page.occasions
    for _ in range(_LAST_PAGES - 1):
        if page.next_cursor is None:
            break
        page = await store.search(query.model_copy(update={"limit": 100, "cursor": page.next_cursor}))
        events, occasions = (*events, *page.events)[-100:], (*occasions, *page.occasions)[-100:]
    return replace(
        page,
        events=events[-count:],
        occasions=occasions[-count:],
        next_cursor=None,
        search_cursor=page.search_cursor if len(events) <= count else None,
        read=page.read,
    )


async def _read(store: Searching, query: EventQuery, now: datetime) -> tuple[Reading, Mapping[str, str]]:
    """The reading of a query, and its corrections of misspelled words."""
    phrases = (*names.phrases(query.query), *slips(query.query))
    known = await store.names(query.organizer, phrases) if phrases else frozenset[str]()
    text, meant = corrected(query.query, known)
    if meant and (more := set(names.phrases(text)) - set(phrases)):
        known |= await store.names(query.organizer, tuple(more))
    return grammar.read(text, now, known), meant


def _asked(cursor: str | None) -> datetime | None:
    """When the first page was requested, so that “today” is the same day on every page."""
    if not cursor:
        return None
    _, _, seconds = opened(cursor, int, int, int)
    if not 0 <= int(str(seconds)) < _FAR:
        raise forged()
    return datetime.fromtimestamp(int(str(seconds)), UTC) if seconds else None


def _placed(span: Window, zone: str) -> Window:
    return Window(
        start=_moment(span.start, zone) if span.start else None,
        end=_moment(span.end, zone) if span.end else None,
    )


def _moment(local: datetime, zone: str) -> datetime:
    """Local time in UTC. Raises Refused: INVALID_TIME at the edges of the calendar."""
    try:
        return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        raise Refused(Code.INVALID_TIME, "A bound of the search is outside the calendar.") from None


__all__ = ["QUERY_MAX", "Found", "Understood", "find"]
