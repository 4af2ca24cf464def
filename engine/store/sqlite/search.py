"""Finds events by words and times, in order of their start, a page at a time."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from engine.model import cursors
from engine.model.events import Event
from engine.model.queries import EventPage, EventQuery
from engine.model.searching import EventWords, Expansion, Wanted, WordsRead
from engine.model.times import Span
from engine.refusals import Refused
from engine.store.sqlite import instances, rows
from engine.store.sqlite.clauses import LONGEST, times
from engine.store.sqlite.search_index import terms
from engine.store.sqlite.search_terms import TermReader, placed

_LED_MAX = 2_000
"""The most events with the words that are examined one by one; if there are more, the times are searched first."""

_SET_MAX = 25_000
"""The most events with the words whose ids are listed; if there are more, each event is matched separately."""

_SOON_MAX = 2_000
_LITTLE = (
    "SELECT coalesce((SELECT max(id) FROM findable), 0) <= ? "
    "AND NOT EXISTS (SELECT 1 FROM findable WHERE kept_until IS NOT NULL) AS little"
)
"""The condition that there are few events and no series to expand."""

_PEOPLE = (
    "EXISTS (SELECT 1 FROM findable f JOIN tally t ON t.scope = 'event' AND t.key = f.uid "
    "AND t.name = 'attendees' AND t.n > 0 WHERE f.id = {})"
)
"""The condition that someone is invited to an event."""

_SERIES = "EXISTS (SELECT 1 FROM findable INDEXED BY findable_endless WHERE kept_until IS NOT NULL) AS series"
"""True if any series has instances that are not stored; found once for all rows."""

_ENDLESS_MAX = 500
_NOBODY = -1


class Hit(NamedTuple):
    """A matching occasion; hits sort by start, then by event."""

    starts: int
    doc: int
    ends: int
    local: int
    minute: int | None


class _Source(NamedTuple):
    """A table of occasions `o`, and the condition on them."""

    table: str
    condition: str
    values: list[object]


class Search(TermReader):
    """The part of the questions that finds events.

    `expand` lists instances that are not stored. `little`: there are so few events that those with the words
    need not be counted first.
    """

    expand: Expansion | None = None
    little = False

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        owner = await self._owner(organizer)
        return frozenset() if owner == _NOBODY else await self.named(owner, phrases)

    async def search(self, query: EventQuery) -> EventPage:
        """Events in order of their start; all words must match, and a series is found once, by its first
        matching instance. Of endless series with instances far ahead, the first 500 are examined."""
        cursor = _opened(query.cursor) if query.cursor else None
        owner = await self._owner(query.organizer)
        wanted = query.wanted or Wanted(words=EventWords(plain=tuple(dict.fromkeys(terms(query.query)))))
        if owner == _NOBODY or (query.wanted is None and query.query.strip() and not wanted.words.plain):
            return EventPage(events=())
        wording = await self.wording(wanted.words, owner)
        nowhere = query.location and not terms(query.location)
        if nowhere or wording.hopeless or (wanted.spans and all(span.empty for span in wanted.spans)):
            return EventPage(events=(), read=wording.read)
        look = _Look(self, query, owner, placed(wording.match, query.location, owner), cursor)
        hits = await look.hits()
        read = wording.read.model_copy(update={"partial": True}) if look.partial else wording.read
        return _page(query, hits, look.bodies, read)

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        """The uids on the page of a search, in its order. Raises Refused(INVALID_CURSOR)."""
        try:
            docs, digest = cursors.opened(search_cursor, str, str, longest=cursors.LISTED_MAX)
        except Refused:
            raise _unknown_listing() from None
        # As text: an overlong number equals none of ours, and the digest refuses it.
        found = await self.all(
            "SELECT id, uid FROM findable WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
            [json.dumps(str(docs).split(" "))],
        )
        uids = {str(row["id"]): row["uid"] for row in found}
        listed = tuple(uids[doc] for doc in str(docs).split(" ") if doc in uids)
        if _digest(listed) != digest:
            raise _unknown_listing()
        return listed

    async def searched_soon(self) -> bool:
        """True if there is so little to search that it takes no noticeable time."""
        row = await self.one(_LITTLE, [_SOON_MAX])
        return bool(row and row["little"])

    async def _owner(self, organizer: str | None) -> int | None:
        if organizer is None:
            return None
        row = await self.one("SELECT id FROM search_owner WHERE address = ?", [organizer])
        return int(row["id"]) if row else _NOBODY


def _page(
    query: EventQuery, hits: Sequence[Hit], bodies: Mapping[int, sqlite3.Row], read: WordsRead
) -> EventPage:
    asked = query.wanted.asked if query.wanted else None
    texts = tuple(bodies[hit.doc]["body"] for hit in hits[: query.limit])
    page = _page_of(tuple(hits), texts, int(asked.timestamp()) if asked else 0, named=query.named)
    return page if read == page.read else replace(page, read=read)


@lru_cache(maxsize=8)
def _page_of(hits: tuple[Hit, ...], bodies: tuple[str, ...], asked: int, *, named: bool) -> EventPage:
    """A page of events from their JSON, cached, since upcoming events are requested often and rarely change.

    `hits`: those of the page, plus one if there are more. `asked`: seconds, which the cursor contains.
    """
    shown = [(rows.event_of(body), hit) for body, hit in zip(bodies, hits, strict=False)]
    last = shown[-1][1] if len(hits) > len(shown) else None
    return EventPage(
        events=tuple(event for event, _ in shown),
        next_cursor=cursors.written(last.starts, last.doc, asked) if last else None,
        search_cursor=_listing(shown) if shown and named else None,
        occasions=tuple(_span(event, hit) for event, hit in shown),
    )


def _listing(shown: Sequence[tuple[Event, Hit]]) -> str:
    """The cursor for the events of a page, which cannot be forged without knowing their uids."""
    docs = " ".join(str(hit.doc) for _, hit in shown)
    return cursors.written(docs, _digest(event.uid for event, _ in shown))


def _unknown_listing() -> Refused:
    return cursors.forged("Search again, and give the search cursor exactly as it was returned, or the uids.")


def _digest(uids: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(uids).encode()).hexdigest()[:32]


def _opened(cursor: str) -> tuple[int, int]:
    starts, doc, _ = cursors.opened(cursor, int, int, int)
    return int(str(starts)), int(str(doc))


def _span(event: Event, hit: Hit) -> Span:
    if not event.recurring and not event.overrides:
        return event.span
    return instances.span_of(event, hit.starts, hit.ends, hit.local, hit.minute)


class _Chosen(NamedTuple):
    """Selected events: a query with a column `id`, and its values."""

    sql: str
    values: list[object]


class _Look:
    """One search: the conditions on events and times, and the sources of hits.

    `bodies`: rows with the JSON of the events found. `partial`: not all events could be examined.
    """

    def __init__(
        self,
        store: Search,
        query: EventQuery,
        owner: int | None,
        match: str | None,
        cursor: tuple[int, int] | None,
    ) -> None:
        self._store = store
        self._query = query
        self._owner = owner
        self._match = match
        self._cursor = cursor
        self._times = times(query)
        self._chosen: _Chosen | None = None
        self._lead = False
        self._series = True
        self.partial = False
        self.bodies: dict[int, sqlite3.Row] = {}

    async def hits(self) -> list[Hit]:
        """The first hits after the cursor, one more than a page has."""
        if not await self._choose():
            return []
        hits = await self._kept(self._sources())
        if self._series:
            hits += await self._beyond()
        return sorted(hits)[: self._query.limit + 1]

    async def _choose(self) -> bool:
        """Select the events with the words, or with the rare status; False if there are none."""
        parts, values = [], list[object]()
        if self._match:
            parts.append("SELECT rowid AS id FROM event_text WHERE event_text MATCH ?")
            values.append(self._match)
        if self._query.status == "cancelled":
            parts.append("SELECT id FROM findable WHERE status = 'cancelled' AND owner = coalesce(?, owner)")
            values.append(self._owner)
        if not parts:
            return True
        chosen = _Chosen(" INTERSECT ".join(parts), values)
        if self._store.little:
            self._chosen, self._lead = chosen, True
            return True
        return await self._count(chosen)

    async def _count(self, chosen: _Chosen) -> bool:
        """List the selected events unless there are too many; if they are few, search them instead of the times."""
        # As one text: thousands of rows would trigger the garbage collector, which takes longer than the search.
        found = await self._store.one(
            f"SELECT json_group_array(id) AS docs, count(*) AS n FROM (SELECT id FROM ({chosen.sql}) LIMIT ?)",
            [*chosen.values, _SET_MAX + 1],
        )
        assert found is not None, "an aggregate has a row"
        if found["n"] <= _SET_MAX:
            self._chosen = _Chosen("SELECT value AS id FROM json_each(?)", [found["docs"]])
            self._lead = found["n"] <= _LED_MAX
        return bool(found["n"])

    def _sources(self) -> list[_Source]:
        """The sources of hits: short events start near the requested time, long ones may start long before it."""
        lo, hi = self._times.lo, self._times.hi
        values: list[object] = [] if hi is None else [hi]
        until = "" if hi is None else " AND o.starts < ?"
        by_start = "occasion o" if self._owner is not None else "occasion o INDEXED BY occasion_by_start"
        if lo is None:
            return [self._source(by_start, f"1{until}", values)]
        short, long = (
            f"o.starts >= ?{until} AND o.long = 0",
            f"o.starts >= ?{until} AND o.long = 1 AND o.ends > ?",
        )
        return [
            self._source(by_start, short, [lo, *values]),
            self._source("occasion o INDEXED BY occasion_long", long, [lo - LONGEST, *values, lo]),
        ]

    def _source(self, table: str, condition: str, values: list[object]) -> _Source:
        if not self._lead or self._chosen is None:
            return _Source(table, condition, values)
        few = f"({self._chosen.sql}) j CROSS JOIN occasion o INDEXED BY occasion_of_event ON o.doc = j.id"
        return _Source(few, condition, [*self._chosen.values, *values])

    async def _kept(self, sources: Sequence[_Source]) -> list[Hit]:
        """Hits among the stored instances, in one query, which reads only the events of the page."""
        where, more = self._where()
        earlier, most = self._times.sql("p"), self._query.limit + 1
        # SQLite neither merges nor sorts the sources, for which it would first store all rows, which takes as long.
        each = [
            f"SELECT o.*, e.body, {_SERIES} FROM (SELECT o.starts, o.doc, o.ends, o.local, o.minute "
            f"FROM {source.table} WHERE {source.condition} AND {where} "
            "AND (o.single OR NOT EXISTS (SELECT 1 FROM occasion p INDEXED BY occasion_of_event "
            f"WHERE p.doc = o.doc AND p.starts < o.starts AND {earlier})) ORDER BY o.starts, o.doc LIMIT ?) o "
            "CROSS JOIN findable f ON f.id = o.doc CROSS JOIN event e ON e.uid = f.uid"
            for source in sources
        ]
        values = [[*source.values, *more, *self._times.values, most] for source in sources]
        found = await self._store.all(" UNION ALL ".join(each), [value for some in values for value in some])
        self.bodies |= {row["doc"]: row for row in found}
        self._series = not found or bool(found[0]["series"])
        return [Hit(*row[:5]) for row in found]

    def _where(self) -> tuple[str, list[object]]:
        """Conditions on the occasion and its event."""
        parts, values = [self._times.sql()], list(self._times.values)
        if self._owner is not None and not self._lead:
            parts.append("o.owner = ?")
            values.append(self._owner)
        if self._cursor:
            parts.append("(o.starts, o.doc) > (?, ?)")
            values += self._cursor
        event, more = self._event_where("o.doc", known=self._lead)
        return " AND ".join([*parts, *event]), [*values, *more]

    def _event_where(self, doc: str, *, known: bool = False) -> tuple[list[str], list[object]]:
        """Conditions on the event; `known`: it is known to have the words."""
        parts, values = list[str](), list[object]()
        if self._chosen is not None and not known:
            parts.append(f"{doc} IN ({self._chosen.sql})")
            values += self._chosen.values
        if self._query.status and (self._query.status != "cancelled" or self._chosen is None):
            parts.append(f"(SELECT status FROM findable f WHERE f.id = {doc}) = ?")
            values.append(self._query.status.value)
        if self._query.has_attendees is not None:
            parts.append(f"{'' if self._query.has_attendees else 'NOT '}{_PEOPLE.format(doc)}")
        if self._match and self._chosen is None:
            parts.append(f"EXISTS (SELECT 1 FROM event_text WHERE event_text MATCH ? AND rowid = {doc})")
            values.append(self._match)
        return parts, values

    # series whose instances are not all stored

    async def _beyond(self) -> list[Hit]:
        """Hits among instances too far ahead to be stored, of series without a matching stored one."""
        lo, hi, expand = self._times.lo, self._times.hi, self._store.expand
        if expand is None or lo is None or (hi is not None and hi <= lo):
            return []
        found = await self._endless(lo, hi)
        self.partial = len(found) > _ENDLESS_MAX
        self.bodies |= {row["id"]: row for row in found[:_ENDLESS_MAX]}
        hits = [
            hit
            for row in found[:_ENDLESS_MAX]
            if (hit := await self._first(expand, row, max(lo, row["kept_until"]), hi))
        ]
        return [hit for hit in hits if not self._cursor or hit[:2] > self._cursor]

    async def _endless(self, lo: int, hi: int | None) -> list[sqlite3.Row]:
        event, values = self._event_where("f.id")
        where = "".join(f" AND {part}" for part in event)
        return await self._store.all(
            "SELECT f.id, f.kept_until, e.body FROM findable f INDEXED BY findable_endless JOIN event e USING (uid) "
            "WHERE f.kept_until IS NOT NULL AND f.kept_until < coalesce(?, f.kept_until + 1) "
            "AND (f.ends IS NULL OR f.ends > ?) AND f.owner = coalesce(?, f.owner) "
            f"AND NOT EXISTS (SELECT 1 FROM occasion o WHERE o.doc = f.id AND {self._times.sql()}){where} "
            "ORDER BY f.id LIMIT ?",
            [hi, lo, self._owner, *self._times.values, *values, _ENDLESS_MAX + 1],
        )

    async def _first(self, expand: Expansion, series: sqlite3.Row, lo: int, hi: int | None) -> Hit | None:
        """The first matching instance of a series among those that are not stored."""
        after = datetime.fromtimestamp(lo, UTC)
        before = datetime.fromtimestamp(hi, UTC) if hi is not None else after + timedelta(days=3_000)
        spans = expand(rows.event(series), after, before, instances.KEPT_MAX)
        candidates = [(span[0], series["id"], span[1], *span[2:]) for span in instances.rows(spans)]
        return await self._fitting(candidates)

    async def _fitting(self, candidates: Iterable[tuple[int | None, ...]]) -> Hit | None:
        """The first candidate that matches the times, by the same conditions as stored instances."""
        found = await self._store.one(
            "SELECT o.starts, o.doc, o.ends, o.local, o.minute FROM (SELECT value ->> 0 AS starts, "
            "value ->> 1 AS doc, value ->> 2 AS ends, value ->> 3 AS local, value ->> 4 AS minute, "
            "value ->> 5 AS days, value ->> 6 AS long FROM json_each(?)) o "
            f"WHERE {self._times.sql()} ORDER BY o.starts LIMIT 1",
            [json.dumps(list(candidates)), *self._times.values],
        )
        return Hit(*found) if found else None
