"""Branding at the console: shown before it is saved, in force at once, reset, and each organizer's own."""

from __future__ import annotations

from email import message_from_bytes, policy

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages import published as pages
from engine.commands.pages.branding import MailBrandingCopies, SetBranding
from engine.commands.pages.pictures import KeepPicture
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.branding import Hub, MailText
from engine.model.messages import Kind
from engine.model.verbs import Verb
from engine.outbox.render import Renderer
from engine.outbox.shown import copies, shown
from engine.refusals import Code, Refused
from tests.console.person import SAME, Person, browser, crawled, with_key
from tests.pages.test_pictures import png
from tests.pages.visitor import published as publish
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, invite

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
    assert "Saved: the next page and mail will look like this." in seen.text
    assert f"The Club {HOSTILE}" in seen.text
    assert HOSTILE not in seen.answer.text
    assert '<link rel="stylesheet" href="/brand/0a5c36.css">' in (await person.go("/console")).answer.text


async def test_a_text_with_an_address_stays_as_it_is_when_something_else_is_changed(
    engine: Engine, person: Person
) -> None:
    given = {
        "title": "Club, club@club.example",
        "footer": "Questions: help@club.example",
        "consent": "Mail of news@club.example is welcome.",
        "text_invite": "boss@club.example asks you.",
    }
    await person.go("/console/branding")
    await person.press("Show it", **given)
    await person.press("Save")
    await person.go("/console/branding")
    await person.press("Save", colour="#0a5c36")
    kept = await engine.branding_of("")
    assert (kept.title, kept.footer, kept.consent) == (given["title"], given["footer"], given["consent"])
    assert kept.texts[MailText.INVITE] == given["text_invite"]
    assert kept.colour == "#0a5c36"


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
    await person.press("Reset the text: invite")
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


PARTS = {
    Hub.LISTS: "/console/lists",
    Hub.LINKS: "/console/links",
    Hub.PAGES: "/console/pages",
    Hub.REPORTS: "/console/reports",
    Hub.EXPORTS: "/console/exports",
    Hub.AGENTS: "/console/agents",
    Hub.MESSAGES: "/console/messages",
    Hub.RECORD: "/console/record",
    Hub.WEBHOOKS: "/console/webhooks",
    Hub.TRIGGERS: "/console/triggers",
    Hub.DEVELOPER: "/console/developer",
    Hub.VERIFY: "/console/verify",
    Hub.BRANDING: "/console/branding",
}


async def test_what_the_installation_switches_off_organizers_do_not_have(
    engine: Engine, person: Person
) -> None:
    assert set(PARTS) == set(Hub)
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org", scopes=frozenset(Verb) - {Verb.ADMIN})
        linked = await crawled(bob)
        for off, path in PARTS.items():
            assert any(at == path or at.startswith(f"{path}/") for at in linked), path
            assert (await bob.go(path)).status == 200, path
            await do(engine, SetBranding(off=frozenset({off})))
            assert "has switched that off" in (await bob.go(path)).text, path
            pages = await crawled(bob)
            assert [at for at in pages if at == path or at.startswith(f"{path}/")] == [], path
            assert (await person.go(path)).status == 200, path
            await do(engine, SetBranding(off=frozenset()))


async def test_an_organizer_has_their_own_list_of_vendors(engine: Engine, person: Person) -> None:
    for organizer in ("bob@example.org", "eve@example.org"):
        await created(engine, organizer=organizer)
    async with browser(engine) as web, browser(engine) as elsewhere:
        bob = await with_key(engine, web, "bob@example.org", scopes=frozenset({"read", "publish"}))
        eve = await with_key(engine, elsewhere, "eve@example.org", scopes=frozenset({"read", "publish"}))
        await bob.go("/console/branding")
        await bob.press("Hide Klaviyo")
        assert "Klaviyo" not in (await bob.go("/console/links/new")).text
        assert "Klaviyo" in (await eve.go("/console/links/new")).text
        assert "Klaviyo" in (await person.go("/console/links/new")).text
        await bob.go("/console/branding")
        await bob.press("Offer Klaviyo")
        assert "Klaviyo" in (await bob.go("/console/links/new")).text
        await person.go("/console/branding")
        await person.press("Hide Mailchimp")
        assert "Mailchimp" not in (await bob.go("/console/branding")).text
        assert "Mailchimp" not in (await bob.go("/console/links/new")).text


