"""Pages in the visitor's language: the organizer's, else what `?lang=` asks for, else the browser's."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.pages import links, signin
from cis_mcp.pages import published as pages
from cis_mcp.views import links as link_views
from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.pages.links import CreateLink
from engine.engine import Engine
from engine.mail.locale.language import TAGS
from engine.model.events import Event
from engine.model.pages import Show
from tests.locale.words import english_words
from tests.pages.visitor import Visitor, games, link_in_mail, published
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, do, engine_in
from tests.support.queries import counting_queries

ANN = "ann@example.com"
_SHOWN = {"placeholder", "aria-label", "alt", "title", "content", "data-texts"}


class _Readable(HTMLParser):
    """All text that somebody may read or hear of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent = tag in {"script", "style"}
        if tag != "meta" or dict(attrs).get("name") == "description":
            self.texts += [_said(value or "") for name, value in attrs if name in _SHOWN]

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def _said(value: str) -> str:
    """An attribute's text; of the texts of the script their values, without the names that they have there."""
    if not value.startswith("{"):
        return value
    found = json.loads(value).values()
    return " ".join(" ".join(text.values()) if isinstance(text, dict) else text for text in found)


def readable(page: str) -> str:
    reader = _Readable()
    reader.feed(page)
    return " ".join(reader.texts)


def english_in(page: str) -> set[str]:
    """Words of a page that our messages have in English, and in German nowhere."""
    return english_words(readable(page))


async def german_events(engine: Engine) -> list[Event]:
    """An event of each kind that a page tells of, its own texts in German."""

    async def add(n: int, **values: object) -> Event:
        when = Timing(start=f"2027-05-{n:02d}T19:05", duration="PT3H", timezone="Europe/Berlin")
        given = {"summary": f"Konzert {n}", "location": "Gasteig", "when": when, **values}
        return await created(engine, **given)

    made = [await add(n) for n in range(1, 11)]
    later = Timing(start="2027-05-08T20:10", duration="PT3H", timezone="Europe/Berlin")
    await do(engine, UpdateEvent(uid=made[1].uid, when=later))
    await do(engine, CancelEvent(uid=made[2].uid, reason="Regen"))
    series = await add(20, recurrence="FREQ=MONTHLY;BYDAY=1MO,-1FR;COUNT=3", description="Kammermusik")
    day = await created(
        engine, summary="Feier", when=Timing(start="2027-05-21", end="2027-05-22", timezone="Europe/Berlin")
    )
    return [*made, series, day]


