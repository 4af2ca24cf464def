"""Where no words are asked for, events are read in order of their start, at once and a page at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.queries import EventQuery
from tests.support.engines import created, engine_in
from tests.support.queries import counting_queries

_FAR = datetime(2040, 1, 1, tzinfo=UTC)
_SEARCHED = ("occasion", "findable", "word_use", "event_text")


async def _of_all_kinds(engine: Engine) -> None:
    """Short ones, one of months that began long before, and a series whose instances are not all kept."""
    weekly = Timing(start="2027-05-02T19:00", duration="PT1H", timezone="UTC")
    await created(engine, summary="Series", when=weekly, recurrence="FREQ=WEEKLY")
    months = Timing(start="2039-11-01", end="2040-03-01", timezone="UTC", all_day=True)
    await created(engine, summary="Months", when=months)
    for day in (1, 20):
        short = Timing(start=f"2040-01-{day:02}T06:00", duration="PT1H", timezone="UTC")
        await created(engine, summary=f"Day {day}", when=short)


async def test_long_ones_short_ones_and_endless_series_come_in_one_order_however_long_a_page_is(
    engine: Engine,
) -> None:
    await _of_all_kinds(engine)
    expected = ["Months", "Day 1", "Series", "Day 20"]
    for limit in (1, 2, 3, 4):
        found, query = list[str](), EventQuery(after=_FAR, limit=limit)
        for _ in expected:
            page = await engine.search(query, engine.local)
            found += [event.summary for event in page.events]
            if page.next_cursor is None:
                break
            query = query.model_copy(update={"cursor": page.next_cursor})
        assert found == expected


async def test_a_page_is_read_by_one_statement_where_no_series_goes_on_for_ever(tmp_path: Path) -> None:
    with counting_queries() as queries:
        async with engine_in(tmp_path) as engine:
            for day in (1, 2):
                short = Timing(start=f"2040-01-{day:02}T06:00", duration="PT1H", timezone="UTC")
                await created(engine, summary=f"Day {day}", when=short)
            query = EventQuery(after=_FAR, limit=1, named=False)
            await engine.search(query, engine.local)
            queries.zero()
            page = await engine.search(query, engine.local)
            asked = [text for text in queries.by_text if any(table in text for table in _SEARCHED)]
    assert ([event.summary for event in page.events], page.search_cursor) == (["Day 1"], None)
    assert len(asked) == 1, asked


async def test_filters_hold_without_words(engine: Engine) -> None:
    await _of_all_kinds(engine)
    found = await engine.search(EventQuery(after=_FAR, location="Nowhere"), engine.local, "Asia/Tokyo")
    assert (found.events, found.understood.zone) == ((), "Asia/Tokyo")