async def test_a_text_is_set_for_the_readers_of_one_language(engine: Engine, person: Person) -> None:
    await person.go("/console/branding")
    await person.press("Save", text_invite="Come!", text_update="News!")
    await person.go("/console/branding?language=de")
    assert "Komm!" in (await person.press("Show it", text_invite="Komm!")).text
    await person.press("Save", text_invite="Komm!")
    event = await created(engine)
    await invite(engine, event, "ann@guests.example", fields={"lang": "de"})
    await invite(engine, event, "bob@guests.example", fields={"lang": "fr"})
    mails = {mail.email: await _text_of(engine, mail.email, event.uid) for mail in await deliver(engine)}
    assert mails["ann@guests.example"].startswith("Komm!")
    assert mails["bob@guests.example"].startswith("Come!")
    await person.go("/console/branding?language=de")
    await person.press("Reset the text: invite")
    kept = await engine.branding_of("")
    assert kept.opening(Kind.INVITE, "", "de") == "Come!"
    assert (await person.go("/console/branding?language=klingon")).status == 400


async def _text_of(engine: Engine, email: str, uid: str) -> str:
    return (await shown(engine, uid, engine.local, email=email)).text


async def test_an_organizer_s_text_for_all_comes_before_the_installation_s_for_some(engine: Engine) -> None:
    await do(engine, SetBranding(texts={MailText.INVITE: "Komm!"}, language="de"))
    await do(engine, SetBranding(scope="bob@example.org", texts={MailText.INVITE: "Bob asks you."}))
    bob, eve = [await engine.branding_of(f"{name}@example.org") for name in ("bob", "eve")]
    assert bob.opening(Kind.INVITE, "", "de") == "Bob asks you."
    assert eve.opening(Kind.INVITE, "", "de") == "Komm!"
    await do(
        engine,
        SetBranding(scope="bob@example.org", texts={MailText.INVITE: "Bob fragt."}, language="de"),
    )
    bob = await engine.branding_of("bob@example.org")
    assert bob.opening(Kind.INVITE, "", "de") == "Bob fragt."
    assert bob.opening(Kind.INVITE, "", "fr") == "Bob asks you."


async def test_an_address_gets_a_copy_of_each_kind_of_mail(engine: Engine, person: Person) -> None:
    await person.go("/console/branding")
    await person.press("Save", footer="Club e.V.", text_invite="Come!", text_notice="A word:")
    seen = await person.press("Mail a copy of each kind", to="boss@example.net")
    assert "Five mails are on their way." in seen.text
    mails = [mail for mail in await deliver(engine) if mail.email == "boss@example.net"]
    told = {mail.notice.subject.partition("]")[0]: mail.notice for mail in mails if mail.notice}
    assert set(told) == {"[invite", "[update", "[cancel", "[report", "[notice"}
    assert told["[invite"].text.startswith("Come!")
    assert "Club e.V." in told["[invite"].html
    assert told["[notice"].text.count("A word:") == 1
    await person.go("/console/branding")
    assert (await person.press("Mail a copy of each kind", to="boss@example.net")).status == 429


async def test_a_copy_leaves_as_it_looks_with_text_and_html_and_without_a_calendar(
    engine: Engine,
) -> None:
    await do(engine, SetBranding(footer="Club e.V.", texts={MailText.NOTICE: "A word:"}))
    mails = await copies(engine, await engine.branding_of(""))
    await do(engine, MailBrandingCopies(to="boss@example.net", mails=mails))
    renderer = Renderer(engine.settings, engine.store)
    sent = [await renderer.render(one, engine.clock()) for one in await claim(engine)]
    left = [message_from_bytes(one.content, policy=policy.default) for one in sent]
    assert len(left) == 5
    for mail in left:
        kinds = [part.get_content_type() for part in mail.walk()]
        assert "text/calendar" not in kinds
        (text,) = [part.get_content() for part in mail.walk() if part.get_content_type() == "text/plain"]
        assert text.count("Club e.V.") == 1
        assert ("text/html" in kinds) == (mail["Subject"].split("]")[0][1:] in {"invite", "update", "cancel"})


async def test_an_organizer_has_copies_mailed_to_themselves_alone(engine: Engine) -> None:
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org", scopes=frozenset({"read", "publish"}))
        form = (await bob.go("/console/branding")).form("Mail me a copy of each kind")
        given = {**form.fields, "to": "victim@example.net"}
        await web.post(form.action, data=given, headers=SAME)
    assert {mail.email for mail in await deliver(engine)} == {"bob@example.org"}
    actor = Actor(kind="organizer", address="bob@example.org")
    command = MailBrandingCopies(scope="bob@example.org", to="victim@example.net", mails=())
    with pytest.raises(Refused) as refused:
        await engine.apply(command, actor)
    assert refused.value.code is Code.NOT_ALLOWED


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
