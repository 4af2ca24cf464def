"""What waits for a decision, and the buttons that stop agents."""

from __future__ import annotations

from pathlib import Path

import httpx

from engine.commands.agents.keys import CreateKey, RevokeKey
from engine.commands.agents.stopping import StopByOwner, StopSending
from engine.commands.agents.widening import WidenKey
from engine.commands.campaigns.campaigns import DraftCampaign
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds, Mode
from engine.model.list_rows import ListRow
from engine.refusals import Code
from tests.console.person import PUBLIC, Person, browser, by_mail, operator, with_key
from tests.support.approvals import held_in, waiting
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in, invite, refusal


async def _waits(engine: Engine) -> str:
    event = await created(engine, organizer="ann@example.com")
    await invite(engine, event, "guest@example.net")
    await deliver(engine)
    return await waiting(engine, event.uid, location="Hall <b>")


async def test_what_waits_is_shown_as_it_will_be_and_a_yes_carries_it_out(
    engine: Engine, person: Person
) -> None:
    held_id = await _waits(engine)
    assert f"/console/held/{held_id}" in (await person.go("/console")).links
    seen = await person.go(f"/console/held/{held_id}")
    assert "Hall <b>" in seen.text
    assert "guest@example.net" not in seen.text
    assert "g*******@example.net" in seen.text
    assert "Approved" in (await person.press("Yes, do this")).text
    assert await held_in(engine) == []
    assert [m.email for m in await deliver(engine)] == ["guest@example.net"]


async def test_what_was_approved_is_taken_back_by_a_button_before_anybody_hears_of_it(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, public_url=PUBLIC, undo_s=60) as engine, browser(engine) as web:
        person = await operator(engine, web)
        event = await created(engine, organizer="ann@example.com")
        await invite(engine, event, "guest@example.net")
        clock.move(minutes=2)
        await deliver(engine)
        await person.go(f"/console/held/{await waiting(engine, event.uid, location='Hall 2')}")
        assert "Approved" in (await person.press("Yes, do this")).text
        assert "Undone" in (await person.press("Undo")).text
        clock.move(minutes=2)
        assert await deliver(engine) == []
        assert (await engine.event(event.uid, engine.local)).location == event.location


async def test_a_no_needs_a_reason_and_changes_nothing(engine: Engine, person: Person) -> None:
    held_id = await _waits(engine)
    await person.go(f"/console/held/{held_id}")
    assert "needs a reason" in (await person.press("No", why=" ")).text
    await person.go(f"/console/held/{held_id}")
    assert "Refused" in (await person.press("No", why="Wrong name")).text
    assert (await person.go(f"/console/held/{held_id}")).text.count("refused already") == 1
    assert await deliver(engine) == []


async def test_the_key_that_asked_does_not_decide(engine: Engine, web: httpx.AsyncClient) -> None:
    held_id = await _waits(engine)
    asked = await with_key(engine, web, "ann@example.com", bounds=Bounds(mode=Mode.HOLD))
    seen = await asked.go(f"/console/held/{held_id}")
    assert "Yes, do this" not in seen.text
    assert len(await held_in(engine)) == 1
    shown = await web.get("/signin")
    assert "You are signed in" not in shown.text


async def test_another_organizer_learns_nothing_of_it(engine: Engine, web: httpx.AsyncClient) -> None:
    held_id = await _waits(engine)
    other = await with_key(engine, web, "bob@example.com")
    assert held_id not in (await other.go("/console/agents")).answer.text
    unknown, none = await other.go(f"/console/held/{held_id}"), await other.go("/console/held/xxxxxxxx")
    assert unknown.status == none.status == 404
    assert unknown.text == none.text


async def test_everything_is_stopped_by_one_button_and_goes_on_by_another(
    engine: Engine, person: Person
) -> None:
    await person.go("/console/agents")
    assert "Stopped" in (await person.press("Stop all mail")).text
    assert [stop.organizer for stop in await engine.stops()] == [""]
    await person.go("/console")
    assert "It goes on" in (await person.press("Let it go on")).text
    assert await engine.stops() == []


async def test_one_organizer_is_stopped_by_address(engine: Engine, person: Person) -> None:
    await person.go("/console/agents")
    await person.press("Stop this organizer", organizer="ann@example.com")
    assert [stop.organizer for stop in await engine.stops()] == ["ann@example.com"]
    await do(engine, StopSending(organizer="ann@example.com", stopped=False))


