"""Lists that came by mail, asking again, and single dates of a series at the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from engine.commands.events.events import UpdateEvent
from engine.commands.events.instances import ChangeInstance
from engine.commands.operators.organizers import SettleOrganizer
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from engine.model.campaigns import CampaignState
from engine.model.events import Event, Override
from engine.model.people import Partstat
from engine.model.times import Span
from tests.console.person import PUBLIC, Person, browser, operator, with_key
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, created, deliver, do, drafted, engine_in, invite
from tests.support.inboxes import receiving

OLGA = "olga@cis.test"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """Senders of mail are believed here; tests of the inbox prove them."""
    async with engine_in(tmp_path, clock, public_url=PUBLIC, sender_auth="off") as opened:
        yield opened


async def _mailed(engine: Engine) -> Event:
    """A list that an organizer mailed to bulk@."""
    event = await created(engine, organizer=OLGA, summary="Gala")
    async with receiving(engine) as take:
        await take(mails.listed(f"uid,email\n{event.uid},ann@example.com\n{event.uid},bob@example.com\n"))
    return event


async def _switched(engine: Engine, person: Person) -> None:
    await created(engine, organizer=OLGA)
    await person.go("/console/organizers")
    assert "Set." in (await person.press("Leave mailed lists as drafts")).text


async def test_lists_of_an_organizer_with_the_switch_wait_as_drafts_and_the_sender_hears_so(
    engine: Engine, person: Person
) -> None:
    await _switched(engine, person)
    event = await _mailed(engine)
    (view,) = await engine.campaigns(engine.local)
    assert (view.campaign.state, view.campaign.valid) == (CampaignState.DRAFT, 2)
    (notice,) = await deliver(engine)
    assert notice.notice
    assert "2 of 2 rows can be invited" in notice.notice.text
    assert "/console/lists" in notice.notice.text
    assert event.uid in notice.notice.text


async def test_without_the_switch_a_mailed_list_starts_at_once(engine: Engine, person: Person) -> None:
    await _switched(engine, person)
    await person.press("Start mailed lists at once")
    await _mailed(engine)
    (view,) = await engine.campaigns(engine.local)
    assert view.campaign.state is not CampaignState.DRAFT


async def test_a_mailed_list_is_looked_at_scheduled_and_started_in_the_console(
    engine: Engine, person: Person, clock: Clock
) -> None:
    await do(engine, SettleOrganizer(address=OLGA, drafts=True))
    event = await _mailed(engine)
    await deliver(engine)
    seen = await person.go("/console/lists")
    (link,) = [link for link in seen.links if link.startswith("/console/lists/")]
    seen = await person.go(link)
    assert "2 will be invited" in seen.text
    at = event.span.local(clock.now + timedelta(hours=2))
    seen = await person.press("Set", at=at.isoformat()[:16], rate="1")
    assert "Type Yes to start it" in seen.text
    assert "It takes about 0:02." in seen.text
    await person.press("Send to 2 people", yes="Yes")
    (view,) = await engine.campaigns(engine.local)
    assert (view.campaign.state, view.campaign.rate) == (CampaignState.SCHEDULED, 1)
    assert await deliver(engine) == []


@pytest.mark.parametrize("when", ["2001-01-01T10:00", "2999-01-01T10:00", "soon"])
async def test_a_draft_is_not_set_to_a_time_at_which_it_cannot_begin(
    engine: Engine, person: Person, when: str
) -> None:
    await do(engine, SettleOrganizer(address=OLGA, drafts=True))
    await _mailed(engine)
    (view,) = await engine.campaigns(engine.local)
    await person.go(f"/console/lists/{view.campaign.id}")
    assert (await person.press("Set", at=when)).status == 400
    assert (await engine.campaigns(engine.local))[0].campaign.at is None


async def test_a_draft_is_thrown_away(engine: Engine, person: Person) -> None:
    await do(engine, SettleOrganizer(address=OLGA, drafts=True))
    await _mailed(engine)
    (view,) = await engine.campaigns(engine.local)
    await person.go(f"/console/lists/{view.campaign.id}")
    await person.press("Throw this draft away")
    assert (await engine.campaigns(engine.local))[0].campaign.state is CampaignState.CANCELLED


async def test_an_organizer_sets_no_switch(engine: Engine) -> None:
    await created(engine, organizer="ann@example.com")
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com")
        seen = await ann.go("/console/organizers")
        assert "mailed lists" not in seen.text
        form = {"token": ann.token, "organizer": ann.seal("ann@example.com"), "do": "drafts"}
        headers = {"Sec-Fetch-Site": "same-origin"}
        assert (await web.post("/console/organizers/settle", data=form, headers=headers)).status_code == 403


async def _invited(engine: Engine) -> Event:
    """Three people, of whom one has answered."""
    event = await created(engine, summary="Gala")
    for name in ("ann", "bob", "cleo"):
        await invite(engine, event, f"{name}@example.com")
    await deliver(engine)
    await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
    await deliver(engine)
    return event


async def test_those_who_have_not_answered_are_asked_again_after_a_look(
    engine: Engine, web: httpx.AsyncClient, clock: Clock
) -> None:
    event = await _invited(engine)
    clock.now += timedelta(days=2)
    person = await operator(engine, web)
    await person.go(f"/console/events/{event.id}/remind")
    seen = await person.press("See what this would do", note="Please answer")
    assert "2 people are asked again: b*******@example.com, c*******@example.com" in seen.text
    assert await deliver(engine) == []
    seen = await person.press("Ask 2 again")
    assert "They are being asked again." in seen.text
    sent = await deliver(engine)
    assert sorted(message.email for message in sent) == ["bob@example.com", "cleo@example.com"]
    await person.go(f"/console/events/{event.id}/remind")
    seen = await person.press("See what this would do")
    assert "2 were reminded within a day" in seen.text
    assert "Ask 2 again" not in seen.text


async def test_nobody_is_asked_again_where_nobody_is_ticked(engine: Engine, person: Person) -> None:
    event = await _invited(engine)
    seen = await person.go(f"/console/events/{event.id}/remind")
    form = {"token": seen.form("Sign out").fields["token"]}
    headers = {"Sec-Fetch-Site": "same-origin"}
    answered = await person.web.post(f"/console/events/{event.id}/remind", data=form, headers=headers)
    assert (answered.status_code, "tick whom to ask" in answered.text) == (400, True)


async def _series(engine: Engine) -> Event:
    event = await created(engine, summary="Choir", location="Hall", recurrence="FREQ=WEEKLY;COUNT=5")
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    return event


async def _dates(person: Person, event: Event) -> list[str]:
    seen = await person.go(f"/console/events/{event.id}/dates")
    return [link for link in seen.links if "/dates/" in link]


async def test_one_date_of_a_series_is_moved_and_the_others_stay(engine: Engine, person: Person) -> None:
    event = await _series(engine)
    dates = await _dates(person, event)
    assert len(dates) == 5
    await person.go(dates[1])
    assert person.seen
    start = person.seen.form("See what this would do").fields["start"]
    seen = await person.press("See what this would do", start=f"{start[:11]}23:30", end="", location="Church")
    assert "location Hall Church" in seen.text
    assert "1 person: a*******@example.com" in seen.text
    assert await deliver(engine) == []
    await person.press("Change this date")
    found = await engine.event(event.uid, engine.local)
    (override,) = found.overrides
    assert (override.location, found.location) == ("Church", "Hall")
    assert found.span.local(override.span.start).isoformat()[11:16] == "23:30"
    assert [message.email for message in await deliver(engine)] == ["ann@example.com"]
    seen = await person.go(f"/console/events/{event.id}/dates")
    assert seen.text.count("changed") == 1


async def test_a_date_that_was_mailed_in_utc_keeps_its_start_when_its_end_is_changed(
    engine: Engine, person: Person
) -> None:
    event = await _series(engine)
    start = event.span.start_utc
    late = Span(start=start + timedelta(hours=1), end=start + timedelta(hours=2), timezone="UTC")
    await do(
        engine,
        ChangeInstance(uid=event.uid, override=Override(recurrence_id=start, span=late, summary="Choir")),
    )
    await person.go((await _dates(person, event))[0])
    await person.press("See what this would do", end="2027-05-02T22:30")
    await person.press("Change this date")
    (override,) = (await engine.event(event.uid, engine.local)).overrides
    assert (override.span.start, override.span.end) == (late.start, late.end + timedelta(minutes=90))


async def test_a_date_that_is_kept_in_utc_is_listed_on_the_clock_of_its_series(
    engine: Engine, person: Person
) -> None:
    event = await _series(engine)
    start = event.span.start_utc
    late = Span(start=start + timedelta(hours=1), end=start + timedelta(hours=2), timezone="UTC")
    kept = Override(recurrence_id=start, span=late, summary="Choir")
    async with engine.store.unit() as unit:
        await unit.save_event(event.model_copy(update={"overrides": (kept,)}))
    seen = await person.go(f"/console/events/{event.id}/dates")
    assert [seen.text.count(f"{hour}:00 America/New_York") for hour in (19, 20)] == [4, 1]
    assert seen.text.count("changed") == 1


async def test_one_date_of_a_series_is_cancelled_after_a_look(engine: Engine, person: Person) -> None:
    event = await _series(engine)
    dates = await _dates(person, event)
    seen = await person.press("Cancel this date", nth=2)
    assert "does not take place" in seen.text
    assert await deliver(engine) == []
    await person.press("Cancel this date")
    assert len(await _dates(person, event)) == len(dates) - 1
    assert len((await engine.event(event.uid, engine.local)).exdates) == 1
    assert len(await deliver(engine)) == 1


async def test_a_date_keeps_the_lines_of_its_texts_when_something_else_is_changed(
    engine: Engine, person: Person
) -> None:
    place = "Church\nMain Street"
    event = await _series(engine)
    await do(engine, UpdateEvent(uid=event.uid, location=place, description="Doors\r\nopen"))
    (path, *_) = await _dates(person, event)
    await person.go(path)
    seen = await person.press("See what this would do", summary="Rehearsal")
    assert not {"location", "description"} & set(seen.text.split())
    await person.press("Change this date")
    (override,) = (await engine.event(event.uid, engine.local)).overrides
    assert (override.summary, override.location) == ("Rehearsal", place)


@pytest.mark.parametrize("name", ["2001-01-01", "never"])
async def test_a_date_that_the_series_has_not_is_refused(engine: Engine, person: Person, name: str) -> None:
    event = await _series(engine)
    seen = await person.go(f"/console/events/{event.id}/dates/{name}")
    assert seen.status in {400, 404}


async def test_an_event_that_takes_place_once_says_how_it_would_repeat(
    engine: Engine, person: Person
) -> None:
    event = await created(engine)
    seen = await person.go(f"/console/events/{event.id}/dates")
    assert "It takes place once." in seen.text


async def test_the_page_of_an_event_has_its_counters_lists_changes_links_and_pages_in_one_place(
    engine: Engine, person: Person
) -> None:
    event = await _invited(engine)
    other = await created(engine, summary="Fair")
    await drafted(engine, event, ["dora@example.com"])
    await do(engine, UpdateEvent(uid=event.uid, location="Hall 9"))
    await do(engine, CreateLink(name="May letter", events=(event.id,), vendor="mailchimp"))
    await do(engine, CreateLink(name="Other letter", events=(other.id,), vendor="mailchimp"))
    await do(engine, CreatePage(title="Season", slug="season"))
    seen = await person.go(f"/console/events/{event.id}")
    assert "3 invited" in seen.text
    assert "1 Yes" in seen.text
    for words in ("Send the invite", "Choose a list", "Make a link", "Make a page", "Its report", "Its mail"):
        assert words in seen.text, words
    assert "draft" in seen.text
    assert "update" in seen.text
    assert "Link “May letter”" in seen.text
    assert "Other letter" not in seen.text
    assert "Page “Season”" in seen.text
