"""What keys do and are refused, mail, people who take none, organizers, links and pages: each in German.

tests/console/test_languages.py has how a page gets its language, and the other pages.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cis_mcp.console.services import SAID
from cis_mcp.locale.languages import language as locale
from cis_mcp.views.vendors import ours
from engine.commands.agents.keys import CreateKey
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.suppressing import Suppress
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage, UpdatePage
from engine.engine import Engine
from engine.imports.pictures import with_pictures
from engine.inbox.quarantine import Quarantine
from engine.inbox.spool.spool import OwnMailbox
from engine.mail.locale.language import TAGS
from engine.model.bounds import Approval, Bounds, Mode
from engine.model.inbox_messages import InboxMessage
from tests.console.german import DATA as _DATA
from tests.console.german import english_in as _english_in
from tests.console.german import seen_in as _seen
from tests.console.person import PUBLIC, Person, browser, operator
from tests.pages.test_pictures import png
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in
from tests.support.inboxes import inbox_of, receiving

NOW = datetime(2027, 1, 1, tzinfo=UTC)
_SERVICES = {"campaign", "contact", "kit"}
"""In the names of mail services."""


async def test_keys_and_the_forms_of_their_bounds_say_nothing_in_english_in_german(
    engine: Engine, person: Person
) -> None:
    bounds = Bounds(
        owner="boss@example.com",
        day=1,
        to=("*@example.com",),
        not_to=("cleo@example.com",),
        approval=(Approval.CHANGES,),
        mode=Mode.OBSERVE,
    )
    key = (await do(engine, CreateKey(name="Robert", address="ann@example.com", bounds=bounds))).key
    event = await created(engine, summary="Konzert", organizer="ann@example.com")
    for name in ("bob@example.com", "eve@example.com", "eve@example.org", "cleo@example.com"):
        await do(engine, SendInvite(uid=event.uid, email=name), key.actor)
    new = (
        await do(engine, CreateKey(name="Neu", address="ann@example.com", bounds=Bounds(probation_days=3)))
    ).key
    paths = (f"/console/keys/{key.id}", f"/console/keys/{key.id}/bounds", f"/console/keys/{new.id}")
    pages = [await _seen(person, path, "de") for path in paths]
    person.web.headers["Accept-Language"] = "de"
    await person.go("/console/keys/new")
    pages.append((await person.press("Schlüssel anlegen", name="Robert")).answer.text)
    for page in pages:
        assert '<html lang="de"' in page
        assert _english_in(page) - _DATA == set()
    assert "Doppelt so viel erlauben" in pages[0] and "Auch dies erlauben" in pages[0]
    assert "Diese Adresse oder dieses Muster wieder erlauben" in pages[0]
    assert "E-Mails am Tag: Mehr werden abgelehnt" in pages[1]
    assert "Probezeit beenden" in pages[2]


async def test_mail_that_waits_mail_to_agents_and_who_takes_none_are_told_in_german(
    engine: Engine, person: Person
) -> None:
    event = mails.vevent("u1", organizer="ben@example.com", summary="Konzert")
    asked = mails.request(event, sender="ben@example.com", proven=False, subject="Konzert")
    async with inbox_of(engine) as inbox:
        await inbox.take(asked.as_bytes(), (OwnMailbox(name="create"),))
        await inbox.take(asked.as_bytes().replace(b"u1", b"u2"), (OwnMailbox(name="create"),))
    wrote = {"organizer": "ann@example.com", "sender": "eve@example.net", "subject": "Frage", "text": "Wo?"}
    known = {"at": NOW, "kind": "mail", **wrote}
    async with engine.store.unit() as unit:
        for name, values in (("m1", {"proof": "example.net", "answered": NOW}), ("m2", {"automatic": True})):
            await unit.save_inbox_message(InboxMessage.model_validate({"id": name, **known, **values}))
    await do(engine, Suppress(targets=("example.net",)))
    person.web.headers["Accept-Language"] = "de"
    first, second = [mail.id for mail in (await Quarantine(engine).page()).mails]
    paths = ("/console/do-not-mail", "/console/messages", "/console/messages/m1", "/console/messages/m2")
    pages = [await person.go(path) for path in (*paths, "/console/quarantine")]
    pages.append(await person.go(f"/console/quarantine/{first}"))
    pages.append(await person.press("Durchlassen"))
    await person.go(f"/console/quarantine/{second}")
    pages.append(await person.press("Beiseitelegen"))
    await deliver(engine)
    pages += [await person.go(path) for path in ("/console/quarantine", "/console/record")]
    for page in pages:
        assert '<html lang="de"' in page.answer.text
        assert _english_in(page.answer.text) - _DATA - {"console", "create", "from", "message"} == set()
    told = " ".join(page.text for page in pages)
    for said in (
        "2 E-Mails warten",
        "Nichts belegt, wer es gesendet hat.",
        "Sie wurde bearbeitet: Termin angelegt.",
    ):
        assert said in told
    assert "was nichts belegt" in told and "Soeben geprüft" in told and "E-Mail freigegeben" in told


@pytest.mark.parametrize("path", ["/console/do-not-mail", "/console/messages", "/console/quarantine"])
async def test_a_list_of_mail_that_is_empty_says_in_german_what_comes_there(
    person: Person, path: str
) -> None:
    page = await _seen(person, path, "de")
    assert '<html lang="de"' in page
    assert _english_in(page) == set()


async def test_links_pages_and_their_pictures_are_made_in_german(engine: Engine, person: Person) -> None:
    event = await created(engine, summary="Konzert")
    link = (await do(engine, CreateLink(name="Mai", events=(event.id,), vendor="own", signed=True))).link
    page = (await do(engine, CreatePage(title="Saison"))).page
    picture = await with_pictures(engine, engine.local, page.organizer, {"logo": png(2, 2)})
    await do(engine, UpdatePage(slug=page.slug, **picture))
    paths = (
        "/console/links/new",
        "/console/links/new?q=zzz",
        f"/console/links/{link.id}",
        "/console/pages/-/new",
    )
    for path in (*paths, f"/console/pages/{page.slug}", f"/console/pages/{page.slug}/pictures"):
        seen = await _seen(person, path, "de")
        assert '<html lang="de"' in seen, path
        assert _english_in(seen) - _DATA - _SERVICES == set(), path
    assert "Das jetzige Logo" in seen


def test_what_is_said_of_mail_services_is_said_in_each_language() -> None:
    said = {text for service in ours() for text in (*service.steps, service.test)}
    assert said <= set(SAID)
    for tag in TAGS:
        assert {text for text in SAID if not locale(tag).knows(text)} == set()


async def test_organizers_are_found_and_set_in_german(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, public_url=PUBLIC, plans="pro=0/0/30") as engine:
        await created(engine, organizer="olga@example.com")
        async with browser(engine) as web:
            person = await operator(engine, web)
            person.web.headers["Accept-Language"] = "de"
            listed = await person.go("/console/organizers")
            found = next(link for link in listed.links if link.endswith("/settings"))
            pages = [listed, await person.press("Suchen", q="zzz.example"), await person.go(found)]
            pages.append(await person.press("Einstellen", plan="pro", lists=""))
            pages.append(await person.press("Sperren"))
    for page in pages:
        assert '<html lang="de"' in page.answer.text
        assert _english_in(page.answer.text) == set()
    assert "Er darf nicht an Listen senden. Er hat den Tarif pro bis" in pages[3].text
    assert "Gesperrt: Nichts von ihm geht hinaus." in pages[4].text


async def test_the_mail_of_an_event_and_its_organizers_own_are_shown_in_german(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, sender_auth="off") as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        async with receiving(engine) as take:
            taken = await take(mails.request(mails.vevent(summary="Konzert"), subject="Konzert"))
        person.web.headers["Accept-Language"] = "de"
        pages = [await person.go(f"/console/events/{taken.uid}/message")]
        (link,) = [link for link in pages[0].links if "/mails/" in link]
        pages.append(await person.press("Adressen anzeigen"))
        pages.append(await person.go(link))
        pages.append(await person.press("Adressen anzeigen, und die E-Mail, wie sie kam"))
    for page in pages:
        assert '<html lang="de"' in page.answer.text
        assert _english_in(page.answer.text) - {"from", "message", "to"} == set()
    assert "E-Mail 1 von 1, die den Termin angelegt oder geändert hat" in pages[0].text