async def test_an_organizer_stops_their_own_mail_and_lets_it_go_on(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event = await created(engine, organizer="ann@example.com")
    ann = await by_mail(engine, web, "ann@example.com")
    await ann.go("/console/agents")
    assert "Stopped" in (await ann.press("Stop my mail")).text
    await invite(engine, event, "guest@example.net")
    assert await deliver(engine) == []
    await ann.press("Let it go on")
    assert [m.email for m in await deliver(engine)] == ["guest@example.net"]


async def test_an_organizer_lifts_no_stop_of_the_operator(engine: Engine, web: httpx.AsyncClient) -> None:
    await created(engine, organizer="ann@example.com")
    ann = await by_mail(engine, web, "ann@example.com")
    await do(engine, StopSending(organizer="ann@example.com"))
    await ann.go("/console/agents")
    assert "Someone else stopped it" in (await ann.press("Let it go on")).text
    assert len(await engine.stops()) == 1


async def test_an_owner_whom_nothing_else_makes_known_lifts_the_stop_of_their_keys(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    boss = "boss@example.org"
    made = (await do(engine, CreateKey(name="Robot", address="bot@cis.test", bounds=Bounds(owner=boss)))).key
    await do(engine, StopByOwner(), Actor(kind="owner", address=boss))
    (notice,) = await deliver(engine)
    assert notice.notice
    assert "/console/agents" in notice.notice.text
    owner = await by_mail(engine, web, boss)
    await owner.go("/console/agents")
    await owner.press("Let it go on")
    (key,) = await engine.keys()
    assert (key.id, key.stopped) == (made.id, None)


async def test_stop_on_an_old_page_of_a_key_that_has_ended_meanwhile_stops_no_other(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    bounds = Bounds(owner="boss@example.org")
    for name in ("Robot", "Other"):
        await do(engine, CreateKey(name=name, address="bot@cis.test", bounds=bounds))
    owner = await by_mail(engine, web, "boss@example.org")
    await owner.go("/console/agents")
    assert owner.seen
    ended = owner.seen.form("Stop").fields["key"]
    await do(engine, RevokeKey(key_id=ended))
    assert "You have no live key of that name." in (await owner.press("Stop")).text
    assert [key.stopped for key in await engine.keys()] == [None, None]
    await owner.go("/console/agents")
    assert "Stopped" in (await owner.press("Stop")).text
    (stopped,) = [key.id for key in await engine.keys() if key.stopped]
    assert stopped != ended


async def test_an_owner_widens_by_one_button_the_bound_that_refused(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    boss, guest = "boss@example.org", "guest@example.net"
    bounds = Bounds(owner=boss, to=("*@customer.com",), bulk_max=1, links=())
    key = (await do(engine, CreateKey(name="Robot", address="bot@cis.test", bounds=bounds))).key
    event = await created(engine, organizer="bot@cis.test")
    rows = [ListRow(email=f"p{n}@customer.com") for n in range(2)]
    refused = (SendInvite(uid=event.uid, email=guest), DraftCampaign(uid=event.uid, recipients=rows))
    for command in refused:
        assert await refusal(engine, command, key.actor) is Code.OUT_OF_BOUNDS
    owner = await by_mail(engine, web, boss)
    await owner.go(f"/console/keys/{key.id}")
    assert "wider now" in (await owner.press("Allow twice as much")).text
    await owner.press("Allow this too", add="*@example.net")
    for command in refused:
        await do(engine, command, key.actor)
    (changed,) = await engine.keys()
    assert changed.bounds
    assert (changed.bounds.bulk_max, changed.bounds.to) == (2, ("*@customer.com", "*@example.net"))
    assert (changed.expires, changed.bounds.day) == (key.expires, bounds.day)


async def test_nobody_else_widens_a_bound(engine: Engine, web: httpx.AsyncClient) -> None:
    boss = "boss@example.org"
    made = (await do(engine, CreateKey(name="", address="bot@cis.test", bounds=Bounds(owner=boss)))).key
    wider = WidenKey(key_id=made.id, bound="day")
    for actor in (
        made.actor,
        Actor(kind="owner", address="eve@example.com"),
        Actor(kind="organizer", address="bot@cis.test"),
    ):
        assert await refusal(engine, wider, actor) in {Code.NOT_ALLOWED, Code.UNKNOWN_KEY}
    linked = (await do(engine, CreateKey(name="", address="bot@cis.test", bounds=Bounds(links=())))).key
    for key, odd in (
        (made, {"bound": "verbs"}),
        (linked, {"bound": "links", "add": "no host"}),
        (linked, {"bound": "links"}),
        (made, {"bound": "to", "add": "*@example.com"}),
    ):
        assert await refusal(engine, WidenKey(key_id=key.id, **odd)) is Code.INVALID_ARGUMENT
    assert [key.bounds for key in await engine.keys()] == [made.bounds, linked.bounds]


async def test_a_key_is_stopped_resumed_and_ended(engine: Engine, person: Person) -> None:
    made = await do(engine, CreateKey(name="Robot", address="ann@example.com"))
    await person.go("/console/agents")
    assert "stopped" in (await person.press("Stop")).text
    (key,) = await engine.keys()
    assert key.stopped
    await person.press("Let it go on")
    await person.press("End for good")
    (key,) = await engine.keys()
    assert (key.id, bool(key.revoked)) == (made.key.id, True)


async def test_whoever_signed_in_with_a_key_stays_within_its_budgets(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event = await created(engine, organizer="ann@example.com")
    agent = await with_key(engine, web, "ann@example.com", bounds=Bounds(day=1, to=("*@customer.com",)))
    path = f"/console/events/{event.id}"
    for email, said in (
        ("eve@evil.com", "may not mail"),
        ("bob@customer.com", "on its way"),
        ("ann@customer.com", "mails"),
    ):
        await agent.go(path)
        assert said in (await agent.press("Send the invite", email=email)).text, email
    assert [m.email for m in await deliver(engine)] == ["bob@customer.com"]
