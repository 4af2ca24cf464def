"""The rest of the agents hub: bounds, probation, triggers, webhooks with their log, mail to agents."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cis_mcp.console.keys import NUMBERS, TEXTS
from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.model.bounds import Approval, Bounds, Mode
from engine.model.inbox_messages import InboxMessage
from engine.model.keys import Key
from engine.model.triggers import Sender
from engine.model.verbs import Verb
from engine.model.webhooks import WebhookKind
from engine.webhooks import asking
from tests.console.person import PUBLIC, SAME, Person, browser, operator, with_key
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in
from tests.triggers import crm
from tests.webhooks.receiver import Receiver, posting, receiving, subscribed


async def _key(engine: Engine, **bounds: object) -> Key:
    return (await do(engine, CreateKey(name="Robot", address="ann@example.com", bounds=Bounds(**bounds)))).key


async def _bounds(engine: Engine, key: Key) -> Bounds:
    (found,) = [one for one in await engine.keys() if one.id == key.id]
    assert found.bounds is not None
    return found.bounds


async def test_bounds_are_changed_in_the_form_and_the_others_stay(engine: Engine, person: Person) -> None:
    key = await _key(engine, to=("*@example.com",), day=50, mode=Mode.HOLD, approval=(Approval.LINKS,))
    await person.go(f"/console/keys/{key.id}")
    seen = await person.go(f"/console/keys/{key.id}/bounds")
    assert 'value="*@example.com"' in seen.answer.text
    await person.press("Save the bounds", day="75", probation_days="30", hours="08:00-20:00")
    bounds = await _bounds(engine, key)
    assert (bounds.day, bounds.probation_days, bounds.hours) == (75, 30, "08:00-20:00")
    assert (bounds.to, bounds.mode, bounds.approval) == (("*@example.com",), Mode.HOLD, (Approval.LINKS,))


async def test_a_bound_is_taken_away_by_emptying_its_field(engine: Engine, person: Person) -> None:
    key = await _key(engine, to=("*@example.com",), links=("example.com",), hours="08:00-20:00")
    await person.go(f"/console/keys/{key.id}/bounds")
    await person.press("Save the bounds", to="", links="", hours="")
    bounds = await _bounds(engine, key)
    assert (bounds.to, bounds.links, bounds.hours) == (None, None, "")


@pytest.mark.parametrize(
    ("tag", "save", "word"), [("en", "Save the bounds", "none"), ("de", "Grenzen speichern", "keine")]
)
async def test_a_key_that_may_mail_nobody_or_link_nowhere_stays_so_when_something_else_is_changed(
    engine: Engine, person: Person, tag: str, save: str, word: str
) -> None:
    person.web.headers["Accept-Language"] = tag
    key = await _key(engine, to=(), links=(), day=50)
    seen = await person.go(f"/console/keys/{key.id}/bounds")
    fields = seen.form(save).fields
    assert (fields["to"], fields["not_to"], fields["links"]) == (word, "", word)
    await person.press(save, day="75")
    bounds = await _bounds(engine, key)
    assert (bounds.to, bounds.links, bounds.day) == ((), (), 75)
    await person.go(f"/console/keys/{key.id}/bounds")
    await person.press(save, to="*@example.com", links="")
    bounds = await _bounds(engine, key)
    assert (bounds.to, bounds.links) == (("*@example.com",), None)


async def test_a_new_key_is_kept_from_all_links_by_a_word(engine: Engine, person: Person) -> None:
    await person.go("/console/keys/new")
    await person.press("Make the key", name="Robot", links="None")
    (key,) = await engine.keys()
    assert key.bounds is not None
    assert (key.bounds.to, key.bounds.links) == (None, ())


async def test_lists_that_wait_for_a_yes_are_set_by_their_size(engine: Engine, person: Person) -> None:
    key = await _key(engine)
    await person.go(f"/console/keys/{key.id}/bounds")
    await person.press("Save the bounds", approval_bulk="40")
    bounds = await _bounds(engine, key)
    assert (bounds.approval, bounds.approval_bulk) == ((Approval.BULK,), 40)


async def test_a_bound_that_cannot_be_changes_nothing(engine: Engine, person: Person) -> None:
    key = await _key(engine, day=50)
    await person.go(f"/console/keys/{key.id}/bounds")
    for wrong in ({"day": "many"}, {"hours": "always"}, {"to": "@ @"}, {"timezone": "Mars/Base"}):
        await person.go(f"/console/keys/{key.id}/bounds")
        assert (await person.press("Save the bounds", **wrong)).status == 400, wrong
    assert (await _bounds(engine, key)).day == 50


async def test_a_probation_is_shown_and_ended_by_a_button(engine: Engine, person: Person) -> None:
    key = await _key(engine, probation_days=14, day=50)
    assert "On probation until" in (await person.go(f"/console/keys/{key.id}")).text
    await person.press("End the probation")
    (found,) = await engine.keys()
    assert found.probation is None
    assert (await _bounds(engine, key)).day == 50


async def test_a_probation_of_a_key_under_another_is_ended_by_the_same_button(
    engine: Engine, person: Person, clock: Clock
) -> None:
    top = await _key(engine)
    clock.move(hours=1)
    command = CreateKey(name="", address=top.address, bounds=Bounds(probation_days=14), under=top.id)
    below = (await do(engine, command)).key
    await person.go(f"/console/keys/{below.id}")
    assert (await person.press("End the probation")).status == 200
    (found,) = [one for one in await engine.keys() if one.id == below.id]
    assert (found.probation, found.expires) == (None, top.expires)


def test_each_bound_of_a_key_has_a_field_that_says_what_it_stops() -> None:
    fields = {name for name, _ in (*NUMBERS, *TEXTS)}
    elsewhere = {"verbs", "mode", "approval", "probation_ends", "attended"}
    by_command = {"decides_for"}
    assert fields | elsewhere | by_command == set(Bounds.model_fields)


async def test_no_key_changes_bounds(engine: Engine) -> None:
    key = await _key(engine)
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com", scopes=frozenset({"read", "admin", "approve"}))
        assert "Change the bounds" not in (await ann.go(f"/console/keys/{key.id}")).text
        form = {"token": ann.token, "day": "9999"}
        answer = await web.post(f"/console/keys/{key.id}/bounds", data=form, headers=SAME)
    assert answer.status_code == 403


async def test_a_trigger_is_set_up_tried_and_made_live(engine: Engine, person: Person) -> None:
    verbs = frozenset({Verb.READ, Verb.CREATE, Verb.SEND, Verb.UPDATE, Verb.TRIGGER})
    key = await _key(engine, verbs=verbs)
    await person.go("/console/triggers")
    await person.go("/console/triggers/-/new")
    seen = await person.press(
        "Set it up", name="deals", sender=Sender.HMAC.value, key=key.id, rules=crm.RULES
    )
    assert "It is set up as a draft." in seen.text
    assert "The secret for its sender" in seen.text
    assert "Weak proof" not in seen.text
    body = '{"stage": "demo", "id": 7, "version": 1, "title": "Acme", "start": "2027-05-02T19:00:00+02:00", '
    body += '"people": [{"email": "ann@example.com"}]}'
    seen = await person.press("See what it would do", body=body)
    assert "1: invite" in seen.text
    assert "deal:7" in seen.text
    assert "1: a*******@example.com" in seen.text
    assert await deliver(engine) == []
    assert "Live:" in (await person.press("Make it live")).text
    assert "Stopped." in (await person.press("Stop it")).text


async def test_a_trigger_named_new_has_its_own_page(engine: Engine, person: Person) -> None:
    key = await _key(engine, verbs=frozenset({Verb.READ, Verb.CREATE, Verb.SEND, Verb.TRIGGER}))
    await person.go("/console/triggers/-/new")
    await person.press("Set it up", name="new", sender=Sender.HMAC.value, key=key.id, rules=crm.RULES)
    seen = await person.go("/console/triggers/new")
    assert "Trigger new" in seen.text
    assert "Live:" in (await person.press("Make it live")).text


async def test_look_ups_of_a_trigger_are_given_in_its_form_and_shown(engine: Engine, person: Person) -> None:
    verbs = frozenset({Verb.READ, Verb.CREATE, Verb.SEND, Verb.UPDATE, Verb.TRIGGER})
    key = await _key(engine, verbs=verbs)
    await person.go("/console/triggers/-/new")
    given = {"sender": Sender.HMAC.value, "key": key.id, "rules": crm.RULES}
    look_up = 'lookups:\n- {name: deal, connection: hubspot, path: "/deals/{{ event.id }}"}\n'
    seen = await person.press("Set it up", name="deals", **given, lookups=look_up)
    assert "event.lookup.deal hubspot /deals/{{ event.id }}" in seen.text
    made = await engine.store.trigger_named("deals")
    assert made is not None
    assert [one.connection for one in made.lookups] == ["hubspot"]
    await person.go("/console/triggers/-/new")
    seen = await person.press("Set it up", name="others", **given, lookups="lookups:\n- {name: deal}\n")
    assert seen.status == 400
    assert await engine.store.trigger_named("others") is None


async def test_a_trigger_has_two_secrets_while_its_sender_changes_them(
    engine: Engine, person: Person
) -> None:
    made = await crm.trigger(engine)
    await person.go(f"/console/triggers/{made.name}")
    await person.press("Set the secret", secret="the-new-secret", before="the-old-secret")
    found = await engine.store.trigger_named(made.name)
    assert found is not None
    assert found.secrets == ("the-new-secret", "the-old-secret")
    await person.press("Set the secret", secret="the-new-secret")
    found = await engine.store.trigger_named(made.name)
    assert found is not None
    assert found.secrets == ("the-new-secret",)


async def test_a_key_is_offered_no_look_ups_and_gets_none(engine: Engine) -> None:
    async with browser(engine) as web:
        ann = await with_key(engine, web, "ann@example.com", scopes=frozenset({"read", "trigger"}))
        assert "lookups" not in (await ann.go("/console/triggers/-/new")).answer.text
        form = {"token": ann.token, "name": "deals", "sender": "hmac", "rules": crm.RULES}
        form["lookups"] = "lookups:\n- {name: deal, connection: crm, path: /deals}\n"
        answer = await web.post("/console/triggers", data=form, headers=SAME)
    assert answer.status_code == 403


@pytest.mark.parametrize("body", ["no json", "[" * 5_000])
async def test_a_payload_that_is_no_json_is_refused_in_words(
    engine: Engine, person: Person, body: str
) -> None:
    made = await crm.trigger(engine)
    await person.go(f"/console/triggers/{made.name}")
    seen = await person.press("See what it would do", body=body)
    assert "The payload is no JSON." in seen.text


async def test_other_rules_are_tried_on_what_came_and_nothing_is_done(engine: Engine, person: Person) -> None:
    made = await crm.trigger(engine)
    await crm.delivered(engine, made, crm.deal())
    before = await engine.record(engine.local, 50)
    await person.go(f"/console/triggers/{made.name}")
    seen = await person.press("See what it would do", rules="when: 'true'\ndo: nothing\n")
    assert "nothing" in seen.text
    assert await engine.record(engine.local, 50) == before


@pytest.mark.parametrize(
    ("sender", "weak"),
    [
        (Sender.PIPEDRIVE, "signs nothing"),
        (Sender.SALESFORCE_MESSAGE, "signs nothing"),
        (Sender.STRIPE, ""),
    ],
)
async def test_a_weak_proof_is_called_weak_on_its_page_and_in_the_list(
    engine: Engine, person: Person, sender: Sender, weak: str
) -> None:
    made = await crm.trigger(engine, sender=sender, organization="00D000000000001")
    for path in (f"/console/triggers/{made.name}", "/console/triggers"):
        seen = await person.go(path)
        assert ("Weak proof:" in seen.text) is bool(weak)
        assert weak in seen.text


async def test_whom_a_delivery_left_out_is_shown_with_the_bound(engine: Engine, person: Person) -> None:
    made = await crm.trigger(engine, to=["*@example.com"], not_to=["ceo@example.com"])
    named = crm.deal(people=[*crm.people("ann", "ceo"), {"email": "eve@evil.com"}])
    await crm.delivered(engine, made, named)
    seen = await person.go(f"/console/triggers/{made.name}")
    assert "c*******@example.com: out of bounds (not to)" in seen.text
    assert "e*******@evil.com: out of bounds (to)" in seen.text
    seen = await person.press("See what it would do", body=json.dumps({**named, "id": 8}))
    assert "e*******@evil.com: out of bounds (to)" in seen.text


async def test_a_delivery_is_handled_anew_by_a_button(engine: Engine, person: Person) -> None:
    made = await crm.trigger(engine)
    await crm.delivered(engine, made, crm.deal(start="soon"))
    seen = await person.go(f"/console/triggers/{made.name}?state=failed")
    assert "unknown timezone" in seen.text
    seen = await person.press("Handle it anew")
    assert "It is handled anew." in seen.text


async def test_a_trigger_of_another_is_not_there(engine: Engine) -> None:
    made = await crm.trigger(engine)
    async with browser(engine) as web:
        bob = await with_key(engine, web, "bob@example.org", scopes=frozenset({"read", "trigger"}))
        assert (await bob.go(f"/console/triggers/{made.name}")).status == 404
        assert made.name not in (await bob.go("/console/triggers")).text


@pytest.fixture
async def reaching(tmp_path: Path, clock: Clock) -> Engine:
    async with engine_in(tmp_path, clock, public_url=PUBLIC, local_receivers="127.0.0.0/8") as opened:
        yield opened


async def test_a_webhook_is_made_its_log_read_and_something_posted_again(reaching: Engine) -> None:
    async with browser(reaching) as web:
        person = await operator(reaching, web)
        await person.go("/console/webhooks")
        ticked = {f"kind-{WebhookKind.EVENT_CREATED}": "yes"}
        seen = await person.press("Make the webhook", url="http://127.0.0.1:9/in", **ticked)
        (secret,) = re.findall(r"whsec_\S+", seen.text)
        (webhook,) = await asking.webhooks(reaching, reaching.local)
        assert webhook.kinds == {WebhookKind.EVENT_CREATED}
        assert secret in webhook.secrets
        assert secret not in (await person.go(f"/console/webhooks/{webhook.id}")).answer.text
        await person.press("Pause")
        assert (await asking.webhooks(reaching, reaching.local))[0].paused
        await person.press("Go on, with what was missed")
        seen = await person.press("Add a new secret")
        assert "whsec_" in seen.text
        await person.go(f"/console/webhooks/{webhook.id}")
        await person.press("Drop the old secret")
        assert len((await asking.webhooks(reaching, reaching.local))[0].secrets) == 1
        await person.go(f"/console/webhooks/{webhook.id}")
        assert "Deleted." in (await person.press("Delete")).text


async def test_a_webhook_to_an_address_inside_is_refused(engine: Engine, person: Person) -> None:
    await person.go("/console/webhooks")
    seen = await person.press("Make the webhook", url="https://127.0.0.1/in")
    assert seen.status in {400, 403, 422}
    assert await asking.webhooks(engine, engine.local) == []


async def _wrote(engine: Engine, **values: object) -> InboxMessage:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    known = {"id": "m1", "at": at, "kind": "mail", "organizer": "ann@example.com", "subject": "Hello"}
    known |= {
        "sender": "guest@example.net",
        "text": "Is there parking at lot@example.net?",
        "proof": "example.net",
    }
    message = InboxMessage.model_validate({**known, **values})
    async with engine.store.unit() as unit:
        await unit.save_inbox_message(message)
    return message


async def test_what_people_wrote_is_read_masked_and_answered(engine: Engine, person: Person) -> None:
    await _wrote(engine)
    seen = await person.go("/console/messages")
    assert "g*******@example.net" in seen.text
    assert "guest@" not in seen.answer.text
    seen = await person.go("/console/messages/m1")
    assert "parking at l*******@example.net" in seen.text
    seen = await person.press("Send it", text="Yes, behind the hall.")
    assert "Your answer is on its way." in seen.text
    (mail,) = await deliver(engine)
    assert mail.email == "guest@example.net"


async def test_an_answer_is_taken_back_by_a_button_before_it_leaves(tmp_path: Path, clock: Clock) -> None:
    async with engine_in(tmp_path, clock, public_url=PUBLIC, undo_s=60) as engine, browser(engine) as web:
        person = await operator(engine, web)
        await _wrote(engine)
        await person.go("/console/messages/m1")
        await person.press("Send it", text="Yes, behind the hall.")
        assert "Undone" in (await person.press("Undo")).text
        clock.move(minutes=2)
        assert await deliver(engine) == []


async def test_a_message_that_nothing_proves_is_not_answered(engine: Engine, person: Person) -> None:
    await _wrote(engine, proof="")
    seen = await person.go("/console/messages/m1")
    assert "which nothing proves" in seen.text
    assert "Send it" not in seen.text


async def test_messages_are_those_of_the_own_address_and_need_the_right(engine: Engine) -> None:
    await _wrote(engine)
    async with browser(engine) as first, browser(engine) as second:
        bob = await with_key(engine, first, "bob@example.org", scopes=frozenset({"read", "reply"}))
        assert "Hello" not in (await bob.go("/console/messages")).text
        assert (await bob.go("/console/messages/m1")).status == 404
        ann = await with_key(engine, second, "ann@example.com", scopes=frozenset({"read"}))
        assert (await ann.go("/console/messages")).status == 403


async def test_empty_pages_say_what_to_do_first(person: Person) -> None:
    for path, words in (
        ("/console/triggers", "No trigger yet."),
        ("/console/webhooks", "No webhook yet."),
        ("/console/messages", "Nobody has written."),
    ):
        assert words in (await person.go(path)).text


async def test_the_log_of_a_webhook_shows_what_was_answered_and_posts_again(reaching: Engine) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(reaching) as courier, browser(reaching) as web:
        made = await subscribed(reaching, stub.url)
        await created(reaching)
        await courier.drain()
        person = await operator(reaching, web)
        seen = await person.go(f"/console/webhooks/{made.webhook.id}?state=delivered")
        assert "event.created" in seen.text
        assert "1 204" in seen.text
        assert "It is posted again." in (await person.press("Post it again")).text
        await courier.drain()
    assert len(receiver.got) == 2


async def test_the_hub_leads_to_all_of_it(engine: Engine, person: Person, web: httpx.AsyncClient) -> None:
    await created(engine)
    seen = await person.go("/console/agents")
    assert {"/console/triggers", "/console/webhooks", "/console/messages", "/console/quarantine"} <= set(
        seen.links
    )
