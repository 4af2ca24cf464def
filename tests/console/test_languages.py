"""The console speaks the language of its organizer, else the browser's, on the pages that are translated."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jinja2 import Environment

from cis_mcp.console import speaking
from cis_mcp.console.sealing import Purpose
from engine.commands.agents.keys import CreateKey
from engine.commands.campaigns.campaigns import ControlCampaign, confirm_token
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from engine.mail.locale.language import SOURCE, TAGS
from engine.model.people import Partstat
from tests.console.german import DATA as _DATA
from tests.console.german import english_in as _english_in
from tests.console.german import seen_in as _seen
from tests.console.person import SAME, Person, browser, with_key
from tests.support.approvals import waiting
from tests.support.engines import answer, created, deliver, do, drafted, invite

TEMPLATES = Path(speaking.__file__).parent / "templates"
OTHERS = [tag for tag in TAGS if tag != SOURCE]
PAGES = (
    *("/console", "/console/events", "/console/events?when=past", "/console/lists", "/console/links"),
    *("/console/pages", "/console/reports", "/console/agents", "/console/developer"),
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_translated_page_is_in_the_browsers_language_and_says_so(
    engine: Engine, person: Person, path: str
) -> None:
    event = await created(engine, summary="Konzert")
    await drafted(engine, event, ["ann@example.com"])
    assert '<html lang="en" dir="ltr">' in await _seen(person, path, "xx")
    for tag in OTHERS:
        page = await _seen(person, path, tag)
        assert f'<html lang="{tag}" dir="{"rtl" if tag == "ar" else "ltr"}">' in page


@pytest.mark.parametrize("path", [*PAGES, "/console/events?q=zzz", "/console/events?t=events&filter=x"])
async def test_a_translated_page_in_german_says_nothing_in_english(
    engine: Engine, person: Person, path: str
) -> None:
    event = await created(engine, summary="Konzert", location="Gasteig")
    await drafted(engine, event, ["ann@example.com"])
    page = await _seen(person, path, "de")
    assert _english_in(page) == set()


@pytest.mark.parametrize("path", ["/console/links", "/console/pages", "/console/reports", "/console/agents"])
async def test_a_hub_with_something_in_it_says_nothing_in_english_in_german(
    engine: Engine, person: Person, path: str
) -> None:
    event = await created(engine, summary="Konzert", organizer="ann@example.com")
    ann = (await invite(engine, event, "bob@example.com")).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    await do(engine, CreateLink(name="Mai", events=(event.id,), vendor="own"))
    await do(engine, CreatePage(title="Saison"))
    await do(engine, CreateKey(name="Robert", address="ann@example.com"))
    page = await _seen(person, path, "de")
    assert _english_in(page) - _DATA == set()


async def test_what_waits_for_a_yes_is_decided_in_german(engine: Engine, person: Person) -> None:
    event = await created(engine, summary="Konzert", location="Gasteig")
    await invite(engine, event, "bob@example.com")
    held = await waiting(engine, event.uid, location="Olympiahalle")
    page = await _seen(person, f"/console/held/{held}", "de")
    assert "Ja, ausführen" in page and "Warum es wartet" in page
    assert _english_in(page) - _DATA == set()
    await person.go("/console/lists")
    sent = {"token": person.token, "decision": "yes"}
    await person.web.post(f"/console/held/{held}/decide", data=sent, headers=SAME)
    page = await _seen(person, f"/console/held/{held}", "de")
    assert "Es wurde bereits genehmigt und ausgeführt." in page and "Entschieden von" in page


async def test_reports_people_and_asking_again_say_nothing_in_english_in_german(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Konzert", organizer="ann@example.com")
    other = await created(engine, summary="Messe", organizer="ann@example.com")
    await invite(engine, event, "cleo@example.com")
    ann = (await invite(engine, event, "bob@example.com")).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    await do(engine, CreateLink(name="Mai", events=(event.id,), vendor="own"))
    await person.go("/console/lists")
    at, organizer = f"/console/events/{event.id}", person.seal("ann@example.com")
    paths = (
        f"/console/reports/events/{event.id}",
        f"/console/reports/organizers/{organizer}",
        f"/console/reports/organizers/{organizer}/answers",
        f"/console/reports/compare?e={event.id}&e={other.id}",
        *(f"{at}/people", f"{at}/people/{person.seal('bob@example.com', Purpose.PERSON)}", f"{at}/remind"),
        "/console/events?view=month&month=2027-05",
    )
    for path in paths:
        page = await _seen(person, path, "de")
        assert '<html lang="de"' in page, path
        assert _english_in(page) - _DATA == set(), path
    sent = {"token": person.token, "who-noaction": "yes"}
    looked = await person.web.post(f"{at}/remind", data=sent, headers={**SAME, "Accept-Language": "de"})
    assert "1 Person wird noch einmal gefragt" in looked.text
    assert _english_in(looked.text) == set()


@pytest.mark.parametrize(
    ("path", "reason", "next_step"),
    [
        ("/console/events/none", "Keiner Ihrer Termine", "Suchen Sie ihn unter Termine."),
        ("/console/keys/none", "gibt es hier nicht", "Die Schlüssel stehen unter Agenten."),
        ("/console/reports/compare", "", "beginnen Sie neu bei der Übersicht"),
    ],
)
async def test_a_refusal_says_why_and_what_to_do_next_in_the_language_of_the_visitor(
    person: Person, path: str, reason: str, next_step: str
) -> None:
    answer = await person.web.get(path, headers={"Accept-Language": "de"})
    assert answer.status_code >= 400 and '<html lang="de" dir="ltr">' in answer.text
    assert "Es wurde nichts getan" in answer.text
    assert reason in answer.text and next_step in answer.text
    assert _english_in(answer.text) - {"none"} == set()


_NAMES = {
    *("AWS", "Calendar", "CSV", "Invite", "MCP", "OpenAPI", "PNG", "QR", "REST", "SVG", "Server", "UTC"),
    *("Yes", "cis", "mcp"),
}
"""Names, and what is typed or asked for as it is, in whatever language."""
_FILES = re.compile(r"<code>.*?</code>|/\w+|\w+\.(?:md|txt)|s3://.*?NAME", re.DOTALL)


@pytest.mark.parametrize("name", sorted(path.name for path in TEMPLATES.glob("*.html")))
def test_a_template_has_no_text_but_messages(name: str) -> None:
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    fixed = "".join(text if kind == "data" else "\0" for _, kind, text in Environment().lex(source))
    spoken = re.findall(r'(?:aria-label|placeholder|title|alt)="([^"]*)"', fixed)
    texts = [*spoken, re.sub(r"<[^>]*>", " ", _FILES.sub(" ", fixed))]
    words = {word for text in texts for word in re.findall(r"[A-Za-z]{2,}", text)}
    assert words - _NAMES == set()


@pytest.mark.parametrize("path", ["", "/edit", "/list"])
async def test_an_event_its_form_and_its_list_in_german_say_nothing_in_english(
    engine: Engine, person: Person, path: str
) -> None:
    event = await created(engine, summary="Konzert", location="Gasteig", places=3, description="Musik")
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    await drafted(engine, event, ["bob@example.com"])
    await do(engine, CreateLink(name="Mai", events=(event.id,), vendor="own"))
    await do(engine, CreatePage(title="Saison"))
    page = await _seen(person, f"/console/events/{event.id}{path}", "de")
    assert '<html lang="de"' in page
    assert _english_in(page) - _DATA == set()


async def test_a_list_from_its_draft_to_its_end_in_german_says_nothing_in_english(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Konzert", location="Gasteig")
    draft = (await drafted(engine, event, ["ann@example.com", "keine", "ann@example.com"])).campaign
    path = f"/console/lists/{draft.id}"
    pages = [await _seen(person, path, "de"), await _seen(person, f"{path}/sample?row=2", "de")]
    assert "Zeile 2" in pages[1]
    await do(
        engine,
        ControlCampaign(campaign_id=draft.id, action="start", confirm_token=confirm_token(draft, event)),
    )
    pages.append(await _seen(person, path, "de"))
    await deliver(engine)
    pages.append(await _seen(person, path, "de"))
    for page in pages:
        assert '<html lang="de"' in page
        assert _english_in(page) - _DATA == set()


async def test_what_a_change_and_a_cancellation_would_do_is_told_in_german(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Konzert", location="Gasteig")
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    await answer(engine, ann, Partstat.ACCEPTED)
    person.web.headers["Accept-Language"] = "de"
    path = f"/console/events/{event.id}"
    await person.go(f"{path}/edit")
    pages = [await person.press("Ansehen, was das bewirken würde", location="Arena", audience="none")]
    pages.append(await person.go(f"{path}/cancel"))
    pages.append(await person.press("Ansehen, wer davon erfährt"))
    for page in pages:
        assert '<html lang="de"' in page.answer.text
        assert _english_in(page.answer.text) == set()
    assert "1 mit Ja" in pages[0].text


async def test_the_page_that_signs_in_and_its_answer_are_in_the_browsers_language(person: Person) -> None:
    for tag in OTHERS:
        person.web.cookies.clear()
        page = await _seen(person, "/console/signin", tag)
        assert f'<html lang="{tag}"' in page
        wrong = await person.web.post(
            "/console/signin/key", data={"key": "x"}, headers={"Accept-Language": tag, **SAME}
        )
        assert f'<html lang="{tag}"' in wrong.text


async def test_an_organizers_language_comes_before_the_browsers(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    await do(engine, SettleOrganizer(address="olga@cis.test", language="nl"))
    async with browser(engine) as web:
        person = await with_key(engine, web, "olga@cis.test")
        assert '<html lang="nl"' in await _seen(person, "/console/events", "de")


async def test_a_table_is_sorted_by_its_numbers_and_columns_in_every_language(
    engine: Engine, person: Person
) -> None:
    for count in (2, 10):
        event = await created(engine, summary=f"Konzert {count}")
        await drafted(engine, event, [f"p{n}@example.com" for n in range(count)])
    page = await _seen(person, "/console/lists?t=lists-and-changes&sort=Personen", "de")
    assert re.findall(r'<td class="n">(\d+)</td>', page) == ["2", "10"]
