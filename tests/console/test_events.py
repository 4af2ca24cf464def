"""Events at the console: found, made, changed and cancelled, with a preview before anybody is mailed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.events.timing import Timing
from engine.commands.text import DESCRIPTION_MAX
from engine.engine import Engine
from engine.model.messages import Kind
from engine.model.people import Origin
from engine.refusals import Refused
from tests.console.person import PUBLIC, SAME, Person, browser, operator, with_key
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite

NEW = {
    "summary": "Spring <concert>",
    "start": "2027-05-02T19:00",
    "end": "2027-05-02T21:00",
    "timezone": "Europe/Paris",
    "location": "Hall 1",
}


async def _new(person: Person, **values: str) -> str:
    """The path of an event that was made with the form."""
    await person.go("/console/events/new")
    seen = await person.press("Create", **{**NEW, **values})
    assert "Nobody was told" in seen.text
    return str(seen.answer.url.path)


async def test_an_event_is_made_in_the_zone_of_its_place_and_nobody_is_told(
    engine: Engine, person: Person
) -> None:
    path = await _new(person)
    event = await engine.event(path.rpartition("/")[2], engine.local)
    assert event.span.start_utc.isoformat() == "2027-05-02T17:00:00+00:00"
    assert event.summary == "Spring <concert>"
    assert await deliver(engine) == []


async def test_the_last_day_of_an_all_day_event_is_the_one_that_is_chosen(
    engine: Engine, person: Person
) -> None:
    path = await _new(person, all_day="yes", start="2027-05-04T00:00", end="2027-05-05T00:00")
    event = await engine.event(path.rpartition("/")[2], engine.local)
    assert (str(event.span.start), str(event.span.end)) == ("2027-05-04", "2027-05-06")
    await person.go(f"{path}/edit")
    assert "Nothing would change" in (await person.press("See what this would do")).text


async def test_events_are_found_in_words_in_a_list_and_in_a_month(engine: Engine, person: Person) -> None:
    await _new(person)
    await created(engine, summary="Other thing")
    await person.go("/console/events")
    seen = await person.press("Find", q="concerts in May")
    assert "Spring <concert>" in seen.text
    assert "Other thing" not in seen.text
    assert "Spring <concert>" in (await person.go("/console/events?view=month&month=2027-05")).text
    assert "Spring <concert>" not in (await person.go("/console/events?view=month&month=2027-06")).text
    assert "No event is over yet." in (await person.go("/console/events?when=past")).text


@pytest.mark.parametrize("month", ["1970-01", "2200-12"])
async def test_the_first_and_the_last_month_are_shown(person: Person, month: str) -> None:
    assert (await person.go(f"/console/events?view=month&month={month}")).status == 200


@pytest.mark.parametrize(
    "query",
    [*(f"view=month&month={month}" for month in ("2027-13", "x", "9999-12", "0001-01")), "cursor=forged"],
)
async def test_an_address_that_nobody_gave_is_refused_in_words(person: Person, query: str) -> None:
    seen = await person.go(f"/console/events?{query}")
    assert seen.status == 400
    assert "Nothing was done" in seen.text


async def test_a_change_shows_who_would_hear_of_it_and_then_mails_them(
    engine: Engine, person: Person
) -> None:
    path = await _new(person)
    await invite(engine, await engine.event(path.rpartition("/")[2], engine.local), "guest@example.net")
    await deliver(engine)
    await person.go(f"{path}/edit")
    seen = await person.press("See what this would do", start="2027-05-02T20:00", end="2027-05-02T22:00")
    assert "2027-05-02T19:00:00+02:00 2027-05-02T20:00:00+02:00" in seen.text
    assert "1 person: g*******@example.net" in seen.text
    assert await deliver(engine) == []
    assert "are being mailed" in (await person.press("Change the event")).text
    assert [(m.email, m.kind) for m in await deliver(engine)] == [("guest@example.net", Kind.UPDATE)]


async def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused(
    engine: Engine, person: Person
) -> None:
    path = await _new(person)
    async with browser(engine) as second:
        other = await with_key(engine, second, engine.local.address)
        await other.go(f"{path}/edit")
        await other.press("See what this would do", location="Hall 2")
        await person.go(f"{path}/edit")
        await person.press("See what this would do", location="Hall 3")
        await other.press("Change the event")
    seen = await person.press("Change the event")
    assert seen.status == 412
    assert "somebody changed it meanwhile" in seen.text


async def test_a_cancellation_shows_who_would_hear_of_it_first(engine: Engine, person: Person) -> None:
    path = await _new(person)
    await invite(engine, await engine.event(path.rpartition("/")[2], engine.local), "guest@example.net")
    await deliver(engine)
    await person.go(f"{path}/cancel")
    seen = await person.press("See who would hear of it", reason="Rain")
    assert "1 person" in seen.text
    assert await deliver(engine) == []
    assert "cancelled" in (await person.press("Cancel the event for good")).text
    assert [m.kind for m in await deliver(engine)] == [Kind.CANCELLATION]


async def test_an_event_that_somebody_cancelled_meanwhile_is_cancelled_by_nobody_again(
    engine: Engine, person: Person
) -> None:
    path = await _new(person)
    uid = (await engine.event(path.rpartition("/")[2], engine.local)).uid
    await person.go(f"{path}/cancel")
    await person.press("See who would hear of it")
    await do(engine, CancelEvent(uid=uid))
    assert "Nothing changed" in (await person.press("Cancel the event for good")).text
    await person.go(f"{path}/cancel")
    assert "Nothing would change" in (await person.press("See who would hear of it")).text


async def test_one_person_is_invited_and_followed(engine: Engine, person: Person) -> None:
    path = await _new(person)
    await person.go(path)
    seen = await person.press("Send the invite", email="guest@example.net", name="Gus")
    assert "on its way" in seen.text
    assert "queued" in seen.text
    assert "guest" not in str(seen.answer.url)
    assert [m.email for m in await deliver(engine)] == ["guest@example.net"]
    assert "sent" in (await person.go(seen.answer.url.path)).text
    event, counted = await engine.event_with_statistics(path.rpartition("/")[2], engine.local)
    assert counted.origin == {Origin.SINGLESEND.value: 1}
    await person.go(path)
    assert "invited before" in (await person.press("Send the invite", email="guest@example.net")).text
    assert event.summary in (await person.go(path)).text


async def test_what_is_wrong_is_said_in_words_of_the_screen(person: Person) -> None:
    path = await _new(person)
    await person.go(path)
    seen = await person.press("Send the invite", email="nobody")
    assert seen.status == 400
    assert "An address has a name, an @ and a domain" in seen.text


async def test_addresses_are_masked_and_showing_them_is_a_row_in_the_record(
    engine: Engine, person: Person
) -> None:
    path = await _new(person)
    event = await engine.event(path.rpartition("/")[2], engine.local)
    await invite(engine, event, "guest@example.net", name="Gustav")
    seen = await person.go(f"{path}/people")
    assert "guest@" not in seen.answer.text
    assert "Gustav" not in seen.answer.text
    seen = await person.press("Show addresses")
    assert "guest@example.net" in seen.text
    (row, *_) = await engine.record(engine.local, 1)
    assert "ShowAddresses" in row.body
    assert event.uid in row.body
    assert "console" in row.body


async def test_a_key_without_the_right_sees_no_address(engine: Engine, person: Person) -> None:
    event = await created(engine, organizer="ann@example.com")
    await invite(engine, event, "guest@example.net")
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com", scopes=frozenset({"read"}))
        seen = await ann.go(f"/console/events/{event.uid}/people")
        assert "Show addresses" not in seen.text
        form = {"token": seen.form("Sign out").fields["token"]}
        found = await web.post(f"/console/events/{event.uid}/people", data=form, headers=SAME)
    assert found.status_code == 403
    assert "guest@" not in found.text


async def test_the_report_goes_to_the_organizer_by_mail(engine: Engine, person: Person) -> None:
    path = await _new(person)
    event = await engine.event(path.rpartition("/")[2], engine.local)
    await invite(engine, event, "guest@example.net")
    await deliver(engine)
    await person.go(path)
    assert "goes to the organizer" in (await person.press("Mail me the report")).text
    assert [m.kind for m in await deliver(engine)] == [Kind.REPORT]


async def test_the_link_to_a_person_is_of_one_session(engine: Engine, person: Person) -> None:
    path = await _new(person)
    event = await engine.event(path.rpartition("/")[2], engine.local)
    await invite(engine, event, "guest@example.net")
    (link,) = [link for link in (await person.go(f"{path}/people")).links if "/people/" in link]
    assert (await person.go(link)).status == 200
    async with browser(engine) as web:
        other = await with_key(engine, web, engine.local.address)
        assert (await other.go(link)).status == 404
    with pytest.raises(Refused):
        await engine.explain(event.uid, "other@example.net", engine.local)


async def test_a_change_is_taken_back_by_a_button_before_anybody_hears_of_it(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path / "slow", clock, public_url=PUBLIC, undo_s=60) as engine,
        browser(engine) as web,
    ):
        person = await operator(engine, web)
        path = await _new(person)
        name = path.rpartition("/")[2]
        await invite(engine, await engine.event(name, engine.local), "guest@example.net")
        clock.move(minutes=2)
        await deliver(engine)
        await person.go(f"{path}/edit")
        await person.press("See what this would do", location="Hall 2")
        assert "being mailed" in (await person.press("Change the event")).text
        assert "Undone" in (await person.press("Undo")).text
        clock.move(minutes=2)
        assert await deliver(engine) == []
        assert (await engine.event(name, engine.local)).location == "Hall 1"


async def test_an_event_with_places_says_how_many_are_free(engine: Engine, person: Person) -> None:
    path = await _new(person, places="2")
    await invite(engine, await engine.event(path.rpartition("/")[2], engine.local), "ann@example.com")
    assert "1 of 2 places free" in (await person.go(path)).text
    await person.go(f"{path}/edit")
    await person.press("See what this would do", places="")
    assert "Changed." in (await person.press("Change the event")).text
    assert "places free" not in (await person.go(path)).text
    await person.go(f"{path}/edit")
    assert "Places is no number" in (await person.press("See what this would do", places="few")).text


APPLE = "Apple Park\nOne Apple Park Way\nCupertino"
"""A place as calendars write it that know its address."""


async def test_a_place_keeps_its_lines_when_something_else_is_changed(engine: Engine, person: Person) -> None:
    event = await created(engine, location=APPLE, description="Doors\r\nopen")
    await person.go(f"/console/events/{event.id}/edit")
    assert "Nothing would change" in (await person.press("See what this would do")).text
    await person.go(f"/console/events/{event.id}/edit")
    await person.press("See what this would do", summary="Keynote")
    await person.press("Change the event")
    found = await engine.event(event.uid, engine.local)
    assert (found.summary, found.location) == ("Keynote", APPLE)


async def test_an_event_in_utc_becomes_a_series_on_the_clock_that_the_form_shows(
    engine: Engine, person: Person
) -> None:
    event = await created(engine, when=Timing(start="2027-05-02T19:00Z", duration="PT2H"))
    await person.go(f"/console/events/{event.id}/edit")
    await person.press("See what this would do", recurrence="FREQ=DAILY;COUNT=2")
    await person.press("Change the event")
    found = await engine.event(event.uid, engine.local)
    assert (found.recurring, found.span) == (True, event.span)


async def test_lines_of_a_place_are_changed_in_the_form(engine: Engine, person: Person) -> None:
    event = await created(engine, location=APPLE)
    await person.go(f"/console/events/{event.id}/edit")
    await person.press("See what this would do", location=APPLE.replace("One", "Two"))
    await person.press("Change the event")
    found = await engine.event(event.uid, engine.local)
    assert found.location == APPLE.replace("One", "Two")


async def test_an_event_with_a_long_text_is_changed_in_any_script(engine: Engine, person: Person) -> None:
    long = "時" * DESCRIPTION_MAX
    event = await created(engine, description=long)
    await person.go(f"/console/events/{event.id}/edit")
    await person.press("See what this would do", summary="Keynote", description=f"春{long[1:]}")
    await person.press("Change the event")
    found = await engine.event(event.uid, engine.local)
    assert (found.summary, found.description) == ("Keynote", f"春{long[1:]}")


async def test_nobody_who_is_not_signed_in_sends_a_long_form(web: httpx.AsyncClient) -> None:
    answer = await web.post("/console/signin/key", data={"key": "k" * 200_000}, headers=SAME)
    assert answer.status_code == 413
