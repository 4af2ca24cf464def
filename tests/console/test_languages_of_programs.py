"""What the console has for programs and developers speaks every language: triggers, webhooks, files, branding."""

from __future__ import annotations

import json
import re

import pytest

from engine.commands.base import Command, Done, Work
from engine.commands.pages.branding import SetBranding
from engine.engine import SYSTEM, Engine
from engine.model.branding import MailText
from engine.model.plans import Purchase, Redaction
from engine.model.triggers import Sender
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook, WebhookKind
from engine.refusals import Code
from tests.console.german import DATA, english_in
from tests.console.german import seen_in as seen
from tests.console.person import Person, browser, with_key
from tests.support.engines import created, do
from tests.support.waiting import eventually
from tests.triggers import crm

EMPTY = (
    *("/console/triggers", "/console/triggers/-/new", "/console/webhooks", "/console/orders"),
    "/console/exports",
)

_SENDERS, _RULES = {"flow", "events"}, {"when", "path", "connection"}
"""What is written as it is: senders, and the fields of rules."""


@pytest.mark.parametrize("path", EMPTY)
async def test_a_page_with_nothing_in_it_says_nothing_in_english_in_german(person: Person, path: str) -> None:
    page = await seen(person, path, "de")
    assert '<html lang="de" dir="ltr">' in page
    assert english_in(page) - DATA - _SENDERS - _RULES == set()


async def test_triggers_what_came_and_a_dry_run_say_nothing_in_english_in_german(
    engine: Engine, person: Person
) -> None:
    made = await crm.trigger(
        engine, to=["*@example.com"], not_to=["ceo@example.com"], sender=Sender.PIPEDRIVE
    )
    named = crm.deal(people=crm.people("ann", "ceo"))
    await crm.delivered(engine, made, named)
    await crm.delivered(engine, made, crm.deal(start="soon", id=8))
    for path in ("/console/triggers", f"/console/triggers/{made.name}", "/console/developer"):
        page = await seen(person, path, "de")
        assert "Schwacher Nachweis: Pipedrive sendet ein Geheimnis mit" in page, path
        assert english_in(page) - DATA - {"Demo", "deal"} == set(), path
    person.web.headers["Accept-Language"] = "de"
    await person.go(f"/console/triggers/{made.name}")
    tried = await person.press("Ansehen, was er tun würde", body=json.dumps({**named, "id": 9}))
    assert "außerhalb der Grenzen" in tried.text and "ausgeführt" in tried.text
    assert english_in(tried.answer.text) - DATA == set()


async def test_a_rule_that_is_wrong_is_refused_in_german_with_what_is_wrong_in_it(
    engine: Engine, person: Person
) -> None:
    made = await crm.trigger(engine)
    person.web.headers["Accept-Language"] = "de"
    await person.go(f"/console/triggers/{made.name}")
    refused = await person.press("Ansehen, was er tun würde", rules="when: event.(\ndo: nothing\n")
    assert refused.status == 400
    assert "Eine Regel lässt sich nicht anwenden." in refused.text and "line 1" in refused.text


class _Post(Command[Done]):
    """Webhooks that stand in different ways, and what was posted to one of them."""

    in_record = False

    async def carry_out(self, work: Work) -> Done:
        common = {"organizer": "", "secrets": ("s",), "created": work.now, "cursor": "0", "looked": work.now}
        for name, code in (("a", ""), ("b", Code.GONE.value), ("c", Code.FAILING.value), ("d", "paused")):
            webhook = Webhook(
                id=name, url=f"https://{name}.example/", kinds={WebhookKind.RECEIPT}, paused=code, **common
            )
            await work.unit.add_webhook(webhook)
        kept = {"webhook_id": "a", "kind": WebhookKind.RECEIPT, "created": work.now}
        posted = [
            Outgoing(posting=Posting(id=state.value, lane=state.value, state=state, **kept), body="{}")
            for state in PostingState
        ]
        await work.unit.add_postings(posted)
        for one in posted:
            await work.unit.save_posting(one.posting)
        return Done()


async def test_webhooks_and_their_logs_say_nothing_in_english_in_german(
    engine: Engine, person: Person
) -> None:
    await do(engine, _Post(), SYSTEM)
    page = await seen(person, "/console/webhooks", "de")
    for told in ("angehalten: Sein Empfänger antwortete mit 410", "seit 72 Stunden gestört", ">aktiv<"):
        assert told in page
    for path in ("/console/webhooks", "/console/webhooks/a", "/console/webhooks/a?state=failed"):
        page = await seen(person, path, "de")
        assert english_in(re.sub(r"https?://[\w.]+", "", page)) - DATA == set(), path
    assert "fehlgeschlagen" in page and "zugestellt" in page


class _Order(Command[Done]):
    """Orders that did different things, and a person whom the shop asks to forget."""

    in_record = False

    async def carry_out(self, work: Work) -> Done:
        common = {
            "order": "7",
            "product_id": "1",
            "product": "Karte",
            "buyer": "b@example.com",
            "at": work.now,
        }
        did = [{"plan": "p"}, {"event_uid": "u"}]
        did += [{"code": code} for code in ("order_returned", "data_requested", "event_full")]
        for line, values in enumerate(did):
            await work.unit.add_purchase(Purchase.model_validate({"line": str(line), **common, **values}))
        await work.unit.save_redaction(Redaction(address="b@example.com", asked=work.now))
        return Done()


