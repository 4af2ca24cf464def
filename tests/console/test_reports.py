"""Reports at the console, from the system down to one person."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import httpx
import pytest

from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.pages.links import CreateLink
from engine.engine import Engine
from engine.model.events import Event
from engine.model.people import Partstat
from tests.console.person import PUBLIC, SAME, Person, browser, operator, with_key
from tests.support.clock import Clock
from tests.support.engines import answer, control, created, deliver, do, drafted, engine_in, invite


async def _answered(engine: Engine, organizer: str = "ann@example.com") -> Event:
    event = await created(engine, organizer=organizer, summary="Gala")
    kim = (await invite(engine, event, "kim@guests.example")).attendee
    await invite(engine, event, "lou@guests.example")
    await deliver(engine)
    await answer(engine, kim, Partstat.ACCEPTED, prodid="-//Example//Client 1.0//EN")
    return event


async def test_a_report_leads_from_the_system_down_to_one_person(engine: Engine, person: Person) -> None:
    event = await _answered(engine)
    seen = await person.go("/console/reports")
    assert "2 invited" in seen.text
    assert "1 Yes" in seen.text
    path = "/console/reports"
    for step in ("domains/example.com", "organizers/", f"events/{event.id}"):
        (link, *_) = [link for link in seen.links if link.startswith(f"{path}/{step}")]
        seen = await person.go(link)
        assert "2 invited" in seen.text
    assert "guests.example 2 1" in seen.text
    seen = await person.go(f"/console/events/{event.id}/people")
    (one, *_) = [link for link in seen.links if "/people/" in link]
    seen = await person.go(one)
    assert "invite" in seen.text
    assert "kim@" not in seen.text


async def test_each_chart_has_its_numbers_as_a_table(engine: Engine, person: Person) -> None:
    event = await _answered(engine)
    seen = await person.go(f"/console/reports/events/{event.id}")
    assert seen.answer.text.count('<table class="bars">') >= 4
    assert seen.answer.text.count("<svg") == seen.answer.text.count("</rect>") > 6
    assert "Answers by hour (UTC)" in seen.text
    assert "Answers Number Yes 1 No 0" in seen.text
    titles = ("Answers", "Where invites came from", "Calendar clients that answered", "Mails")
    for title in titles:
        assert f'<h2>{title}</h2><table class="bars">' in seen.answer.text, title


async def test_an_organizer_begins_with_their_own_and_sees_no_other(engine: Engine) -> None:
    await _answered(engine)
    await _answered(engine, "bob@example.org")
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org")
        seen = await bob.go("/console/reports")
        assert "bob@example.org" in seen.text
        assert "ann@" not in seen.text
        ann = bob.seal("ann@example.com")
        for path in (f"organizers/{ann}", "domains/example.org", f"organizers/{ann}/answers.csv"):
            found = await bob.go(f"/console/reports/{path}")
            assert found.status == 403, path
            assert "Gala" not in found.text


async def test_organizers_are_found_by_their_address_and_their_domain_and_neither_stands_in_the_address_bar(
    engine: Engine, person: Person
) -> None:
    await _answered(engine)
    await _answered(engine, "bob@example.org")
    for path in ("/console/reports", "/console/reports/domains/example.org", "/console/organizers"):
        await person.go(path)
        for words in ("BOB@example.org", "example.org"):
            seen = await person.press("Find", q=words)
            assert "b*******@example.org" in seen.text
            assert "a*******@example.com" not in seen.text
            assert "example.org" not in str(seen.answer.url.params)
    seen = await person.press("Show addresses")
    assert "bob@example.org" in seen.text
    assert "ann@example.com" not in seen.text


@pytest.mark.parametrize("by", ["domain", "client", "hour"])
async def test_groups_are_exported_as_csv_without_addresses(engine: Engine, person: Person, by: str) -> None:
    event = await _answered(engine)
    found = await person.web.get(f"/console/reports/events/{event.uid}/answers.csv?by={by}")
    assert found.headers["content-type"].startswith("text/csv")
    header, row, *_ = csv.reader(io.StringIO(found.text))
    assert header[:3] == [by, "summary", "people"]
    assert int(row[2]) > 0
    assert "@" not in found.text


async def test_a_file_of_groups_has_all_of_them(engine: Engine, person: Person) -> None:
    event = await created(engine)
    for n in range(60):
        await invite(engine, event, f"kim@guests{n:02}.example")
    found = await person.web.get(f"/console/reports/events/{event.uid}/answers.csv?by=domain")
    _, *rows = csv.reader(io.StringIO(found.text))
    assert sorted(row[0] for row in rows) == [f"guests{n:02}.example" for n in range(60)]


async def test_the_report_with_addresses_is_downloaded_and_in_the_record(
    engine: Engine, person: Person
) -> None:
    event = await _answered(engine)
    await person.go(f"/console/reports/events/{event.id}")
    seen = await person.press("Download it, with addresses")
    assert seen.answer.headers["content-disposition"] == f'attachment; filename="{event.uid}.csv"'
    assert "kim@guests.example" in seen.answer.text
    (row, *_) = await engine.record(engine.local, 1)
    assert "ShowAddresses" in row.body


async def test_a_key_that_may_not_report_downloads_nothing(engine: Engine, web: httpx.AsyncClient) -> None:
    event = await _answered(engine)
    ann = await with_key(engine, web, "ann@example.com", scopes=frozenset({"read"}))
    assert ann.seen
    token = ann.seen.form("Sign out").fields["token"]
    path = f"/console/reports/events/{event.uid}/report.csv"
    found = await web.post(path, data={"token": token}, headers=SAME)
    assert found.status_code == 403
    assert "kim@" not in found.text


async def test_the_report_tells_how_soon_people_answer_and_when_what_they_answer_was_sent(
    engine: Engine, person: Person, clock: Clock
) -> None:
    event = await created(engine, summary="Gala")
    kim = (await invite(engine, event, "kim@guests.example")).attendee
    await invite(engine, event, "lou@guests.example")
    await deliver(engine)
    clock.move(hours=2, minutes=2)
    await answer(engine, kim, Partstat.ACCEPTED, prodid="-//Example//Client 1.0//EN")
    seen = await person.go(f"/console/reports/events/{event.id}")
    assert "1 of the 2 to whom an invite was sent answered; half of these within 2 h 02 min." in seen.text
    assert "Answers by hours since sending Number 0–1 h 0 1–2 h 0 2–3 h 1" in seen.text
    assert "50 % of 2" in seen.text
    assert 'fill-opacity="0.50"' in seen.answer.text
    seen = await person.go(f"/console/reports/organizers/{person.seal(event.organizer)}/answers")
    assert "50 % of 2" in seen.text


async def test_events_are_compared_side_by_side(engine: Engine, person: Person) -> None:
    await _answered(engine)
    other = await created(engine, organizer="ann@example.com", summary="Fair")
    seen = await person.go(f"/console/reports/organizers/{person.seal('ann@example.com')}")
    ids = [part.split('"')[0] for part in seen.answer.text.split('name="e" value="')[1:]]
    assert other.id in ids
    assert len(ids) == 2
    seen = await person.go(f"/console/reports/compare?e={ids[0]}&e={ids[1]}")
    assert "Gala" in seen.text
    assert "Fair" in seen.text
    assert "50 %" in seen.text
    assert "“Yes” by event Number" in seen.text
    seen = await person.go(f"/console/reports/compare?e={ids[0]}")
    assert seen.status == 400


async def test_nobody_compares_with_the_event_of_another_organizer(engine: Engine) -> None:
    ann, bob = await _answered(engine), await _answered(engine, "bob@example.org")
    async with browser(engine) as web:
        person = await with_key(engine, web, "bob@example.org")
        seen = await person.go(f"/console/reports/compare?e={bob.id}&e={ann.id}")
        assert seen.status == 404
        assert (
            await person.go(f"/console/reports/organizers/{person.seal('ann@example.com')}/answers")
        ).status == 403


async def test_the_report_counts_by_link(engine: Engine, person: Person) -> None:
    event = await _answered(engine)
    done = await do(engine, CreateLink(name="May letter", events=(event.id,), vendor="mailchimp"))
    async with engine.store.unit() as unit:
        await unit.count_link(done.link.id, shown=7, pressed=3)
    seen = await person.go(f"/console/reports/events/{event.id}")
    assert "May letter mailchimp 7 3 0 0" in seen.text


async def test_people_are_searched_by_address_and_by_name_and_neither_stands_in_the_address_bar(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, summary="Gala")
    await invite(engine, event, "kim@guests.example", name="Kim Lee")
    await invite(engine, event, "lou@guests.example", name="Lou Reed")
    for words, letter in (("LOU@guests.example", "l"), ("lee", "k")):
        await person.go(f"/console/events/{event.id}/people")
        seen = await person.press("Find", q=words)
        assert f"{letter}*******@guests.example" in seen.text
        assert seen.text.count("@guests.example") == 1
        assert words not in str(seen.answer.url)
        seen = await person.press("Show addresses")
        assert seen.text.count("@guests.example") == 1
    await person.go(f"/console/events/{event.id}/people")
    seen = await person.press("Find", q="nobody")
    assert "Nobody fits." in seen.text
    long = await person.press("Find", q=f"{'k' * 320}im@guests.example")
    assert long.status == 400
    assert "320 characters" in long.text


async def test_an_installation_that_shows_no_reports_on_the_screen_mails_them(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, report_on_screen=False) as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        event = await _answered(engine)
        seen = await person.go(f"/console/reports/events/{event.id}")
        assert "Download it" not in seen.text
        seen = await person.go(f"/console/events/{event.id}/people")
        assert "Show addresses" not in seen.text
        token = seen.form("Sign out").fields["token"]
        for path in (f"reports/events/{event.id}/report.csv", f"events/{event.id}/people"):
            found = await web.post(f"/console/{path}", data={"token": token}, headers=SAME)
            assert found.status_code == 403
            assert "Have the report mailed to you." in found.text
        await person.go(f"/console/reports/events/{event.id}")
        assert "The report goes to the organizer by mail." in (await person.press("Mail me the report")).text


async def test_the_report_of_a_list_that_was_sent_is_mailed_from_its_page(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, organizer="ann@example.com")
    draft = await drafted(engine, event, ["kim@guests.example"])
    assert "Mail me the report" not in (await person.go(f"/console/lists/{draft.campaign.id}")).text
    await control(engine, draft, CampaignAction.START)
    await deliver(engine)
    await person.go(f"/console/lists/{draft.campaign.id}")
    seen = await person.press("Mail me the report")
    assert "The report goes to the organizer by mail." in seen.text
    (mail,) = await deliver(engine)
    assert (mail.kind, mail.email) == ("report", "ann@example.com")
