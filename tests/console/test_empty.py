"""A new installation: every page of the console is there, and says what to do first; frames that pages share."""

from __future__ import annotations

import re

import pytest

from cis_mcp.console.routes import screens
from engine.engine import Engine
from tests.console.person import Person, browser, with_key
from tests.support.engines import created

FORMS = {
    "/console/events/new": "Create",
    "/console/keys/new": "Make the key",
    "/console/pages/-/new": "Put it on the web",
    "/console/triggers/-/new": "Set it up",
    "/console/branding": "Show it",
}
"""Pages that are a form, and the button that each is for."""
EMPTY = {
    "/console": "Create an event",
    "/console/events": "Create the first one",
    "/console/events?when=past": "Create the first one",
    "/console/events?view=month": "New event",
    "/console/lists": "Choose an event, and “Invite a list”",
    "/console/links": "Make the first one",
    "/console/links/new": "Create an event first",
    "/console/pages": "Make the first one",
    "/console/reports": "the first event makes one",
    "/console/reports/compare": "Choose 2 to 10 events.",
    "/console/exports": "Choose a table below",
    "/console/organizers": "the first event makes one",
    "/console/agents": "cis-mcp key create",
    "/console/triggers": "Set up the first one",
    "/console/webhooks": "Enter an address below",
    "/console/messages": "What people send in free text",
    "/console/do-not-mail": "added by the form above",
    "/console/quarantine": "Mail whose sender is not proven comes here",
    "/console/record": "Verified just now",
    "/console/orders": "have the shop post its orders",
    "/console/developer": "An agent proposes one, or this makes it: cis-mcp trigger create",
    "/console/verify": "Six ticks before you begin",
    "/console/verify/events": "in your calendar, create an event",
    "/console/verify/steps": "in your calendar, create an event",
    "/console/verify/run": "Run it",
    "/console/signin/oauth": "or give you the right to",
    "/console/signin/oauth/back": "Begin again, or sign in by mail",
}
"""What each page says to somebody who has nothing yet."""


def test_every_page_that_can_be_empty_is_looked_at() -> None:
    pages = {screen.path for screen in screens() if screen.method == "GET" and "{" not in screen.path}
    assert pages - {"/console/signin"} == {path.partition("?")[0] for path in EMPTY} | set(FORMS)


@pytest.mark.parametrize("path", EMPTY)
async def test_a_page_without_anything_says_what_to_do_first(person: Person, path: str) -> None:
    assert EMPTY[path] in (await person.go(path)).text


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_of_a_new_installation_can_be_filled_in_at_once(person: Person, path: str) -> None:
    seen = await person.go(path)
    assert seen.status == 200 and seen.form(FORMS[path])


@pytest.mark.parametrize(
    ("path", "hub"),
    [
        ("/console", "/console"),
        ("/console/events/new", "/console/events"),
        ("/console/keys/new", "/console/agents"),
        ("/console/record", "/console/agents"),
        ("/console/exports", "/console/reports"),
        ("/console/branding", "/console/developer"),
        ("/console/events/none", "/console/events"),
    ],
)
async def test_the_navigation_marks_the_hub_to_which_a_page_belongs(
    person: Person, path: str, hub: str
) -> None:
    page = (await person.go(path)).answer.text.partition("</nav>")[0]
    assert re.findall(r'<a href="([^"]*)" aria-current="page">', page) == [hub]


async def test_an_event_without_people_says_how_to_invite_the_first(engine: Engine, person: Person) -> None:
    event = await created(engine)
    seen = await person.go(f"/console/events/{event.id}")
    assert "Nobody is invited yet." in seen.text and seen.form("Send the invite")


async def test_pages_that_share_a_frame_have_each_visitors_own_name_and_token(engine: Engine) -> None:
    async with browser(engine) as one, browser(engine) as two:
        ann, bob = [await with_key(engine, w, f"{n}@example.com") for w, n in ((one, "ann"), (two, "bob"))]
        for _ in range(2):
            pages = [(await who.go("/console/lists")).answer.text for who in (ann, bob)]
            assert ann.token != bob.token
            for page, who, other in zip(pages, (ann, bob), (bob, ann), strict=True):
                assert who.token in page and other.token not in page
            assert ["ann@example.com" in page for page in pages] == [True, False]
