"""The page of one event."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.randomness import ID_LENGTH
from engine.engine import Engine
from engine.model.pages import unlisted_name
from tests.pages.visitor import Visitor, changed, games, invites, published
from tests.support.clock import Clock
from tests.support.engines import attendee, created, do


async def test_the_page_of_an_event_sends_its_one_invite(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1, description="Bring a hat.\n\nAnd a friend.")
    await published(engine, show=frozenset({"description"}))
    page = await visitor.see(f"/e/{event.id}")
    assert "Saturday, 1 May 2027, 19:05 America/New_York, UTC-04:00" in page.text
    assert "Bring a hat. And a friend." in page.text
    assert "https://www.openstreetmap.org/search?query=Fox%20Park" in page.page.links
    sent = await visitor.send(f"/e/{event.id}", ())
    assert "Your invite is on the way" in sent.text
    (invite,) = await invites(engine)
    assert invite.event_uid == event.uid
    assert (await attendee(engine, event, "ann@example.com")).origin == "landingpage"


async def test_a_text_is_shown_only_where_the_organizer_says_so(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1, description="Join: https://meet.example/secret")
    await published(engine)
    assert "secret" not in (await visitor.see(f"/e/{event.id}")).answer.text


async def test_a_cancelled_event_says_so_and_takes_nobody(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1)
    await published(engine)
    await do(engine, CancelEvent(uid=event.uid))
    page = await visitor.see(f"/e/{event.id}")
    assert "Cancelled" in page.text
    assert 'name="email"' not in page.answer.text
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page.answer.text)
    assert found
    assert json.loads(found[1])["eventStatus"] == "https://schema.org/EventCancelled"
    refused = await visitor.send(f"/e/{event.id}", ())
    assert refused.status == 422
    assert "cancelled" in refused.text
    assert await invites(engine) == []


@pytest.mark.parametrize("layout", ["list", "compact", "cards", "agenda"])
async def test_an_event_is_shown_in_the_layout_of_its_page(
    engine: Engine, visitor: Visitor, layout: str
) -> None:
    (event,) = await games(engine, 1)
    await published(engine)
    await changed(engine, "season", layout=layout)
    for path in ("/s/season", f"/e/{event.id}"):
        assert layout in re.findall(r'<body class="([^"]*)"', (await visitor.see(path)).answer.text)[0]


async def test_an_event_of_somebody_else_is_on_no_page_of_mine(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1, organizer="eve@cis.test")
    await published(engine)
    assert (await visitor.see(f"/e/{event.id}")).status == 404
    assert (await visitor.see("/s/season")).keys == []


async def test_a_page_that_is_over_says_so_and_leads_on(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    one, two = await games(engine, 2)
    await published(engine, hide=frozenset({"cancelled"}))
    await do(engine, CancelEvent(uid=two.uid))
    assert "Cancelled" in (await visitor.see(f"/e/{two.id}")).text
    clock.now += timedelta(days=90)
    page = await visitor.see(f"/e/{one.id}")
    assert "This is over." in page.text
    assert "/s/season" in page.page.links
    assert 'name="email"' not in page.answer.text


async def test_the_page_that_shows_an_event_is_found_without_making_all_others(
    engine: Engine, visitor: Visitor
) -> None:
    made = await games(engine, 3)
    for n in range(5):
        await published(engine, slug=f"words-{n}", query="owls")
    await published(engine, slug="one", events=(made[0].uid,), title="Just one")
    assert "/s/one" in (await visitor.see(f"/e/{made[0].id}")).page.links
    assert any("/s/words-" in to for to in (await visitor.see(f"/e/{made[1].id}")).page.links)
    await published(engine, slug="two", month="2027-06")
    assert (await visitor.see(f"/e/{made[2].id}")).status == 200


async def test_an_old_browser_that_takes_no_gzip_gets_the_same(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1)
    await published(engine)
    packed = await visitor.see(f"/e/{event.id}")
    plain = await visitor.see(f"/e/{event.id}", **{"accept-encoding": "identity"})
    assert packed.answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.answer.headers
    assert packed.answer.text == plain.answer.text


async def test_each_event_has_a_page_at_an_address_that_nobody_can_guess(
    engine: Engine, visitor: Visitor
) -> None:
    """The organizer's switch: no list, and no page at the short id."""
    (event,) = await games(engine, 1)
    page = await published(engine, title="My events", kind="events", show=frozenset({"embed", "feed"}))
    name = unlisted_name(page, event)
    assert re.fullmatch("[a-z0-9]{22}", name)
    seen = await visitor.see(f"/e/{name}")
    assert "Owls at Foxes 0" in seen.text
    assert 'name="robots" content="noindex"' in seen.answer.text
    wrong = name[:-1] + ("a" if name[-1] != "a" else "b")
    for path in (f"/e/{event.id}", f"/e/{wrong}", "/s/my-events", "/feed/my-events.ics", "/qr/my-events.svg"):
        assert (await visitor.see(path)).status == 404, path
    assert (await visitor.see(f"/qr/e/{name}.svg")).status == 200
    sent = await visitor.send(f"/e/{name}", ())
    assert f"/e/{name}" in sent.page.links
    assert len(await invites(engine)) == 1
    later = await created(engine, summary="Made later")
    assert (await visitor.see(f"/e/{unlisted_name(page, later)}")).status == 200
    await changed(engine, "my-events", published=False)
    assert (await visitor.see(f"/e/{name}")).status == 404


async def test_a_name_in_other_letters_names_no_unlisted_event(engine: Engine, visitor: Visitor) -> None:
    (event,) = await games(engine, 1)
    page = await published(engine, title="My events", kind="events")
    name = unlisted_name(page, event)
    wrong = name[:ID_LENGTH] + "é" * (len(name) - ID_LENGTH)
    assert (await visitor.see(f"/e/{wrong}")).status == 404
    assert (await visitor.see(f"/sent/sent?to=/e/{wrong}")).status == 200
