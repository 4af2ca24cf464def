"""What a page shows of a season, for whatever a visitor asks: as if each row was read, at little cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.pages.listing import PageListing, View, fitting, listing
from cis_mcp.pages.rows import PageRow, rows_of
from engine.mail.locale.language import Language, language
from engine.mail.outgoing import words
from engine.model.events import Event
from engine.model.pages import Page, PageKind
from engine.model.times import Span
from tests.support.calls import counting_calls

NOW = datetime(2027, 1, 1, tzinfo=UTC)
TEAMS, PLACES = ("Owls", "Foxes", "Straßburg"), ("North End", "İzmir", "")
WORDS = ("owls", "OWLS", "fox", "january", "januar", "end", "izmir", "2027", "5", "zz")
GAMES = 120


def _game(n: int) -> Event:
    start = NOW + timedelta(days=n // 3, hours=5 * n % 24)
    return Event(
        uid=f"game-{n}",
        summary=f"{TEAMS[n % 3]} at {TEAMS[(n + 1) % 3]}",
        location=PLACES[n % 3],
        span=Span(start=start, end=start + timedelta(hours=2), timezone="America/New_York"),
        organizer="season@example.com",
        dtstamp=NOW,
        ends_at=start + timedelta(hours=2),
        created=NOW,
    )


@pytest.fixture(scope="module")
def season() -> PageListing:
    page = Page(
        kind=PageKind.SCHEDULE,
        title="Season",
        slug="season",
        organizer="season@example.com",
        created=NOW,
        changed=NOW,
    )
    return listing(page, rows_of([_game(n) for n in range(GAMES)], NOW), NOW)


def _wanted(row: PageRow, view: View, spoken: Language) -> bool:
    text = " \n ".join((row.title.lower(), row.place.lower(), words.day(row.day, spoken).lower()))
    return (
        all(word in text for word in view.plain)
        and view.month in {"", row.month}
        and view.place in {"", row.place}
        and (not view.team or view.team in ((row.home,) if view.side == "home" else row.teams))
    )


@given(
    query=st.lists(
        st.sampled_from(WORDS),
        max_size=3,
    ),
    month=st.sampled_from(["", "2027-01", "2027-02", "nothing"]),
    place=st.sampled_from(["", *PLACES, "elsewhere"]),
    team=st.sampled_from(["", *TEAMS]),
    side=st.sampled_from(["", "home"]),
    tag=st.sampled_from(["en", "de"]),
)
def test_the_rows_are_those_that_meet_every_condition(
    season: PageListing, query: list[str], month: str, place: str, team: str, side: str, tag: str
) -> None:
    view, spoken = View(query=" ".join(query), month=month, place=place, team=team, side=side), language(tag)
    assert fitting(season, view, spoken) == [row for row in season.rows if _wanted(row, view, spoken)]


@pytest.mark.parametrize(
    "view", [View(query="owls fri"), View(query="nothing at all"), View(month="2027-02")]
)
def test_a_visitor_who_looks_for_something_costs_no_work_for_each_row(
    season: PageListing, view: View
) -> None:
    fitting(season, view)
    with counting_calls() as calls:
        fitting(season, view)
    assert calls["cis_mcp/pages/rows.py"] == calls["engine/mail/outgoing/words.py"] == 0
    assert calls.total() < GAMES
