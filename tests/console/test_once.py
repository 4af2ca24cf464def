"""A form that makes something makes it once: by a double click, when it is sent again, and from the history."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from engine.engine import Engine
from engine.model.bounds import Approval, Bounds
from engine.model.queries import EventQuery
from engine.model.triggers import Sender
from engine.model.verbs import Verb
from engine.webhooks import asking
from tests.console.person import PUBLIC, SAME, Person, browser, operator, with_key
from tests.support.clock import Clock
from tests.support.engines import created, engine_in
from tests.triggers import crm

EVENT = {"summary": "Gala", "start": "2027-05-02T19:00", "end": "2027-05-02T21:00", "timezone": "UTC"}
VERBS = frozenset({Verb.READ, Verb.CREATE, Verb.SEND, Verb.UPDATE, Verb.TRIGGER, Verb.PUBLISH})


async def _sent(person: Person, button: str, fields: Mapping[str, str]) -> httpx.Response:
    """The answer to the form of the page, which stays open."""
    assert person.seen is not None
    form = person.seen.form(button)
    files = {"nothing": ("", b"")} if form.uploads else None
    values = {**form.fields, **fields}
    return await person.web.post(form.action, data=values, files=files, headers=SAME)


async def _twice(
    person: Person, button: str, fields: Mapping[str, str]
) -> tuple[httpx.Response, httpx.Response]:
    first, second = await asyncio.gather(_sent(person, button, fields), _sent(person, button, fields))
    return first, second


@pytest.mark.parametrize(
    ("path", "button", "fields"),
    [
        ("/console/events/new", "Create", EVENT),
        ("/console/pages/-/new", "Put it on the web", {"title": "Season"}),
        ("/console/events/{event}/list", "Look at the list", {"list": "ann@example.com\nbob@example.com\n"}),
        ("/console/links/new?event={event}", "Make the link", {"name": "May"}),
    ],
)
async def test_a_double_click_makes_one_of_what_a_form_makes_and_leads_to_it(
    engine: Engine, person: Person, path: str, button: str, fields: Mapping[str, str]
) -> None:
    event = await created(engine, summary="Opener")
    await person.go(path.format(event=event.id))
    first, second = await _twice(person, button, fields)
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    assert (await person.go(first.headers["location"])).status == 200


async def test_a_form_that_was_gone_back_to_and_changed_makes_another(engine: Engine, person: Person) -> None:
    await person.go("/console/events/new")
    first = await _sent(person, "Create", EVENT)
    second = await _sent(person, "Create", {**EVENT, "summary": "Fair"})
    assert first.headers["location"] != second.headers["location"]
    found = await engine.search(EventQuery(), engine.local)
    assert {event.summary for event in found.events} == {"Gala", "Fair"}


async def test_a_form_that_was_refused_is_sent_again(engine: Engine, person: Person) -> None:
    await person.go("/console/events/new")
    refused = await _sent(person, "Create", {**EVENT, "end": "2027-05-02T18:00"})
    assert refused.status_code == 400
    assert (await _sent(person, "Create", EVENT)).status_code == 303


async def test_of_a_key_that_is_asked_for_twice_one_is_made_and_the_second_answer_says_so(
    engine: Engine, person: Person
) -> None:
    await person.go("/console/keys/new")
    first = await _sent(person, "Make the key", {"name": "Robot"})
    second = await _sent(person, "Make the key", {"name": "Robot"})
    (key,) = await engine.keys()
    assert "Copy it now" in first.text
    assert second.headers["location"].startswith(f"/console/keys/{key.id}?")
    seen = await person.go(second.headers["location"])
    assert "This form was sent before, and made this." in seen.text


async def test_a_trigger_that_is_set_up_twice_keeps_the_secret_that_was_shown(
    engine: Engine, person: Person
) -> None:
    async with browser(engine) as web:
        await with_key(engine, web, "ann@example.com", bounds=Bounds(verbs=VERBS))
    (key,) = await engine.keys()
    await person.go("/console/triggers/-/new")
    fields = {"name": "deals", "sender": Sender.HMAC.value, "key": key.id, "rules": crm.RULES}
    first = await _sent(person, "Set it up", fields)
    second = await _sent(person, "Set it up", fields)
    assert "The secret for its sender" in first.text
    assert second.headers["location"] == "/console/triggers/deals?done=shown-before"


async def test_a_webhook_that_is_asked_for_twice_is_one(tmp_path: Path, clock: Clock) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, local_receivers="127.0.0.0/8") as reaching,
        browser(reaching) as web,
    ):
        person = await operator(reaching, web)
        await person.go("/console/webhooks")
        for expected in (200, 303):
            answer = await _sent(person, "Make the webhook", {"url": "http://127.0.0.1:9/in"})
            assert answer.status_code == expected
        assert len(await asking.webhooks(reaching, reaching.local)) == 1


async def test_a_new_secret_that_is_asked_for_twice_is_the_one_that_was_shown_and_can_be_taken_back(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, public_url=PUBLIC, local_receivers="127.0.0.0/8") as reaching,
        browser(reaching) as web,
    ):
        person = await operator(reaching, web)
        await person.go("/console/webhooks")
        await person.press("Make the webhook", url="http://127.0.0.1:9/in")
        (made,) = await asking.webhooks(reaching, reaching.local)
        at = f"/console/webhooks/{made.id}"
        await person.go(at)
        first = await _sent(person, "Add a new secret", {})
        second = await _sent(person, "Add a new secret", {})
        (both,) = await asking.webhooks(reaching, reaching.local)
        assert both.secrets[0] in first.text
        assert both.secrets[1:] == made.secrets
        assert (second.status_code, second.headers["location"]) == (303, f"{at}?done=shown-before")
        seen = await person.go(second.headers["location"])
        assert "This form was sent before, and made this." in seen.text
        await person.press("Take the new secret back")
        assert (await asking.webhooks(reaching, reaching.local))[0].secrets == made.secrets
        seen = await person.press("Add a new secret")
        assert (await asking.webhooks(reaching, reaching.local))[0].secrets[0] in seen.text


async def test_what_waits_for_a_yes_waits_once(engine: Engine) -> None:
    async with browser(engine) as web:
        bounds = Bounds(verbs=VERBS, approval=(Approval.EVERYTHING,))
        ann = await with_key(engine, web, "ann@example.com", bounds=bounds)
        await ann.go("/console/events/new")
        answers = [await _sent(ann, "Create", EVENT) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 303]
    (held,) = await engine.held_actions(engine.local, waiting=True, limit=10)
    assert answers[1].headers["location"] == f"/console/held/{held.id}"
