"""The builders of links and of public pages, their codes to copy and to scan, and the preview beside the form."""

from __future__ import annotations

import httpx
import pytest

from engine.commands.pages.branding import SetBranding
from engine.commands.pages.links import CreateLink
from engine.engine import Engine
from engine.model.pages import Layout, PageKind, Show
from tests.console.person import PUBLIC, SAME, Person, browser, with_key
from tests.support.engines import created, do

PUBLISHES = frozenset({"read", "publish"})


async def _link(engine: Engine, person: Person, **fields: str) -> str:
    """The path of a link that the form made, to two events."""
    first, second = await created(engine, summary="Gala"), await created(engine, summary="Fair")
    await person.go(f"/console/links/new?event={first.id}")
    ticked = {f"event-{second.id}": "yes"}
    seen = await person.press("Make the link", name="May", vendor="mailchimp", **ticked, **fields)
    assert seen.status == 200, seen.text
    return seen.answer.url.path


async def test_a_link_is_made_for_what_is_ticked_and_shows_its_code(engine: Engine, person: Person) -> None:
    path = await _link(engine, person, says="Save my seat")
    (link,) = await engine.links(engine.local)
    assert (len(link.uids), link.vendor, link.button) == (2, "mailchimp", "Save my seat")
    seen = await person.go(path)
    assert f"{PUBLIC}/c/{link.token}?e=*|URL:EMAIL|*" in seen.text
    assert "Save my seat" in seen.text
    assert seen.answer.text.count("data-copy") == 3, "the button, the address, the form"


async def test_the_code_of_a_link_is_shown_for_any_other_mail_service(engine: Engine, person: Person) -> None:
    path = await _link(engine, person)
    await person.go(path)
    seen = await person.press("Show its code", vendor="klaviyo")
    assert "{{ person.email|urlencode }}" in seen.text
    assert (await person.go(f"{path}?vendor=nobody")).status == 400


async def test_a_link_is_changed_ended_and_put_back(engine: Engine, person: Person) -> None:
    path = await _link(engine, person)
    await person.go(path)
    assert "Saved." in (await person.press("Save", name="June", says="Join")).text
    assert "Ended" in (await person.press("End it")).text
    (link,) = await engine.links(engine.local)
    assert (link.name, link.button, link.active) == ("June", "Join", False)
    await person.press("Put it back")
    assert (await engine.links(engine.local))[0].active


async def test_events_for_a_link_are_found_in_words_and_one_at_least_is_ticked(
    engine: Engine, person: Person
) -> None:
    await created(engine, summary="Gala")
    await created(engine, summary="Fair")
    await person.go("/console/links/new")
    seen = await person.press("Find", q="fair")
    assert "Fair," in seen.text
    assert "Gala," not in seen.text
    seen = await person.press("Make the link", name="None")
    assert (seen.status, "No event is ticked." in seen.text) == (400, True)


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
async def test_the_address_of_a_link_is_downloaded_as_a_code(
    engine: Engine, person: Person, ending: str, begins: bytes
) -> None:
    path = await _link(engine, person)
    seen = await person.go(path)
    assert f"{path}/qr.{ending}" in seen.links
    answer = await person.web.get(f"{path}/qr.{ending}")
    assert answer.content.startswith(begins)
    assert answer.headers["content-disposition"].startswith("attachment")
    assert (await person.web.get(f"{path}/qr.exe")).status_code == 400


