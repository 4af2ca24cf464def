"""Branding at the console: shown before it is saved, in force at once, reset, and each organizer's own."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages import published as pages
from engine.commands.pages.branding import SetBranding
from engine.commands.pages.pictures import KeepPicture
from engine.engine import Engine
from engine.model.branding import Hub
from engine.outbox.shown import shown
from tests.console.person import Person, browser, with_key
from tests.pages.test_pictures import png
from tests.pages.visitor import published as publish
from tests.support.clock import Clock
from tests.support.engines import created, do, invite

HOSTILE = "<script>alert(1)</script>"


async def test_branding_is_shown_before_it_is_saved_and_then_in_force_at_once(
    engine: Engine, person: Person
) -> None:
    await person.go("/console/developer")
    assert person.seen
    assert "/console/branding" in person.seen.links
    await person.go("/console/branding")
    given = {
        "title": f"The Club {HOSTILE}",
        "colour": "#0a5c36",
        "footer": "Club e.V.",
        "text_invite": "Come!",
    }
    seen = await person.press("Show it", **given)
    assert "Come!" in seen.text
    assert "Club e.V." in seen.text
    assert "frame-src 'self'" in seen.answer.headers["content-security-policy"]
    frame = await person.web.get("/console/branding/preview/invite")
    assert "Come!" in frame.text
    assert HOSTILE not in frame.text
    assert frame.headers["content-security-policy"].startswith("sandbox")
    page = await person.web.get("/console/branding/preview/page")
    assert "/brand/0a5c36.css" in page.text
    assert HOSTILE not in page.text
    assert await engine.store.branding("") is None, "nothing is in force yet"
    seen = await person.press("Save", **given)
    assert "Saved: the next page and the next mail look so." in seen.text
    assert f"The Club {HOSTILE}" in seen.text
    assert HOSTILE not in seen.answer.text
    assert '<link rel="stylesheet" href="/brand/0a5c36.css">' in (await person.go("/console")).answer.text


async def test_a_colour_on_which_white_letters_cannot_be_read_is_refused(
    engine: Engine, person: Person
) -> None:
    for button in ("Show it", "Save"):
        await person.go("/console/branding")
        seen = await person.press(button, colour="#ffe08a")
        assert seen.status == 400
        assert "too light for white text" in seen.text
    assert await engine.store.branding("") is None


async def test_one_text_and_everything_are_reset(engine: Engine, person: Person) -> None:
    await person.go("/console/branding")
    await person.press("Save", title="Club", text_invite="Come!", text_update="News!")
    await person.press("Reset the text of invite")
    kept = await engine.branding_of("")
    assert kept.texts.get("invite", "") == ""  # type: ignore[call-overload]
    assert kept.title == "Club"
    await person.press("Reset everything")
    assert await engine.store.branding("") is None


async def test_an_organizer_brands_their_own_and_the_operator_each(engine: Engine, person: Person) -> None:
    await created(engine, organizer="bob@example.org")
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org", scopes=frozenset({"read", "publish"}))
        seen = await bob.go("/console/branding")
        assert "Branding of one organizer" in seen.text
        assert "What organizers have" not in seen.text
        await bob.press("Save", title="Bob's")
        assert "Bob's" in (await bob.go("/console")).text
    assert (await engine.branding_of("bob@example.org")).title == "Bob's"
    assert (await engine.branding_of("")).title == ""
    seen = await person.go("/console/reports")
    (link,) = [link for link in seen.links if "/organizers/" in link]
    seen = await person.go(link)
    (link,) = [link for link in seen.links if "/console/branding?scope=" in link]
    seen = await person.go(link)
    assert 'value="Bob&#39;s"' in seen.answer.text
    seen = await person.press("Save", title="Bobby's")
    assert (await engine.branding_of("bob@example.org")).title == "Bobby's"


async def test_a_key_that_may_not_publish_brands_nothing(engine: Engine, web: httpx.AsyncClient) -> None:
    bob = await with_key(engine, web, "bob@example.org", scopes=frozenset({"read"}))
    await bob.go("/console/branding")
    assert (await bob.press("Save", title="x")).status == 403
    assert await engine.store.branding("bob@example.org") is None


@pytest.mark.parametrize("path", ["/console/agents", "/console/record"])
async def test_what_the_installation_switches_off_organizers_do_not_have(
    engine: Engine, person: Person, path: str
) -> None:
    await do(engine, SetBranding(off=frozenset({Hub.AGENTS})))
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org")
        seen = await bob.go("/console")
        assert "/console/agents" not in seen.links
        assert "/console/reports" in seen.links
        assert "has switched that off" in (await bob.go(path)).text
    assert (await person.go(path)).status == 200


async def test_vendors_are_hidden_and_offered_again(engine: Engine, person: Person) -> None:
    await person.go("/console/branding")
    await person.press("Hide Klaviyo")
    kept = {one.id: one.hidden for one in await engine.vendors_kept()}
    assert kept == {"klaviyo": True}
    await person.press("Offer Klaviyo")
    assert not (await engine.vendors_kept())[0].hidden


async def test_public_pages_have_colour_and_last_lines_of_the_branding(engine: Engine) -> None:
    event = await created(engine, organizer=engine.local.address)
    await invite(engine, event, "kim@guests.example")
    await publish(engine, title="Season", slug="season")
    app = Starlette(routes=pages.routes(engine))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://cis.example.com"
    ) as web:
        for path in ("/s/season", f"/e/{event.id}"):
            assert "Club e.V." not in (await web.get(path)).text
        await do(engine, SetBranding(title="The Club", colour="#0a5c36", footer="Club e.V."))
        for path in ("/s/season", f"/e/{event.id}"):
            text = (await web.get(path)).text
            assert "Club e.V." in text
            assert "The Club" in text
            assert "/brand/0a5c36.css" in text


async def test_a_logo_stands_above_the_console_the_pages_and_the_mails(
    engine: Engine, person: Person, clock: Clock
) -> None:
    await person.go("/console/branding")
    assert (await person.press("Use as logo", file=("logo.svg", b"<svg/>"))).status == 400
    await person.go("/console/branding")
    seen = await person.press("Use as logo", file=("logo.png", png(64, 32)))
    assert "Saved" in seen.text
    kept = (await engine.branding_of("")).logo
    assert kept is not None
    assert f'src="/brand/picture/{kept.name}"' in (await person.go("/console")).answer.text
    event = await created(engine, organizer=engine.local.address)
    await publish(engine, title="Season", slug="season")
    app = Starlette(routes=pages.routes(engine))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://cis.example.com"
    ) as web:
        assert f'src="/brand/picture/{kept.name}"' in (await web.get("/s/season")).text
    mail = (await shown(engine, event.uid, engine.local)).html
    assert (
        f'<img src="https://cis.example.com/brand/picture/{kept.name}" alt="Logo" width="64" height="32"'
        in mail
    )
    clock.move(hours=11)
    await person.go("/console/branding")
    clock.move(hours=11)
    await person.go("/console/branding")
    clock.move(hours=3)
    await do(engine, KeepPicture(content=png(8, 8)))
    assert await engine.picture(kept.name), "what a branding shows is kept"
    await person.press("Take the logo away")
    assert (await engine.branding_of("")).logo is None


async def test_mails_link_to_the_domain_of_the_branding(engine: Engine, person: Person) -> None:
    await person.go("/console/branding")
    await person.press("Save", domain="Invites.Club.example")
    event = await created(engine)
    mail = await shown(engine, event.uid, engine.local)
    for text in (mail.text, mail.html):
        assert "https://invites.club.example" in text
        assert "https://cis.example.com" not in text
    await person.go("/console/branding")
    assert (await person.press("Save", domain="no host")).status == 400