async def test_no_page_in_german_says_anything_in_english(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    made = await german_events(engine)
    await published(engine, title="Saison", show=frozenset(Show), consent="Ich stimme zu.", hours=12)
    await published(engine, title="Monat", slug="monat", by="week", kind="upcoming")
    await published(engine, title="Leer", slug="leer", month="2031-01")
    (one, several) = [
        (await do(engine, CreateLink(name="Mai", events=names, vendor="mailchimp", button="Los"))).link
        for names in ([made[0].id], [event.id for event in made[3:6]])
    ]
    keys = (await visitor.see("/s/saison")).keys
    paths = [
        "/s/saison",
        "/s/saison?all=1",
        "/s/saison?q=konzert",
        "/s/saison?q=weekend+evenings+in+May",
        "/s/saison?q=xyzzy",
        f"/s/saison?month=2027-05&e={keys[0]}&e={keys[-1]}&email=a@example.com",
        "/u/monat",
        "/s/leer",
        *(f"/e/{event.id}" for event in (made[0], made[1], made[2], made[10], made[11])),
        "/embed/s/saison",
        link_views.path(one),
        link_views.path(several),
        f"{link_views.path(one)}/sent",
        f"{link_views.path(several)}/asked",
        "/sent/sent?n=1&to=/s/saison",
        "/sent/sent?n=9&x=2&to=/s/saison",
        "/sent/asked?n=0&to=/s/saison",
        "/sent/asked?n=7&to=/s/saison",
        "/s/unbekannt",
        "/confirm/send/nichts",
    ]
    for path in paths:
        seen = await visitor.web.get(path, headers={"Accept-Language": "de-DE,de;q=0.9"})
        assert english_in(seen.text) == set(), path
        assert '<html lang="de" dir="ltr">' in seen.text
        assert seen.headers["content-language"] == "de"
        assert "Accept-Language" in seen.headers["vary"]


async def test_mistakes_and_what_waits_are_told_in_german_too(
    engine: Engine, visitor: Visitor, clock: Clock
) -> None:
    await german_events(engine)
    await published(engine, title="Saison", consent="Ja.")
    visitor.web.headers["Accept-Language"] = "de"
    keys = (await visitor.see("/s/saison")).keys
    answers = [
        await visitor.post("/s/saison", keys[:1], "nobody", consent="yes"),
        await visitor.post("/s/saison", [], ANN, consent="yes"),
        await visitor.post("/s/saison", keys[:1], ANN),
        await visitor.post("/s/saison", ["zzzzz"], ANN, consent="yes"),
        await visitor.web.post("/s/saison", content=b"x" * 200_000),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 413]
    asked = await visitor.post("/s/saison", keys[:7], ANN, consent="yes")
    path = await link_in_mail(engine)
    waits = await visitor.web.get(path)
    clock.move(days=30)
    answers += [await visitor.web.get(asked.headers["location"]), waits, await visitor.web.get(path)]
    answers.append(await visitor.web.post(path))
    for answer in answers:
        assert english_in(answer.text) == set(), answer.text
    assert "Diese 7 Einladungen zusenden" in waits.text


async def test_pages_behind_links_in_mails_are_in_the_language_of_whoever_opens_them(engine: Engine) -> None:
    app = Starlette(routes=[*links.routes(engine), *signin.routes(engine)])
    way = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
        for path in ("/confirm/nichts", "/unsubscribe/nichts", "/signin", "/signin/nichts"):
            seen = await web.get(path, headers={"Accept-Language": "ar, de;q=0.1"})
            assert '<html lang="ar" dir="rtl">' in seen.text
            assert seen.headers["vary"] == "Accept-Language"
            seen = await web.get(f"{path}?lang=de")
            assert english_in(seen.text) == set(), path


async def test_the_organizers_language_comes_before_what_the_address_and_the_browser_ask_for(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 3)
    await published(engine)
    asked = await visitor.web.get("/s/season?lang=fr", headers={"Accept-Language": "de"})
    assert asked.headers["content-language"] == "fr"
    assert "Accept-Language" not in asked.headers["vary"]
    wished = await visitor.web.get("/s/season?lang=tlh", headers={"Accept-Language": "de"})
    assert wished.headers["content-language"] == "de"
    assert (await visitor.web.get("/s/season")).headers["content-language"] == "en"
    await do(engine, SettleOrganizer(address=engine.local.address, language="ja"))
    for path in ("/s/season", "/s/season?lang=fr"):
        settled = await visitor.web.get(path, headers={"Accept-Language": "de"})
        assert settled.headers["content-language"] == "ja"
        assert settled.headers["vary"] == "Accept-Encoding"
    await do(engine, SettleOrganizer(address=engine.local.address, language=""))
    assert (await visitor.web.get("/s/season?lang=fr")).headers["content-language"] == "fr"


async def test_the_language_that_an_address_asks_for_goes_on_to_the_next_pages(
    engine: Engine, visitor: Visitor
) -> None:
    await games(engine, 8)
    await published(engine)
    seen = await visitor.see("/s/season?lang=it")
    assert 'action="/s/season?lang=it"' in seen.answer.text
    assert '<input type="hidden" name="lang" value="it">' in seen.answer.text
    sent = await visitor.post("/s/season?lang=it", seen.keys[:1], ANN)
    assert sent.headers["location"].endswith("&lang=it")
    told = await visitor.see(sent.headers["location"])
    assert "Il Suo invito è in arrivo" in told.text
    assert "/s/season?lang=it" in told.page.links
    one = next(to for to in seen.page.links if to.startswith("/e/"))
    assert one.endswith("?lang=it")


async def test_what_a_visitor_asks_for_comes_in_the_language_of_the_page(
    engine: Engine, visitor: Visitor
) -> None:
    made = await german_events(engine)
    await published(engine, title="Saison")
    seen = await visitor.see("/s/saison?lang=de")
    await visitor.post("/s/saison?lang=de", seen.keys[:7], ANN)
    (mail,) = await deliver(engine)
    assert mail.notice
    assert mail.notice.subject == "Möchten Sie 7 Kalendereinladungen?"
    assert english_words(re.sub(r"https?://\S+|[A-Z]\w+/\w+|ann@\S+", "", mail.notice.text)) == set()
    assert f"{mail.notice.text.split('https://')[1].split()[0]}".endswith("?lang=de")
    await visitor.post(f"/e/{made[0].id}?lang=fr", [], "bob@example.com")
    assert (await attendee(engine, made[0], "bob@example.com")).fields == {"lang": "fr"}
    await do(engine, SettleOrganizer(address=engine.local.address, language="de"))
    await visitor.post(f"/e/{made[0].id}?lang=fr", [], "eve@example.com")
    assert (await attendee(engine, made[0], "eve@example.com")).fields == {}, "the organizer's language"


async def test_each_language_has_a_body_and_an_etag_of_its_own_and_is_kept(
    tmp_path: Path, clock: Clock
) -> None:
    """Counted by what the database is asked: a page that was shown costs one small read, in English and in others."""
    tags, costs = set(), []
    with counting_queries() as queries:
        async with engine_in(tmp_path, clock, public_url="https://cis.example.com") as engine:
            await games(engine, 3)
            await published(engine)
            way = httpx.ASGITransport(Starlette(routes=pages.routes(engine)))
            async with httpx.AsyncClient(transport=way, base_url="https://cis.example.com") as web:
                for tag in TAGS:
                    first = await web.get("/s/season", headers={"Accept-Language": tag})
                    tags.add(first.headers["etag"])
                    asked = {"Accept-Language": tag, "If-None-Match": first.headers["etag"]}
                    queries.zero()
                    again = await web.get("/s/season", headers=asked)
                    costs.append(queries.different)
                    assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])
                    assert again.headers["vary"] == "Accept-Encoding, Accept-Language"
    assert len(tags) == len(TAGS)
    assert set(costs) == {1}


@pytest.mark.parametrize("tag", ["ja", "ar"])
async def test_the_script_speaks_the_language_of_the_page(engine: Engine, visitor: Visitor, tag: str) -> None:
    await games(engine, 8)
    await published(engine)
    seen = await visitor.see(f"/s/season?lang={tag}")
    (raw,) = [value for name, value in _attributes(seen.answer.text) if name == "data-texts"]
    texts = json.loads(raw)
    forms = {"ja": {"other"}, "ar": {"zero", "one", "two", "other"}}[tag]
    assert set(texts["send"]) == forms
    assert (f'dir="{"rtl" if tag == "ar" else "ltr"}"') in seen.answer.text


def _attributes(page: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.extend((name, value or "") for name, value in attrs)

    Reader().feed(page)
    return found