async def test_a_key_that_only_reads_is_not_shown_the_key_of_a_signed_link(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event = await created(engine)
    link = (await do(engine, CreateLink(name="May", events=(event.id,), vendor="braze", signed=True))).link
    for read_only, shown in ((False, True), (True, False)):
        person = await with_key(engine, web, event.organizer, scopes=PUBLISHES, read_only=read_only)
        seen = await person.go(f"/console/links/{link.id}")
        assert (link.key in seen.answer.text) is shown
        await person.press("Sign out")


async def _page(engine: Engine, person: Person, **fields: str) -> str:
    await created(engine, summary="Gala", location="Hall")
    await person.go("/console/pages/-/new")
    seen = await person.press("Put it on the web", title="Season", **fields)
    assert seen.status == 200, seen.text
    return seen.answer.url.path


@pytest.mark.parametrize("kind", ["schedule", "upcoming", "events"])
async def test_a_page_is_made_by_the_form_and_is_online_at_once(
    engine: Engine, person: Person, kind: str
) -> None:
    path = await _page(engine, person, kind=kind, slug="season", layout="cards", hours="12", intro="Come!")
    assert path == "/console/pages/season"
    page = await engine.page("season", engine.local)
    assert (page.kind, page.layout, page.hours, page.intro) == (PageKind(kind), Layout.CARDS, 12, "Come!")
    assert page.published
    seen = await person.go("/console/pages")
    assert "Season" in seen.text


async def test_a_new_page_has_layout_and_consent_of_the_branding_unless_the_form_says_otherwise(
    engine: Engine, person: Person
) -> None:
    consent = "I agree to get mail from the Club."
    await do(engine, SetBranding(layout=Layout.AGENDA, consent=consent))
    await _page(engine, person, slug="season")
    page = await engine.page("season", engine.local)
    assert (page.layout, page.consent) == (Layout.AGENDA, consent)
    await _page(engine, person, slug="other", layout="list", consent="")
    page = await engine.page("other", engine.local)
    assert (page.layout, page.consent) == (Layout.LIST, "")


async def test_a_new_page_of_an_event_has_what_its_organizer_has_set(engine: Engine, person: Person) -> None:
    event = await created(engine, organizer="bob@example.org")
    await do(engine, SetBranding(scope="bob@example.org", consent="I agree to mail of Bob."))
    seen = await person.go(f"/console/pages/-/new?event={event.id}")
    assert seen.form("Put it on the web").fields["consent"] == "I agree to mail of Bob."


async def test_a_page_is_changed_by_the_same_form_and_taken_off_the_web(
    engine: Engine, person: Person
) -> None:
    path = await _page(engine, person, slug="season")
    await person.go(path)
    shown = {"show-embed": "yes"}
    seen = await person.press("Save", title="Season 2", query="gala", colour="#7a1f1f", **shown)
    assert "Season 2" in seen.text
    assert "&lt;iframe src=" in seen.answer.text
    page = await engine.page("season", engine.local)
    assert (page.title, page.selection.query, page.colour) == ("Season 2", "gala", "#7a1f1f")
    assert Show.EMBED in page.shows
    assert "Off the web." in (await person.press("Take it off the web")).text
    assert not (await engine.page("season", engine.local)).published
    await person.press("Put it back on the web")
    assert (await engine.page("season", engine.local)).published


@pytest.mark.parametrize("title", ["New", "Preview", "Publishing"])
async def test_a_page_is_opened_and_taken_off_the_web_whatever_its_title(
    engine: Engine, person: Person, title: str
) -> None:
    await created(engine, summary="Gala")
    await person.go("/console/pages/-/new")
    seen = await person.press("Put it on the web", title=title)
    assert seen.answer.url.path == f"/console/pages/{title.lower()}"
    assert "Its address" in seen.text
    assert "Off the web." in (await person.press("Take it off the web")).text


async def test_the_preview_shows_what_the_form_describes_and_keeps_nothing(
    engine: Engine, person: Person
) -> None:
    await created(engine, summary="Gala", location="Hall")
    await created(engine, summary="Fair")
    seen = await person.go("/console/pages/-/new")
    fields = {**seen.form("Preview").fields, "title": "Draft", "query": "gala", "intro": "Hear, hear"}
    answer = await person.web.post("/console/pages/-/preview", data=fields, headers=SAME)
    assert answer.status_code == 200
    assert "Draft" in answer.text
    assert "Hear, hear" in answer.text
    assert "Gala" in answer.text
    assert "Fair" not in answer.text
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"
    assert await engine.pages(engine.local) == []


@pytest.mark.parametrize(
    "wrong", [{"colour": "#ffff00"}, {"month": "soon"}, {"title": " "}, {"events": "none"}]
)
async def test_what_cannot_be_is_refused_in_words_and_makes_no_page(
    engine: Engine, person: Person, wrong: dict[str, str]
) -> None:
    await person.go("/console/pages/-/new")
    seen = await person.press("Put it on the web", **{"title": "Season", **wrong})
    assert seen.status in {400, 404}
    assert await engine.pages(engine.local) == []


async def test_the_preview_shows_nobody_another_s_events(engine: Engine) -> None:
    event = await created(engine, organizer="bob@example.org", summary="Secret")
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com", scopes=PUBLISHES)
        seen = await ann.go("/console/pages/-/new")
        fields = {**seen.form("Preview").fields, "title": "Mine"}
        for more in ({"organizer": "bob@example.org"}, {"events": event.uid}):
            answer = await web.post("/console/pages/-/preview", data={**fields, **more}, headers=SAME)
            assert answer.status_code in {403, 404}, more
            assert "Secret" not in answer.text


async def test_codes_of_a_page_and_of_each_of_its_events_are_downloaded(
    engine: Engine, person: Person
) -> None:
    path = await _page(engine, person, slug="season")
    seen = await person.go(path)
    codes = [link for link in seen.links if "/qr." in link]
    assert len(codes) == 4
    for link in codes:
        answer = await person.web.get(link)
        assert (answer.status_code, answer.headers["content-disposition"][:10]) == (200, "attachment")


async def test_one_event_is_put_on_a_page_of_its_own_from_its_own_page(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Gala")
    await created(engine, summary="Fair")
    seen = await person.go(f"/console/events/{event.id}")
    (link,) = [link for link in seen.links if link.startswith("/console/pages/-/new")]
    await person.go(link)
    await person.press("Put it on the web")
    (page,) = await engine.pages(engine.local)
    assert [one.uid for one in await engine.page_events(page)] == [event.uid]


async def test_nobody_sees_or_changes_the_links_and_pages_of_another(
    engine: Engine, person: Person, web: httpx.AsyncClient
) -> None:
    link, page = await _link(engine, person), await _page(engine, person, slug="season")
    async with browser(engine) as other:
        ann = await with_key(engine, other, "ann@example.com", scopes=PUBLISHES)
        for path in (link, page, f"{link}/qr.svg", f"{page}/qr.svg"):
            assert (await ann.go(path)).status == 404, path
        for path in ("/console/links", "/console/pages"):
            text = (await ann.go(path)).text
            assert "May" not in text
            assert "Season" not in text


async def test_one_button_publishes_every_event_and_another_takes_it_back(
    engine: Engine, person: Person
) -> None:
    await created(engine)
    await person.go("/console/pages")
    seen = await person.press("Publish every event")
    assert "Every event has a page of its own now" in seen.text
    (page,) = await engine.pages(engine.local)
    assert (page.kind, page.published) == (PageKind.UPCOMING, True)
    seen = await person.press("Take them off the web")
    assert "Off the web" in seen.text
    assert not (await engine.pages(engine.local))[0].published
