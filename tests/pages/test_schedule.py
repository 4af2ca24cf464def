"""The schedule and upcoming pages, as a browser without JavaScript sees them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx
from starlette.applications import Starlette

from cis_mcp.pages.published import routes
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.pages import Show
from tests.pages.visitor import Seen, Visitor, changed, game, games, invites, published, season
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in
from tests.support.queries import counting_queries
from tests.support.waiting import DEADLINE_S
from tests.support.webs import served


async def test_a_page_shows_the_coming_events_with_the_time_of_their_place(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 2)
    await published(engine, intro="Welcome.\n\nTick & send.")
    page = await visitor.see("/s/season")
    assert page.status == 200
    assert "Saturday, 1 May 2027 19:05 Owls at Foxes 0 Fox Park" in page.text
    assert "Welcome. Tick & send." in page.text
    assert "Times are local: America/New_York (EDT)." in page.text
    assert len(page.keys) == 2
    assert 'datetime="2027-05-01T23:05Z"' in page.answer.text


async def test_a_page_needs_no_script_and_no_third_party(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 8)
    await published(engine, colour="#7a1f1f")
    page = await visitor.see("/s/season")
    policy = page.answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.page.inline == []
    for link in page.page.links:
        assert link.startswith(
            ("/", "#", "https://cis.example.com/", "webcal://cis.example.com/", "data:image/")
        ), link
    for path in re.findall(r'(?:href|src)="(/brand/[^"]+)"', page.answer.text):
        asset = await visitor.web.get(path)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
    assert (await visitor.see("/brand/7a1f1f.css")).answer.text == ":root{--main:#7a1f1f}\n"
    assert (await visitor.web.get("/brand/7a1f1f;x.css")).status_code == 404


async def test_an_edit_of_the_organizer_shows_in_the_next_request(engine: Engine, visitor: Visitor) -> None:
    """Pages show new data at once."""
    one, two, _ = await games(engine, 3)
    await published(engine)
    first = await visitor.see("/s/season")
    tag = first.answer.headers["etag"]
    again = await visitor.see("/s/season", **{"if-none-match": tag})
    assert (again.status, again.answer.content) == (304, b"")
    when = Timing(start="2027-05-01T20:10", duration="PT3H", timezone="America/New_York")
    await do(engine, UpdateEvent(uid=one.uid, when=when))
    await do(engine, CancelEvent(uid=two.uid))
    page = await visitor.see("/s/season", **{"if-none-match": tag})
    assert page.status == 200
    assert "20:10 Owls at Foxes 0 Moved, was Saturday, 1 May 2027, 19:05" in page.text
    assert "Owls at Foxes 1 Cancelled" in page.text
    assert len(page.keys) == 2
    await changed(engine, "season", title="The whole season")
    assert "The whole season" in (await visitor.see("/s/season", **{"if-none-match": tag})).text


async def test_what_is_over_leaves_the_page_by_itself_and_an_empty_page_leads_on(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    await games(engine, 2)
    await published(engine)
    await published(engine, title="Next year", kind="upcoming")
    assert len((await visitor.see("/s/season")).keys) == 2
    clock.now += timedelta(days=62)
    assert len((await visitor.see("/s/season")).keys) == 1
    clock.now += timedelta(days=2)
    page = await visitor.see("/s/season")
    assert "Nothing is planned just now." in page.text
    assert "/u/next-year" in page.page.links
    assert 'name="email"' not in page.answer.text
    await changed(engine, "season", show=frozenset({"past"}))
    page = await visitor.see("/s/season")
    assert "Owls at Foxes 0" in page.text
    assert page.keys == []


async def test_a_page_has_only_what_it_was_told_to(engine: Engine, visitor: Visitor) -> None:
    made = await games(engine, 30)
    await created(engine, summary="Board meeting", location="Office")
    await published(engine, slug="may", month="2027-05")
    await published(engine, slug="named", events=(made[3].id,))
    await published(engine, slug="words", query="board meeting")
    await published(engine, slug="next", kind="upcoming", hide=frozenset({"place"}))
    assert len((await visitor.see("/s/may")).keys) == 29
    assert "Owls at Foxes 3" in (await visitor.see("/s/named")).text
    assert (await visitor.see("/s/words")).text.count("Board meeting") == 1
    assert "Fox Park" not in (await visitor.see("/u/next")).text.replace("Fox Park Office", "")
    assert (await visitor.see("/u/may")).status == 404


async def test_rows_are_filtered_by_words_team_side_month_and_place(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 3)
    await games(engine, 3, summary="Foxes at Owls", location="Owl Arena")
    await created(engine, **game(40, summary="Foxes vs. Bears"))
    await published(engine)

    async def rows(query: str) -> int:
        return len((await visitor.see(f"/s/season?{query}")).keys)

    assert await rows("") == 7
    assert await rows("q=owl+ARENA") == 3
    assert await rows("team=Foxes&side=home") == 1
    assert await rows("team=Foxes&side=away") == 3
    assert await rows("place=Owl+Arena") == 3
    assert await rows("month=2027-06") == 1
    assert await rows("month=2027-06&team=Owls") == 0
    assert await rows("unknown=1&utm_source=x") == 7


async def test_words_that_no_row_has_are_read_as_a_search_reads_them(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 30)
    await published(engine)
    page = await visitor.see("/s/season?q=foxes+on+sundays+in+may")
    assert [day for day in re.findall(r"(\w+), \d+ May 2027", page.text) if day != "Sunday"] == []
    assert len(page.keys) == 4
    assert "Understood as 1 May 2027 – 31 May 2027 × Sundays × foxes ×" in page.text
    assert page.ticked == page.keys
    assert "Send me these 4 invites" in page.text
    nothing = await visitor.see("/s/season?q=xyzzy+in+may")
    assert "Nothing matches." in nothing.text
    assert "no event has “xyzzy”" in nothing.text


async def test_ticks_and_the_address_survive_a_filter_and_hidden_ticks_are_shown(
    engine: Engine, visitor: Visitor
) -> None:
    """Ticks are neither lost nor sent unseen."""
    await games(engine, 3)
    await games(engine, 1, summary="Foxes at Owls", location="Owl Arena")
    await published(engine)
    keys = (await visitor.see("/s/season")).keys
    page = await visitor.see(f"/s/season?q=arena&e={keys[1]}&email=ann@example.com")
    assert page.ticked == [keys[1]]
    assert "Chosen, outside this view" in page.text
    assert 'value="ann@example.com"' in page.answer.text
    assert page.answer.headers["cache-control"] == "private, no-store"


async def test_what_others_wrote_is_text_and_nothing_else(engine: Engine, visitor: Visitor) -> None:
    evil = "</script><script>alert(1)</script>{{ 7*7 }}"
    await created(engine, summary=evil, location='"><img src=x onerror=alert(1)>', verbatim=True)
    await published(engine, title="<b>Season</b>", slug="season", consent="<i>ok</i>")
    page = await visitor.see("/s/season?q=%3Cscript%3E")
    for hostile in (page, await visitor.see("/s/season")):
        assert "<script>alert" not in hostile.answer.text
        assert "<img" not in hostile.answer.text
        assert "<b>Season" not in hostile.answer.text
        assert hostile.page.inline == []
    assert evil in (await visitor.see("/s/season")).text


async def test_events_are_described_for_programs_with_their_status(engine: Engine, visitor: Visitor) -> None:
    """A cancelled event says so in JSON-LD as well."""
    one, two = await games(engine, 2)
    await do(engine, CancelEvent(uid=two.uid))
    await published(engine)
    html = (await visitor.see("/s/season")).answer.text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert found
    first, second = json.loads(found[1])["@graph"]
    assert first["eventStatus"] == "https://schema.org/EventScheduled"
    assert second["eventStatus"] == "https://schema.org/EventCancelled"
    assert first["startDate"] == "2027-05-01T19:05:00-04:00"
    assert first["url"] == f"https://cis.example.com/e/{one.id}"
    assert '<meta property="og:title" content="Season">' in html


async def test_the_unknown_and_the_unpublished_are_not_here(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1)
    await published(engine)
    assert (await visitor.see(f"/e/{event.id}")).status == 200
    await changed(engine, "season", published=False)
    for path in ("/s/season", "/s/nothing", f"/e/{event.id}", f"/e/{event.uid}", "/u/season"):
        page = await visitor.see(path)
        assert page.status == 404, path
        assert '<a href="/console/signin">' in page.answer.text, "it leads on, and tells no page from another"
    assert "This page does not exist" in (await visitor.see("/s/season")).text


async def test_a_shape_of_each_row_names_one_event_of_the_page(engine: Engine, visitor: Visitor) -> None:
    made = await games(engine, 20)
    await published(engine)
    page = await visitor.see("/s/season")
    ids = [event.id for event in made]
    assert [sum(one.startswith(key) for one in ids) for key in page.keys] == [1] * 20


async def test_the_server_has_the_pages_and_they_are_small_with_a_season_behind_them(
    engine: Engine,
) -> None:
    """At most 12 kB on the wire for the first view with all that it needs, and 48 kB for 2,430 games."""
    await season(engine, 2_430)
    await published(engine)
    async with (
        served(engine) as address,
        httpx.AsyncClient(base_url=address, headers={"accept-encoding": "gzip"}, timeout=DEADLINE_S) as web,
    ):
        first = await web.get("/s/season")
        assets = [await web.get(path) for path in re.findall(r'(?:href|src)="(/brand/[^"]+)"', first.text)]
        whole = await web.get("/s/season?all=1")
    assert len(Seen(first).keys) == 100
    assert len(Seen(whole).keys) == 2_430
    assert len(assets) == 2
    assert sum(_wire(answer) for answer in (first, *assets)) <= 12_000
    assert _wire(whole) <= 48_000


def _wire(answer: httpx.Response) -> int:
    """Bytes of an answer as it left, with its headers."""
    head = sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
    return answer.num_bytes_downloaded + head


async def test_an_address_that_is_too_long_is_not_shown_again_in_part(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 1)
    await published(engine)
    fits = f"{'a' * 60}@example.com"
    assert fits in (await visitor.see(f"/s/season?q=game&email={fits}")).answer.text
    assert "aaaa" not in (await visitor.see(f"/s/season?q=game&email={'a' * 321}")).answer.text


async def test_a_question_that_was_just_answered_is_answered_from_memory(
    tmp_path: Path, clock: Clock
) -> None:
    """Counted by what the database is asked: two small reads, however the question is worded."""
    with counting_queries() as queries:
        async with engine_in(tmp_path, clock, public_url="https://cis.example.com") as engine:
            await games(engine, 8)
            await published(engine)
            app = Starlette(routes=routes(engine))
            way = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
                first = await web.get("/s/season?q=weekend+evenings+in+May")
                queries.zero()
                again = await web.get("/s/season?q=weekend+evenings+in+May")
                told, steps = queries.different, queries.steps
                for n in range(200):
                    await web.get(f"/s/season?q=owls+{n}")
                queries.zero()
                await web.get("/s/season")
                assert queries.different <= told, "what everyone sees first is still kept"
    assert again.text == first.text
    assert told <= 3
    assert steps < 1_000
    assert again.headers["cache-control"] == "private, no-store"


async def test_choices_and_the_field_for_words_are_shown_as_the_organizer_says(
    engine: Engine, visitor: Visitor
) -> None:
    for n in range(8):
        await created(engine, **game(n, summary=("Owls at Foxes", "Foxes at Owls")[n % 2]))
    await published(engine)
    both = (await visitor.see("/s/season")).answer.text
    assert 'name="q"' in both
    assert 'name="team"' in both
    await changed(engine, "season", hide=frozenset({Show.PROMPT}))
    choices = (await visitor.see("/s/season")).answer.text
    assert 'name="q"' not in choices
    assert 'name="team"' in choices
    assert "Nothing matches" in (await visitor.see("/s/season?q=owls+home+in+May")).text
    await changed(engine, "season", show=frozenset({Show.PROMPT}), hide=frozenset({Show.SEARCH}))
    words = (await visitor.see("/s/season")).answer.text
    assert 'name="q"' in words
    assert 'name="team"' not in words
    await changed(engine, "season", hide=frozenset({Show.PROMPT}))
    assert 'role="search"' not in (await visitor.see("/s/season")).answer.text


async def test_each_part_of_a_reading_is_a_button_that_takes_it_away_and_keeps_the_rest(
    engine: Engine, visitor: Visitor
) -> None:
    """Without scripts; `Send me these 4 invites` counts what was found, and sends it with one press."""
    made = await games(engine, 28)
    await published(engine)
    asked = await visitor.see("/s/season?q=owls+away+on+weekends+in+May&email=ann@example.com")
    assert len(asked.ticked) == 8
    fewer = await visitor.see("/s/season?q=owls+away+on+Sundays+in+May&email=ann@example.com")
    assert len(fewer.ticked) == 4
    assert "Send me these 4 invites" in fewer.text
    button = r'name="q" value="([^"]*)" formmethod="get" formnovalidate aria-label="[^"]*[(]([^"]*)[)]"'
    chips = dict(re.findall(button, fewer.answer.text))
    assert chips == {
        "owls away on Sundays": "Without 1 May 2027 – 31 May 2027",
        "owls away in May": "Without Sundays",
        "on Sundays in May": "Without away: owls",
    }
    without = await visitor.see(
        "/s/season?q=owls+away+on+Sundays+in+May&q=owls+away+in+May&email=ann@example.com"
    )
    assert 'value="owls away in May"' in without.answer.text
    assert 'value="ann@example.com"' in without.answer.text
    sundays = [event.uid for event in made if event.span.local(event.span.start).weekday() == 6]
    await visitor.send("/s/season", fewer.ticked)
    assert {m.event_uid for m in await invites(engine)} == set(sundays)


async def test_what_cannot_be_taken_away_is_shown_without_a_button(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 8)
    await published(engine)
    long = "please+show+me+all+of+the+many+owls+games+on+Sundays+in+the+month+of+May"
    page = await visitor.see(f"/s/season?q={long}")
    assert "<span>Sundays</span>" in page.answer.text
    assert "Without Sundays" not in page.answer.text
    assert "(Without month)" in page.answer.text
