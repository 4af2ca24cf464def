"""Whoever owns a domain: sees what each of its organizers has, by the questions of the tools, and changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from engine.commands.agents.keys import StopKey
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from tests.console.person import SAME, Person, browser, crawled, with_key
from tests.support.engines import created, deliver, do, drafted, invite

OWNED = ("ann@example.com", "bob@example.com")
READS = frozenset({"read", "report"})


@pytest.fixture
async def owner(engine: Engine, web: httpx.AsyncClient) -> AsyncIterator[Person]:
    """The owner of example.com, where ann and bob organize; zoe does elsewhere."""
    for address in (*OWNED, "zoe@elsewhere.example"):
        name = address.partition("@")[0]
        event = await created(engine, organizer=address, summary=f"Concert of {name}")
        await invite(engine, event, f"guest@{name}.example")
        await drafted(engine, event, [f"listed@{name}.example"])
    await deliver(engine)
    yield await with_key(engine, web, "@example.com", scopes=READS)


async def _looks_at(owner: Person, nth: int) -> None:
    await owner.go("/console/organizers?to=/console/events")
    await owner.press("Look at their pages", nth=nth)


async def test_the_owner_of_a_domain_chooses_one_of_its_organizers_first(owner: Person) -> None:
    seen = await owner.go("/console/events")
    assert seen.answer.url.path == "/console/organizers"
    assert seen.text.count("Look at their pages") == len(OWNED)
    assert "Organizers at example.com" in seen.text
    assert "elsewhere" not in seen.answer.text


async def test_they_see_the_events_and_lists_of_the_chosen_one_alone(owner: Person) -> None:
    for nth, (own, other) in enumerate((("ann", "bob"), ("bob", "ann"))):
        await _looks_at(owner, nth)
        assert owner.seen
        assert owner.seen.answer.url.path == "/console/events"
        assert f"Concert of {own}" in owner.seen.text
        for path in ("/console", "/console/events", "/console/lists", "/console/agents"):
            assert other not in (await owner.go(path)).text, path


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("stopped", [False, True])
async def test_they_choose_an_organizer_by_a_key_that_only_reads_or_was_stopped(
    engine: Engine, stopped: bool
) -> None:
    async with browser(engine) as web:
        second = await with_key(engine, web, "@example.com", scopes=READS, read_only=not stopped)
        if stopped:
            for key in await engine.store.keys():
                await do(engine, StopKey(key_id=key.id))
        await _looks_at(second, 0)
        assert second.seen
        assert "Concert of ann" in second.seen.text


async def test_they_see_the_links_and_pages_of_an_event(engine: Engine, owner: Person) -> None:
    (event, *_) = await engine.store.events_of(OWNED[0], 1)
    await do(engine, CreateLink(name="May letter", events=(event.uid,), vendor="own"))
    await do(engine, CreatePage(title="Season", organizer=OWNED[0]))
    await _looks_at(owner, 0)
    seen = await owner.go(f"/console/events/{event.uid}")
    assert "May letter" in seen.text
    assert "Season" in seen.text
    assert "May letter" in (await owner.go(f"/console/reports/events/{event.uid}")).text


async def test_they_see_nothing_of_another_domain_wherever_they_go(owner: Person) -> None:
    await _looks_at(owner, 0)
    pages = await crawled(owner)
    assert len(pages) > 10
    assert [path for path, text in pages.items() if "of zoe" in text or "elsewhere.example" in text] == []
    assert any("Concert of ann" in text for text in pages.values())


async def test_their_reports_begin_with_the_domain(owner: Person) -> None:
    seen = await owner.go("/console/reports")
    assert "2 invited" in seen.text
    assert seen.text.count("@example.com") >= len(OWNED)
    assert (await owner.go("/console/reports/domains/elsewhere.example")).status == 403


async def test_their_choice_is_of_their_session_alone(owner: Person, engine: Engine) -> None:
    await _looks_at(owner, 0)
    async with browser(engine) as web:
        second = await with_key(engine, web, "@example.com", scopes=READS)
        assert (await second.go("/console/events")).answer.url.path == "/console/organizers"


async def test_they_are_shown_addresses_of_their_organizers_and_the_record_says_so(
    owner: Person, engine: Engine
) -> None:
    await owner.go("/console/organizers")
    seen = await owner.press("Show addresses")
    assert all(address in seen.text for address in OWNED)
    assert "zoe@" not in seen.text
    (row, *_) = await engine.record(engine.local, 1)
    assert "ShowListedAddresses" in row.body


async def test_they_change_nothing(owner: Person, engine: Engine) -> None:
    await _looks_at(owner, 0)
    (event,) = await engine.events_with_words("ann", engine.local, 5)
    seen = await owner.go(f"/console/events/{event.id}")
    token = seen.form("Sign out").fields["token"]
    for path in ("send", "edit", "cancel", "list"):
        form = {"token": token, "email": "x@example.net", "do": "save"}
        found = await owner.web.post(f"/console/events/{event.id}/{path}", data=form, headers=SAME)
        assert found.status_code == 403, path


@pytest.mark.usefixtures("owner")
async def test_an_organizer_sees_themselves_alone_and_chooses_no_other(engine: Engine) -> None:
    async with browser(engine) as other:
        ann = await with_key(engine, other, "ann@example.com")
        seen = await ann.go("/console/organizers")
        assert seen.text.count("@example.com") == 2, "the address of the page, and that of the row"
        form = {"token": ann.token, "organizer": ann.seal("bob@example.com")}
        answer = await other.post("/console/organizers/choose", data=form, headers=SAME)
    assert answer.status_code == 403


async def test_no_masked_address_is_found_by_its_beginning(owner: Person) -> None:
    for words, found in (("an", False), ("ann", False), ("ann@example.com", True), ("example.com", True)):
        await owner.go("/console/organizers")
        seen = await owner.press("Find", q=words)
        assert ("Look at their pages" in seen.text) == found, words
        assert "@" not in str(seen.answer.url.params)
        assert "%40" not in str(seen.answer.url.params)


async def test_pages_of_the_chosen_one_name_whoever_is_signed_in_and_not_the_organizer(owner: Person) -> None:
    await _looks_at(owner, 0)
    for path in ("/console", "/console/events", "/console/lists"):
        seen = await owner.go(path)
        assert "@example.com Sign out" in seen.text, path
        assert OWNED[0] not in seen.answer.text, path
