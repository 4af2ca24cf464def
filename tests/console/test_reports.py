"""Reports at the console, from the system down to one person."""

from __future__ import annotations

import csv
import io

import httpx
import pytest

from engine.engine import Engine
from engine.model.events import Event
from engine.model.people import Partstat
from tests.console.person import SAME, Person, browser, with_key
from tests.support.engines import answer, created, deliver, invite


async def _answered(engine: Engine, organizer: str = "ann@example.com") -> Event:
    event = await created(engine, organizer=organizer, summary="Gala")
    kim = (await invite(engine, event, "kim@guests.example")).attendee
    await invite(engine, event, "lou@guests.example")
    await deliver(engine)
    await answer(engine, kim, Partstat.ACCEPTED)
    return event


async def test_a_report_leads_from_the_system_down_to_one_person(engine: Engine, person: Person) -> None:
    event = await _answered(engine)
    seen = await person.go("/console/reports")
    assert "2 invited" in seen.text
    assert "1 Yes" in seen.text
    path = "/console/reports"
    for step in ("domains/example.com", "organizers/ann%40example.com", f"events/{event.id}"):
        assert f"{path}/{step}" in seen.links, (step, seen.links)
        seen = await person.go(f"{path}/{step}")
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


async def test_an_organizer_begins_with_their_own_and_sees_no_other(engine: Engine) -> None:
    await _answered(engine)
    await _answered(engine, "bob@example.org")
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org")
        seen = await bob.go("/console/reports")
        assert "bob@example.org" in seen.text
        assert "ann@" not in seen.text
        for path in (
            "organizers/ann@example.com",
            "domains/example.org",
            "organizers/ann@example.com/answers.csv",
        ):
            found = await bob.go(f"/console/reports/{path}")
            assert found.status == 403, path
            assert "Gala" not in found.text


async def test_organizers_are_found_by_the_beginning_of_their_address(engine: Engine, person: Person) -> None:
    await _answered(engine)
    await _answered(engine, "bob@example.org")
    await person.go("/console/reports")
    seen = await person.press("Find", q="BO")
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