async def test_a_column_of_buttons_sorts_nothing_in_any_language(engine: Engine, person: Person) -> None:
    await do(engine, _Post(), SYSTEM)
    page = await seen(person, "/console/webhooks/a", "de")
    assert re.search(r"<th[^>]*><a [^>]*>Status</a></th>", page)
    assert re.search(r"<th[^>]*>Aktionen</th>", page)
    refused = await person.web.get(
        "/console/webhooks/a?t=what-was-posted&sort=Aktionen", headers={"Accept-Language": "de"}
    )
    assert refused.status_code == 400


async def test_orders_say_nothing_in_english_in_german(engine: Engine, person: Person) -> None:
    await do(engine, _Order(), SYSTEM)
    page = await seen(person, "/console/orders", "de")
    assert "1 Person, deren Löschung ein Shop verlangt, ist noch nicht gelöscht." in page
    assert "Alle Plätze des Termins sind vergeben" in page or "alle Plätze" in page
    assert english_in(page) - DATA == set()


async def test_files_of_tables_say_nothing_in_english_in_german(engine: Engine, person: Person) -> None:
    await created(engine, summary="Konzert")
    person.web.headers["Accept-Language"] = "de"
    await person.go("/console/exports")
    await person.press("Als CSV erstellen", table="events")

    async def ready() -> bool:
        return "fertig, " in (await person.go("/console/exports")).text

    await eventually(ready)
    assert person.seen is not None
    assert english_in(person.seen.answer.text.replace("events.csv", "")) - DATA == set()


async def test_the_dates_of_a_series_and_one_of_them_say_nothing_in_english_in_german(
    engine: Engine, person: Person
) -> None:
    series = await created(engine, summary="Chor", location="Saal", recurrence="FREQ=WEEKLY;COUNT=5")
    once = await created(engine, summary="Konzert")
    person.web.headers["Accept-Language"] = "de"
    pages = [await person.go(f"/console/events/{event.id}/dates") for event in (once, series)]
    pages.append(await person.press("Dieses Datum absagen", nth=2))
    assert "findet nicht statt" in pages[-1].text
    seen = await person.go(next(link for link in pages[1].links if "/dates/" in link))
    pages += [seen, await person.press("Ansehen, was das bewirken würde", location="Kirche")]
    for page in pages:
        assert '<html lang="de" dir="ltr">' in page.answer.text
        assert english_in(page.answer.text) - DATA == set()


async def test_branding_says_nothing_in_english_in_german(engine: Engine, person: Person) -> None:
    await created(engine, summary="Konzert", organizer="bob@example.org")
    await do(engine, SetBranding(texts={MailText.INVITE: "Komm!"}))
    for path in ("/console/branding", "/console/branding?language=de"):
        page = await seen(person, path, "de")
        assert '<html lang="de" dir="ltr">' in page
        assert 'placeholder="{organizer} lädt Sie ein."' in page
        assert english_in(_of_the_page(page)) - DATA == set(), path
    frame = (await person.web.get("/console/branding/preview/page", headers={"Accept-Language": "de"})).text
    assert '<html lang="de" dir="ltr">' in frame and "Einladung" in frame
    assert english_in(frame) == set()
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org", scopes=frozenset({"read", "publish"}))
        page = await seen(bob, "/console/branding", "de")
    assert "Erscheinungsbild eines Veranstalters" in page
    assert english_in(_of_the_page(page)) - DATA == set()


def _of_the_page(page: str) -> str:
    """A page of branding without its sample, names of languages and names of services."""
    for told in (r"<h2>Die E-Mail: .*?</h2>", r'<ul class="tabs">.*?</ul>', r'<th scope="row">.*?</th>'):
        page = re.sub(told, " ", page, flags=re.DOTALL)
    page = page.replace("invites.example.com", "")
    return re.sub(r">[^<]+ (?:anbieten|ausblenden)<", "><", page)


async def test_the_verifier_says_nothing_in_english_in_german(engine: Engine, person: Person) -> None:
    event = await created(engine, summary="Konzert", organizer="ann@example.com")
    person.web.headers["Accept-Language"] = "de"
    pages = [await person.go("/console/verify")]
    pages.append(await person.press("Prüfen, was der Server prüfen kann"))
    assert "Geprüft installiert:" in pages[-1].text
    await person.go("/console/verify")
    given = {"domain": "127.0.0.1:1", "key": "k", "environment": "DEV"}
    pages.append(await person.press("Verbindung testen", **given))
    assert "Fehlgeschlagen" in pages[-1].text
    pages += [await person.go("/console/verify/events"), await person.go("/console/verify/run")]
    steps = f"/console/verify/steps?event={event.id}"
    skips = ("", *(",".join(map(str, range(3, last))) for last in range(4, 10)))
    pages += [await person.go(f"{steps}&skip={skip}") for skip in skips]
    assert "geprüft: 2, übersprungen: 6" in pages[-1].text
    for page in pages:
        assert '<html lang="de" dir="ltr">' in page.answer.text
        assert english_in(_without_links(page.answer.text)) - DATA - _VERIFY == set(), page.answer.url


_VERIFY = {"install", "start", "verify", "serve", "docs", "receiving", "mail", "http"}
"""What is typed at the command line, and folders of files."""


def _without_links(page: str) -> str:
    return re.sub(r"https?://[\w.:/?=]+", "", page)
