"""The page of one event."""

from __future__ import annotations

import json
import re

import pytest

from engine.commands.events.events import CancelEvent
from engine.engine import Engine
from tests.pages.visitor import Visitor, changed, games, invites, published
from tests.support.engines import attendee, do


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
