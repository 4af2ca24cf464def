"""create_page, update_page and list_pages, called by a real MCP client."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.commands.pages.publishing import slug_of_all
from engine.engine import Engine
from tests.pages.test_pictures import answer, png, site
from tests.support.clock import Clock
from tests.support.engines import created, engine_in
from tests.tools.caller import Mode, calling, text_of


async def test_a_page_is_made_changed_taken_off_the_web_and_listed(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    await created(engine, summary="Second game")
    async with calling(engine, mode, tier="extended") as caller:
        made = await caller.ok("create_page", title="Orioles 2027: the Season!", events=[event.id])
        assert (made["page"]["slug"], made["events"]) == ("orioles-2027-the-season", 1)
        assert made["page"]["url"] == "http://127.0.0.1:8000/s/orioles-2027-the-season"
        changed = await caller.ok(
            "update_page", slug="orioles-2027-the-season", events=[], show=["embed"], published=False
        )
        assert changed["changed"] == ["published", "selection", "shows"]
        assert (changed["events"], changed["page"]["published"]) == (2, False)
        assert "embed" in changed["page"]["addresses"]
        (listed,) = (await caller.ok("list_pages"))["pages"]
        assert listed == changed["page"]
        await caller.ok("update_page", slug="orioles-2027-the-season", month="2027-05", query="orioles")
        cleared = await caller.ok("update_page", slug="orioles-2027-the-season", clear=["month", "query"])
        assert (cleared["page"]["month"], cleared["page"]["query"]) == ("", "")
        again = await caller.ok("update_page", slug="orioles-2027-the-season", published=False)
        assert again["changed"] == []


async def test_one_switch_publishes_every_event_and_takes_all_of_it_back(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    async with calling(engine, mode, tier="extended") as caller:
        own = await caller.ok("create_page", title="May", month="2027-05")
        assert (await caller.ok("publish_events", on=False))["page"] is None
        on = await caller.ok("publish_events", on=True)
        assert (on["on"], on["events"], on["page"]["kind"]) == (True, 1, "upcoming")
        assert await caller.ok("publish_events", on=True) == on
        urls = (await caller.ok("list_pages", event=event.id))["event_urls"]
        assert urls == [f"http://127.0.0.1:8000/e/{event.id}"]
        off = await caller.ok("publish_events", on=False)
        assert (off["on"], off["page"]["published"], off["page"]["slug"]) == (
            False,
            False,
            on["page"]["slug"],
        )
        standing = [page for page in (await caller.ok("list_pages"))["pages"] if page["published"]]
        assert [page["slug"] for page in standing] == [own["page"]["slug"]]
        assert await caller.code("publish_events", on=True, organizer="no address") == "invalid_address"


async def test_the_answer_to_a_new_event_has_its_web_page_where_one_lists_it(
    engine: Engine, mode: Mode
) -> None:
    given = {"start": "2027-05-08T19:05", "timezone": "Europe/Paris", "duration": "PT2H"}
    async with calling(engine, mode, tier="extended") as caller:
        assert (await caller.ok("create_event", summary="Owls at Foxes", **given))["urls"] == []
        await caller.ok("create_page", title="Searched", query="Owls in May")
        assert (await caller.ok("create_event", summary="Bats at Foxes", **given))["urls"] == []
        made = await caller.call("create_event", summary="Owls at Bats", **given)
        event = made.structured_content["event"]
        url = f"http://127.0.0.1:8000/e/{event['id']}"
        assert made.structured_content["urls"] == [url]
        assert f"Its web page: {url}" in text_of(made)
        series = await caller.ok("create_event", summary="Owls", recurrence="FREQ=MONTHLY;COUNT=3", **given)
        assert len(series["urls"]) == 1


async def test_no_page_takes_the_address_that_is_kept_for_the_page_of_all_that_an_organizer_publishes(
    engine: Engine,
) -> None:
    wanted = slug_of_all("bob@example.org")
    async with calling(engine, tier="extended") as caller:
        assert await caller.code("create_page", title="Season", slug=wanted) == "invalid_argument"
        assert (
            await caller.code("create_page", title="Season", slug=f" {wanted.upper()}") == "invalid_argument"
        )
        titled = await caller.ok("create_page", title=wanted.replace("-", " "))
        assert titled["page"]["slug"].startswith(f"{wanted}-")
        on = await caller.ok("publish_events", on=True, organizer="bob@example.org")
        assert on["page"]["slug"] == wanted


async def test_a_second_page_of_the_same_title_has_an_address_of_its_own(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        one = await caller.ok("create_page", title="Season")
        other = await caller.ok("create_page", title="Season")
        assert other["page"]["slug"].startswith("season-")
        assert one["page"]["slug"] != other["page"]["slug"]
        assert await caller.code("create_page", title="Season", slug="season") == "page_exists"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"title": " "}, "invalid_argument"),
        ({"title": "a", "slug": "../up"}, "invalid_argument"),
        ({"title": "a", "month": "May"}, "invalid_time"),
        ({"title": "a", "colour": "#ffff00"}, "invalid_argument"),
        ({"title": "a", "hours": 13}, "invalid_argument"),
        ({"title": "a", "show": ["past"], "hide": ["past"]}, "invalid_argument"),
        ({"title": "a", "events": ["nothing"]}, "unknown_event"),
        ({"title": "a", "organizer": "no address"}, "invalid_address"),
    ],
)
async def test_what_a_page_cannot_be_is_refused_and_nothing_is_made(
    engine: Engine, arguments: dict[str, object], code: str
) -> None:
    async with calling(engine, tier="extended") as caller:
        assert await caller.code("create_page", **arguments) == code
        assert (await caller.ok("list_pages"))["pages"] == []


async def test_a_page_that_is_not_there_is_unknown(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        data = await caller.refused("update_page", slug="nowhere", title="x")
        assert data["code"] == "unknown_page"
        assert "list_pages" in data["hint"]


async def test_an_event_says_at_which_addresses_it_has_a_page(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, tier="extended") as caller:
        assert (await caller.ok("list_pages", event=event.id))["event_urls"] == []
        made = await caller.ok("create_page", title="Mine", kind="events")
        assert (made["page"]["url"], made["page"]["addresses"]) == ("", {})
        await caller.ok("create_page", title="Season")
        urls = (await caller.ok("list_pages", event=event.id))["event_urls"]
        listed, unlisted = sorted(urls, key=len)
        assert listed == f"http://127.0.0.1:8000/e/{event.id}"
        assert len(unlisted.rpartition("/")[2]) == 22
        assert await caller.code("list_pages", event="nothing") == "unknown_event"


async def test_a_picture_is_given_by_its_address_and_taken_away(tmp_path: Path, clock: Clock) -> None:
    async with (
        engine_in(tmp_path, clock, local_receivers="127.0.0.0/8") as engine,
        site(answer(png(3, 2))) as (url, _),
        calling(engine, tier="extended") as caller,
    ):
        made = await caller.ok("create_page", title="Season", logo=url)
        (address,) = made["page"]["pictures"].values()
        assert address.startswith("http://127.0.0.1:8000/brand/picture/")
        assert (
            await caller.code("update_page", slug="season", banner="https://127.0.0.1/x")
            == "url_not_readable"
        )
        assert await caller.code("update_page", slug="season", banner="0.png") == "unknown_picture"
        cleared = await caller.ok("update_page", slug="season", clear=["logo"])
        assert (cleared["changed"], cleared["page"]["pictures"]) == (["logo"], {})
