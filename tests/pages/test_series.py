"""Pages follow the clock: series show their next date, and words of time mean today's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cis_mcp.views import links as views
from engine.commands.pages.links import CreateLink
from engine.engine import Engine
from tests.pages.visitor import Visitor, game, games, published
from tests.support.clock import Clock
from tests.support.engines import created, do


async def _days_seen(visitor: Visitor, *paths: str) -> list[set[str]]:
    """Which Sundays of a weekly series each page names; read twice, as what is kept must not be older."""
    sundays = [f"{day} May 2027" for day in (2, 9, 16)]
    for path in paths:
        await visitor.see(path)
    return [{day for day in sundays if day in (await visitor.see(path)).text} for path in paths]


@pytest.mark.parametrize(
    "more", [{"recurrence": "FREQ=WEEKLY"}, {"rdates": (datetime(2027, 5, 9, 23, tzinfo=UTC),)}]
)
async def test_a_series_shows_its_next_date_once_one_is_over(
    engine: Engine, visitor: Visitor, clock: Clock, more: dict[str, object]
) -> None:
    event = await created(engine, **more)
    await published(engine, show=frozenset({"embed"}))
    paths = ("/s/season", f"/e/{event.id}", f"/embed/e/{event.id}?lang=de", "/s/season?q=opener")
    assert await _days_seen(visitor, *paths[:2]) == [{"2 May 2027"}] * 2
    clock.move(days=63)
    seen = await _days_seen(visitor, *paths)
    assert [seen[0], seen[1], seen[3]] == [{"9 May 2027"}] * 3
    assert "9. Mai 2027" in (await visitor.see(paths[2])).text


async def test_the_next_event_after_a_link_is_the_next_date_of_a_series(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    series, other = await created(engine, recurrence="FREQ=WEEKLY"), await created(engine, **game(20))
    await published(engine)
    link = (await do(engine, CreateLink(name="May", events=(other.id,), vendor="mailchimp"))).link
    sent = f"{views.path(link)}/sent"
    assert f"Next: {series.summary}, Sunday, 2 May 2027" in (await visitor.see(sent)).text
    clock.move(days=63)
    assert f"Next: {series.summary}, Sunday, 9 May 2027" in (await visitor.see(sent)).text


async def test_a_page_whose_words_speak_of_time_has_what_they_mean_now(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    await games(engine, 5)
    await published(engine, query="tomorrow")
    clock.move(days=62, hours=3)
    assert "Owls at Foxes 2" in (await visitor.see("/s/season")).text
    clock.move(days=1)
    page = (await visitor.see("/s/season")).text
    assert "Owls at Foxes 3" in page
    assert "Owls at Foxes 2" not in page
