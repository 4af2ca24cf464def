"""The verifier at the console: six ticks, a connection, the nine steps by hand, and the same by themselves."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from engine.commands.events.events import CancelEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.people import Partstat
from tests.console.person import PUBLIC, Person, browser, operator, with_key
from tests.support.clock import Clock
from tests.support.engines import answer, created, deliver, do, engine_in, invite
from tests.support.waiting import eventually
from tests.support.webs import key_for, served

STEPS = "/console/verify/steps"


def _states(person: Person) -> list[str]:
    assert person.seen
    found = person.seen.answer.text.split('<ol class="steps">')[1].split('<span class="state ')[1:]
    return [part.split('"')[0] for part in found]


async def test_each_step_waits_for_the_real_event_and_turns_green(engine: Engine, person: Person) -> None:
    await person.go("/console/developer")
    assert person.seen
    assert "/console/verify" in person.seen.links
    event = await created(engine, organizer="ann@example.com", summary="Verify me")
    seen = await person.go("/console/verify/events")
    assert "create@cis.test" in seen.text
    (organizer,) = [link for link in seen.links if "organizer=" in link]
    assert "ann" not in organizer
    seen = await person.go(organizer)
    (path,) = [link for link in seen.links if link.startswith(STEPS)]
    await person.go(path)
    assert _states(person) == ["Verified", "Verified", *["Waiting"] * 6]
    kim = (await invite(engine, event, "kim@guests.example")).attendee
    await person.go(path)
    assert _states(person)[2:4] == ["Waiting", "Verified"], "it is owed, and has not left"
    await deliver(engine)
    await answer(engine, kim, Partstat.TENTATIVE)
    await person.go(path)
    assert _states(person)[2:5] == ["Verified"] * 3
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    await person.go(path)
    assert _states(person)[5:] == ["Verified", "Waiting", "Waiting"]
    await person.press("Mail me the report")
    await deliver(engine)
    await do(engine, CancelEvent(uid=event.uid))
    seen = await person.go(path)
    assert _states(person) == ["Verified"] * 8
    assert "8 verified, 0 skipped" in seen.text
    summary = seen.answer.text.split('id="summary"')[1]
    assert f"event {event.uid}" in summary
    assert f"CIS Verify of {PUBLIC}" in summary
    assert "kim@" not in summary


async def test_a_step_is_skipped_taken_back_and_everything_reset(engine: Engine, person: Person) -> None:
    event = await created(engine)
    seen = await person.go(f"{STEPS}?event={event.id}&from=0")
    assert "Waits until a mail server took an invite." in seen.text
    assert "3 Send: Waiting response: mails sent: 0 validation: a mail server took an invite" in seen.text
    for number in (3, 4, 5, 6, 7, 8):
        (following,) = [link for link in seen.links if link.endswith(str(number)) and "skip=" in link]
        seen = await person.go(following)
    assert "2 verified, 6 skipped" in seen.text
    assert _states(person)[2:] == ["Skipped"] * 6
    (back,) = [link for link in seen.links if link.endswith("skip=3,4,5,6,7")]
    await person.go(back)
    assert _states(person)[7] == "Waiting"
    assert "/console/verify" in person.seen.links if person.seen else False


async def test_an_event_that_was_changed_before_needs_another_change(engine: Engine, person: Person) -> None:
    event = await created(engine)
    await do(engine, UpdateEvent(uid=event.uid, location="Elsewhere"))
    await person.go(f"{STEPS}?event={event.id}&from=1")
    assert _states(person)[5] == "Waiting"
    await do(engine, CancelEvent(uid=event.uid))
    await person.go(f"{STEPS}?event={event.id}&from=1")
    assert _states(person)[5:] == ["Waiting", "Waiting", "Verified"], "a cancellation is no update"


async def test_an_organizer_verifies_with_their_own_events_alone(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    other = await created(engine, organizer="ann@example.com", summary="Ann's")
    await created(engine, organizer="bob@example.org", summary="Bob's")
    bob = await with_key(engine, web, "bob@example.org")
    seen = await bob.go("/console/verify/events")
    assert "Bob's" in seen.text
    assert "Ann's" not in seen.text
    assert (await bob.go(f"{STEPS}?event={other.id}")).status == 404
    assert "six ticks" not in (await bob.go("/console/verify")).text.lower()
    assert (await bob.go("/console/verify/run")).status == 403


async def test_an_event_that_came_last_is_shown_first_however_many_begin_before_it(
    engine: Engine, person: Person, clock: Clock
) -> None:
    for _ in range(51):
        await created(engine)
    clock.now += timedelta(minutes=1)
    late = Timing(start="2029-05-02T19:00", duration="PT2H", timezone="UTC")
    await created(engine, summary="Verify me", when=late)
    await person.go("/console/verify/events")
    assert person.seen
    for link in [link for link in person.seen.links if "organizer=" in link]:
        seen = await person.go(link)
        assert re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', seen.answer.text)[0] == "Verify me"


async def test_the_six_ticks_are_checked_by_the_server_and_each_tells_how_to(person: Person) -> None:
    seen = await person.go("/console/verify")
    for name in ("installed", "domain", "way out", "create@", "rsvp@", "notification@"):
        assert name in seen.text
    seen = await person.press("Check what the server can check")
    assert "Verified installed: cis-mcp" in seen.text
    assert "Skipped domain: cis.test is for tests" in seen.text
    assert "Verified way out: Maildir" in seen.text
    assert "Skipped create@" in seen.text
    assert "Set CIS_INBOX" in seen.text


async def test_a_connection_is_tested_with_the_url_shown_and_the_key_kept_nowhere(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock) as first, served(first) as address:
        key = await key_for(first)
        own = address.removeprefix("http://")
        async with engine_in(tmp_path / "two", clock, public_url=address) as engine, browser(engine) as web:
            # The browser speaks https to a server that stands for what answers at `address`.
            web.base_url = httpx.URL(address)
            person = await operator(engine, web)
            for given, words in (
                (key, "Verified"),
                ("wrong", "the server answers, and does not know the key"),
            ):
                await person.go("/console/verify")
                seen = await person.press("Test Connection", domain=own, key=given, environment="DEV")
                assert f"http://{own}/v1/events?limit=1" in seen.text
                assert words in seen.text
                assert given not in seen.answer.text
            assert f'value="{own}"' in (await person.go("/console/verify")).answer.text


async def test_a_key_tests_no_connection_to_where_it_may_not_link(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, public_url=PUBLIC) as engine, browser(engine) as web:
        person = await with_key(engine, web, "ann@example.com", bounds=Bounds(links=("customer.com",)))
        await person.go("/console/verify")
        seen = await person.press("Test Connection", domain="evil.example", key="k", environment="PROD")
        assert (seen.status, "evil.example" in seen.text) == (403, True)


@pytest.mark.parametrize("domain", ["127.0.0.1:9", "localhost", "10.0.0.1", "169.254.169.254"])
async def test_no_connection_goes_into_a_private_network(person: Person, domain: str) -> None:
    for environment in ("DEV", "PROD"):
        await person.go("/console/verify")
        seen = await person.press("Test Connection", domain=domain, key="k", environment=environment)
        assert "Failed" in seen.text
        assert "HTTP" not in seen.form("Test Connection").action


@pytest.mark.parametrize(
    "given", [{"domain": "a b", "key": "k"}, {"domain": "a/b", "key": "k"}, {"key": "k\u00e9"}]
)
async def test_what_is_no_domain_and_no_key_is_refused(person: Person, given: dict[str, str]) -> None:
    await person.go("/console/verify")
    seen = await person.press("Test Connection", **{"domain": "a.example", "environment": "PROD", **given})
    assert seen.status == 400


async def test_all_nine_steps_run_by_themselves_with_built_in_mailboxes(
    engine: Engine, person: Person
) -> None:
    await person.go("/console/verify")
    seen = await person.press("By itself, with built-in mailboxes")
    assert "under way" in seen.text

    async def ended() -> bool:
        return "under way" not in (await person.go("/console/verify/run")).text

    await eventually(ended)
    assert person.seen
    assert "Nothing failed." in person.seen.text
    assert "Verified 9 recount: everything adds up" in person.seen.text
    assert engine.settings.outbox.get_secret_value() == "maildir"
