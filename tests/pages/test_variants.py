"""What organizers may choose for their pages, one choice at a time; and the policy of every page for the public."""

from __future__ import annotations

import json
import re

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages import approve, links, published, signin
from cis_mcp.views import links as link_views
from engine.commands.agents.switches import SetOrganizerApproval
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.pages.links import CreateLink
from engine.commands.revisions import RevisionSource
from engine.engine import Engine
from engine.model.actors import Actor
from tests.pages.test_pictures import kept, png
from tests.pages.visitor import Visitor, changed, games, link_in_mail, season
from tests.pages.visitor import published as publish
from tests.support.engines import created, deliver, do

OLGA = "olga@cis.test"


@pytest.mark.parametrize(
    ("by", "headings"),
    [
        ("week", ["Week of Monday, 26 April 2027", "Week of Monday, 3 May 2027"]),
        ("month", ["May 2027"]),
    ],
)
async def test_events_stand_together_by_week_or_by_month(
    engine: Engine, visitor: Visitor, by: str, headings: list[str]
) -> None:
    await games(engine, 3)
    await publish(engine, by=by)
    page = await visitor.see("/s/season")
    assert re.findall("<h2>(.*?)</h2>", page.answer.text) == headings


async def test_a_clock_of_twelve_hours_is_shown_on_a_page_and_on_its_events(
    engine: Engine, visitor: Visitor
) -> None:
    (event,) = await games(engine, 1)
    await publish(engine, hours=12)
    for path in ("/s/season", f"/e/{event.id}"):
        text = (await visitor.see(path)).text
        assert "7:05 pm" in text, path
        assert "19:05" not in text, path


async def test_zone_and_cancelled_events_are_hidden_where_the_organizer_says_so(
    engine: Engine, visitor: Visitor
) -> None:
    _, two = await games(engine, 2)
    await do(engine, CancelEvent(uid=two.uid))
    await publish(engine)
    shown = (await visitor.see("/s/season")).text
    await changed(engine, "season", hide=frozenset({"zone", "cancelled"}))
    hidden = (await visitor.see("/s/season")).text
    for words in ("Times are local: America/New_York (EDT).", "Owls at Foxes 1"):
        assert words in shown
        assert words not in hidden
    assert "Owls at Foxes 0" in hidden


async def test_banner_and_background_are_hidden_where_the_organizer_says_so(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 1)
    names = {field: await kept(engine, png(n, 2)) for n, field in enumerate(("banner", "background"), 1)}
    await publish(engine, **names)
    for field, name in names.items():
        assert name in (await visitor.see("/s/season")).answer.text
        await changed(engine, "season", hide=frozenset({field}))
        assert name not in (await visitor.see("/s/season")).answer.text


async def test_an_upcoming_page_works_in_a_frame(engine: Engine, visitor: Visitor) -> None:
    await games(engine, 1)
    await publish(engine, kind="upcoming", slug="next")
    assert (await visitor.see("/embed/u/next")).status == 404
    await changed(engine, "next", show=frozenset({"embed"}))
    page = await visitor.see("/embed/u/next")
    assert "frame-ancestors *" in page.answer.headers["content-security-policy"]
    assert "set-cookie" not in page.answer.headers
    assert "on the way" in (await visitor.send("/embed/u/next", page.keys)).text


async def test_what_stays_in_a_frame_leads_nowhere_outside_of_it(engine: Engine, visitor: Visitor) -> None:
    await season(engine, 130)
    await publish(engine, show=frozenset({"embed"}))
    page = (await visitor.see("/embed/s/season")).answer.text
    assert '<base target="_parent">' in page
    inside = re.findall(r'<a [^>]*href="(?:#|/embed)[^>]*>', page)
    assert any("all=1" in link for link in inside)
    assert all('target="_self"' in link for link in inside)
    assert "_self" not in (await visitor.see("/s/season")).answer.text


async def test_an_event_that_moved_is_rescheduled_for_programs(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1)
    await publish(engine)
    when = Timing(start="2027-05-02T20:10", duration="PT3H", timezone="America/New_York")
    await do(engine, UpdateEvent(uid=event.uid, when=when))
    page = (await visitor.see(f"/e/{event.id}")).answer.text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert found
    told = json.loads(found[1])
    assert told["eventStatus"] == "https://schema.org/EventRescheduled"


async def test_no_page_for_the_public_lets_unsafe_scripts_or_styles_in(
    engine: Engine, visitor: Visitor
) -> None:
    event, *_ = await games(engine, 6)
    await publish(engine, show=frozenset({"embed"}))
    await publish(engine, show=frozenset({"embed"}), kind="upcoming", slug="next")
    link = (await do(engine, CreateLink(name="May", events=(event.id,), vendor="mailchimp"))).link
    await visitor.send("/s/season", (await visitor.see("/s/season")).keys)
    asked = await link_in_mail(engine)
    paths = [
        "/s/season",
        "/u/next",
        f"/e/{event.id}",
        "/embed/s/season",
        "/embed/u/next",
        f"/embed/e/{event.id}",
        link_views.path(link),
        f"{link_views.path(link)}/sent",
        asked,
        await _approval(engine),
        "/signin",
    ]
    app = Starlette(
        routes=[
            *published.routes(engine),
            *links.routes(engine),
            *approve.routes(engine),
            *signin.routes(engine),
        ]
    )
    way = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
        for path in paths:
            answer = await web.get(path)
            assert answer.status_code == 200, path
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy, path
            assert "unsafe" not in policy, path


async def _approval(engine: Engine) -> str:
    """Where the page is that asks for a yes."""
    event = await created(engine, organizer=OLGA)
    await do(engine, SetOrganizerApproval(address=OLGA, on=True, approver=""))
    change = UpdateEvent(uid=event.uid, summary="Renamed", source=RevisionSource(uid="client-uid"))
    await do(engine, change, Actor(kind="organizer", address=OLGA))
    texts = "".join(mail.notice.text for mail in await deliver(engine) if mail.notice)
    found = re.search(r"https://cis\.example\.com(/approve/[a-z0-9]+)", texts)
    assert found
    return found[1]
