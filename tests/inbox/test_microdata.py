"""A web page whose attributes mark schema.org Events (microdata) is a calendar, too."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.imports import microdata, webpage
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.inbox.test_web_pages import GAME, page
from tests.support.steps import counting
from tests.tools.caller import calling

CONCERT = """
<div itemscope itemtype="https://schema.org/MusicEvent" itemid="https://club.example.com/events/7">
  <h2 itemprop="name">Bach &amp; <em>friends</em></h2>
  <meta itemprop="startDate" content="2027-04-01T19:00:00-04:00">
  <time itemprop="endDate" datetime="2027-04-01T21:00:00-04:00">9 pm</time>
  <p itemprop="description">Doors open<br>early.
  <p itemprop="location" itemscope itemtype="https://schema.org/Place">
    <span itemprop="name">Example Hall</span>
    <span itemprop="address" itemscope itemtype="https://schema.org/PostalAddress">
      <span itemprop="streetAddress">1 Main St</span>, <span itemprop="addressLocality">Example City</span>
    </span>
  </p>
  <a itemprop="url" href="https://club.example.com/events/7">more</a>
</div>
"""


def marked(*events: str, tail: str = "</body></html>") -> bytes:
    return f"<!DOCTYPE html><html><head><title>x</title></head><body>{''.join(events)}{tail}".encode()


def numbered(number: int, *more: str, start: str = "2027-04-01T19:00Z") -> str:
    return (
        f'<li itemscope itemtype="http://schema.org/Event" itemid="https://a.example/{number}">'
        f'<b itemprop="name">Game {number}</b><meta itemprop=startDate content={start}>{"".join(more)}'
    )


async def test_a_marked_page_is_imported_through_the_tool_and_again(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "events.html"
    file.write_bytes(marked(CONCERT, f"<ul>{numbered(1)}{numbered(2)}</ul>"))
    async with calling(engine, tier="extended") as caller:
        data = await caller.ok("import_calendar", path=str(file))
        assert (data["new"], data["failed"], data["cut_off"], data["left_out"]) == (3, 0, False, [])
        file.write_bytes(marked(CONCERT, f"<ul>{numbered(1, start='2027-04-01T20:00Z')}</ul>"))
        data = await caller.ok("import_calendar", path=str(file))
        assert {name: data[name] for name in ("new", "changed", "gone", "unchanged")} == {
            "new": 0,
            "changed": 1,
            "gone": 1,
            "unchanged": 1,
        }
    found = await engine.store.search(EventQuery(query="Bach", limit=1))
    (made,) = found.events
    assert (made.summary, made.description) == ("Bach & friends", "Doors open early.")
    assert made.span.start_utc == datetime(2027, 4, 1, 23, tzinfo=UTC)
    assert made.location == "Example Hall, 1 Main St, Example City"
    assert made.url == "https://club.example.com/events/7"


def test_events_are_found_inside_other_items_and_lists_without_end_tags() -> None:
    web_page = '<main itemscope itemtype="https://schema.org/WebPage"><ul itemprop="mainEntity">'
    inside = f"{web_page}{numbered(1)}{numbered(2)}"
    calendar = webpage.read_page(marked(inside))
    assert [entry.event.summary for entry in calendar.entries] == ["Game 1", "Game 2"]
    assert calendar.whole


def test_a_part_of_an_event_is_an_event_at_its_place() -> None:
    part = (
        '<div itemprop="subEvent" itemscope itemtype="https://schema.org/Event"><i itemprop="name">Talk</i>'
        '<meta itemprop="startDate" content="2027-04-02T09:00Z"></div>'
    )
    calendar = webpage.read_page(marked(numbered(1, '<i itemprop="location">Hall 3</i>', part)))
    found = {entry.event.summary: entry.event.location for entry in calendar.entries}
    assert found == {"Game 1": "Hall 3", "Talk": "Hall 3"}


def test_a_cancelled_event_is_cancelled_by_its_status() -> None:
    link = '<link itemprop="eventStatus" href="https://schema.org/EventCancelled">'
    (entry,) = webpage.read_page(marked(numbered(1, link))).entries
    assert entry.event.status == "CANCELLED"


def test_a_page_that_says_it_in_json_as_well_says_it_once() -> None:
    both = page(GAME, tail=CONCERT + "</html>")
    assert [entry.uid for entry in webpage.read_page(both).entries] == [GAME["@id"]]


def test_what_stands_in_comments_and_scripts_is_no_event() -> None:
    hidden = f"<!-- {numbered(1)} --><script>x = '{numbered(2)}'</script>{numbered(3)}"
    assert [e.event.summary for e in webpage.read_page(marked(hidden)).entries] == ["Game 3"]


@pytest.mark.parametrize("tail", ["", "<!-- </html>", "<div>" * 600 + "</html>"])
def test_a_page_that_is_not_whole_cancels_nothing(tail: str) -> None:
    calendar = webpage.read_page(marked(numbered(1), tail=tail))
    assert (len(calendar.entries), calendar.whole) == (1, False)


def test_text_of_items_within_items_is_bounded() -> None:
    nested = "<div itemprop=description>" * 60 + "x" * 100_000
    with pytest.raises(Refused) as raised:
        webpage.read_page(marked(numbered(1, nested)))
    assert raised.value.code is Code.TOO_LARGE


PIECES = st.sampled_from(
    ["<div itemscope itemtype='https://schema.org/Event'>", "</div>", "<i itemprop=name>",
     "<meta itemprop='startDate' content=",
     "<li itemprop=subEvent itemscope", ">", "<time itemprop=endDate datetime=\"2027-01-01\">", "<!--",
     "-->", "<script>", "</",
     "&#99999999999;", "2027-01-01T10:00Z", '"', "'", "<a itemprop=url href=", "itemid=x", "\0", "é"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=5), max_size=40))
def test_no_marked_page_raises_anything_but_a_refusal(pieces: list[str]) -> None:
    try:
        webpage.read_page(marked("itemscope schema.org", *pieces), default_zone="Europe/Paris")
    except Refused as refused:
        assert refused.message


@pytest.mark.parametrize(
    "hostile", ["<a ", "<div itemprop=x>", '<i x="', "</div>", "<", "<li itemscope>", "<!--"]
)
def test_hostile_markup_costs_in_proportion_to_its_length(hostile: str) -> None:
    microdata.Microdata(hostile)  # what is loaded or compiled once is no part of it
    costs = []
    for repeats in (1_000, 4_000):
        with counting() as steps:
            microdata.Microdata(hostile * repeats)
        costs.append(steps.taken)
    assert costs[1] <= 5 * costs[0]
