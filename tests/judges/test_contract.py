"""schemathesis plays every operation of the OpenAPI document with the keys that programs have; in CI alone."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from cis_mcp.rest.catalog import EVERY, V1
from cis_mcp.rest.endpoint import Endpoint
from cis_mcp.rest.openapi import document
from engine.commands.agents.keys import CreateKey
from engine.commands.agents.messages import TakeMessage
from engine.commands.events.events import UpdateEvent
from engine.commands.invites.invites import SendInvite
from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.bounds import Approval, Bounds
from engine.model.campaigns import CampaignState
from engine.model.counters import Intake
from engine.model.events import Event
from engine.model.pages import PageKind
from engine.model.triggers import Proof, Sender
from engine.model.verbs import Verb
from engine.rules.reading import rules_of
from engine.triggers import asking
from engine.webhooks import asking as webhooks
from tests.judges import contract
from tests.judges.contract import Example
from tests.support import mails
from tests.support.engines import created, do, drafted, engine_in, invite
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for, served
from tests.tools.test_proposals import proposed
from tests.triggers.crm import RULES, deal, deliveries, handled, trigger
from tests.triggers.test_posted import taken
from tests.triggers.vectors import SECRET
from tests.webhooks.receiver import LOCAL, Receiver, posting, receiving, subscribed

TRIES = 10
CONCERT = {"summary": "Spring concert", "start": "2027-05-02T19:00:00Z", "duration": "PT2H"}
ENDING = {"withdraw_invite", "cancel_event", "cancel_campaign", "revoke_key", "control_webhook"}
"""After these nothing else can be done with what they end."""
MAIL = "1"
BOB = {"email": "bob@example.com"}


@pytest.fixture(autouse=True)
def _judge() -> None:
    if os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("schemathesis plays in CI alone: CIS_JUDGES=required")
    assert contract.available(), "run make judges"


ORGANIZERS = ("set_organizer", "register_organizer", "suspend_organizer", "resume_organizer")


@dataclass(frozen=True)
class Stage:
    """A server with something for every operation."""

    keys: dict[str, str]
    examples: dict[str, Example]


async def _staged(engine: Engine) -> Stage:
    hook = await trigger(engine, verbs="create,update,send,trigger")
    who = hook.organizer
    every = frozenset(Verb) - {Verb.ADMIN}
    asks = Bounds(verbs=every, approval=(Approval.EVERYTHING,))
    keys = {
        "v1": await key_for(engine, who, scopes=every),
        "admin": await key_for(engine, api="admin"),
        "standard": await key_for(engine, api="standard"),
        "decide": await key_for(engine, who, scopes=frozenset({Verb.APPROVE})),
    }
    over_all = await key_for(engine, who, scopes=frozenset(Verb))
    keys |= dict.fromkeys(ORGANIZERS, over_all)
    event, doomed, other = [await created(engine, organizer=who) for _ in range(3)]
    bob = (await invite(engine, event, "bob@example.com")).attendee
    await proposed(engine, event, bob, 2)
    await taken(engine, hook, json.dumps(deal()).encode())
    await handled(engine)
    (delivery,) = await deliveries(engine, hook)
    own = await asking.trigger(engine, await _own_trigger(engine, keys["v1"], "own", live=True), engine.local)
    await taken(engine, own, json.dumps(deal()).encode())
    await handled(engine)
    (of_own,) = await deliveries(engine, own)
    draft, going, still = [await drafted(engine, event, [f"{n}@example.com"]) for n in ("a", "b", "c")]
    undo_id = await _undoable(engine, who, keys["v1"])
    page = (await do(engine, CreatePage(title="Season", kind=PageKind.SCHEDULE, organizer=who))).page
    letter = TakeMessage(
        organizer=who,
        sender="bob@example.com",
        body="When?",
        proof="example.com",
        answerable=True,
        message_id="first@example.com",
    )
    message = (await engine.apply(letter, SYSTEM)).message
    waiting = (await do(engine, CreateKey(name="asks", address=who, bounds=asks))).key
    child = (await do(engine, CreateKey(name="child", address=who))).key
    held = (await engine.apply(SendInvite(uid=other.uid, email="eve@example.com"), waiting.actor)).held
    assert held is not None and draft.campaign.state is CampaignState.DRAFT
    await _came_by_mail(engine, event)
    of_webhook = await _posted(engine, who, keys["v1"])
    link = (
        await do(engine, CreateLink(name="News", events=(event.uid,), vendor="mailchimp"), asking_for(who))
    ).link
    uid = {"uid": event.uid, "email": "bob@example.com"}
    of_trigger = {"name": hook.name, "delivery_id": delivery.id}
    of_draft, of_going = {"campaign_id": draft.campaign.id}, {"campaign_id": going.campaign.id}
    of_key = {"key_id": child.id}
    examples = {endpoint.name: Example(path=uid) for endpoint in EVERY}
    examples |= {
        "create_event": Example(body=CONCERT),
        "change_event": Example(path={"uid": other.uid}, body={"summary": "Autumn concert"}),
        "cancel_event": Example(path={"uid": doomed.uid}, body={"note": "The hall is closed"}),
        "event_mail": Example(path={**uid, "mail": MAIL}),
        "create_invite": Example(path=uid, body=BOB),
        "withdraw_invite": Example(path=uid, body=BOB),
        "remind": Example(path=uid, body={}),
        "answer_proposal": Example(path=uid, body={"email": "bob@example.com", "answer": "decline"}),
        "send_report": Example(path=uid, body={}),
        "draft_campaign": Example(path=uid, body={"recipients": [{"email": "more@example.com"}]}),
        "start_campaign": Example(path=of_draft, body={"confirm_token": draft.confirm_token}),
        "get_campaign": Example(path=of_draft),
        # A draft does not move, so that following it ends.
        "campaign_progress": Example(path={"campaign_id": still.campaign.id}),
        **{name: Example(path=of_draft) for name in ("pause_campaign", "resume_campaign")},
        "cancel_campaign": Example(path=of_going),
        "add_suppressions": Example(body={"addresses": ["never@example.org"]}),
        "remove_suppressions": Example(body={"addresses": ["never@example.org"]}),
        **{name: Example(path={"slug": page.slug}) for name in ("show_page",)},
        "publish": Example(body={"on": True}),
        "make_page": Example(body={"title": "Next"}),
        "change_page": Example(path={"slug": page.slug}, body={"title": "Games"}),
        "propose_trigger": Example(body={"name": "orders", "sender": "github", "rules": RULES}),
        "try_trigger": Example(path=of_trigger, body={"body": deal()}),
        **{name: Example(path=of_trigger) for name in ("deliveries", "proof")},
        # A key replays only what acts with it.
        "replay": Example(path={"name": own.name, "delivery_id": of_own.id}),
        "show_held_action": Example(path={"held_id": held.id}),
        "decide": Example(path={"held_id": held.id}, body={"decision": "approve"}),
        "show_link": Example(path={"id": link.id}),
        "link_code": Example(path={"id": link.id}),
        "make_link": Example(body={"name": "Letter", "events": [event.uid], "vendor": "mailchimp"}),
        "export_table": Example(path={"table": "events"}),
        **{name: Example(path={"address": "carol@example.com"}) for name in ORGANIZERS},
        "set_organizer": Example(path={"address": "carol@example.com"}, body={"name": "Carol"}),
        "take_back": Example(path={"undo_id": undo_id}),
        "allow_hosts": Example(body={"hosts": ["shop.example.com"]}),
        "change_link": Example(path={"id": link.id}, body={"name": "Paper"}),
        "make_trigger_live": Example(
            path={"name": await _own_trigger(engine, keys["v1"], "draft", live=False)}
        ),
        "fire_trigger": Example(
            path={"name": await _own_trigger(engine, keys["v1"], "fired", live=True)},
            body={"payload": deal()},
        ),
        "create_webhook": Example(body={"url": "http://127.0.0.1:9/in"}),
        "control_webhook": Example(path=of_webhook, body={"action": "pause"}),
        "list_postings": Example(path=of_webhook),
        "replay_posting": Example(path=of_webhook),
        "make_key": Example(body={"name": "helper"}),
        **{name: Example(path=of_key) for name in ("show_key", "stop_key", "resume_key", "revoke_key")},
        **{name: Example(path={"message_id": message.id}) for name in ("show_message",)},
        "reply": Example(path={"message_id": message.id}, body={"text": "At seven."}),
    }
    for name in (
        "api_organizer_events",
        "api_shadow_events",
        "api_shadow_statistics",
        "api_shadow_statistic",
    ):
        examples[name] = Example(path={"email": who})
    return Stage(keys, examples)


async def _own_trigger(engine: Engine, secret: str, name: str, *, live: bool) -> str:
    """A trigger that acts as the key with this secret."""
    proof, key = Proof(sender=Sender.GITHUB), await engine.key_of(secret)
    assert key is not None
    await do(engine, CreateTrigger(name=name, proof=proof, rules=rules_of(RULES), key=key.id))
    await do(engine, SetTriggerSecrets(name=name, secrets=(SECRET,)))
    if live:
        await do(engine, SetTriggerLive(name=name, live=True))
    return name


async def _undoable(engine: Engine, organizer: str, secret: str) -> str:
    """The id of a change that can be taken back still, by the key that asked for it."""
    event = await created(engine, organizer=organizer)
    settings, engine.settings = engine.settings, engine.settings.model_copy(update={"undo_s": 600})
    key = await engine.key_of(secret)
    assert key is not None
    await engine.apply(SendInvite(uid=event.uid, email="undone@example.com"), key.actor)
    done = await engine.apply(UpdateEvent(uid=event.uid, location="Elsewhere"), key.actor)
    engine.settings = settings
    assert done.undo is not None
    return done.undo.id


async def _posted(engine: Engine, organizer: str, secret: str) -> dict[str, str]:
    """A webhook that something was posted to."""
    key = await engine.key_of(secret)
    assert key is not None
    async with receiving(Receiver()) as stub, posting(engine) as courier:
        webhook = (await subscribed(engine, stub.url, actor=key.actor)).webhook
        await created(engine, organizer=organizer)
        await courier.drain()
    (one, *_) = await webhooks.postings(engine, webhook.id, key.actor)
    return {"webhook_id": webhook.id, "posting_id": one.id}


def asking_for(organizer: str) -> Actor:
    """The operator, acting for an organizer."""
    return Actor(kind="local", address=organizer)


async def _came_by_mail(engine: Engine, event: Event) -> None:
    """As if the organizer had mailed the event."""
    line = Intake(id=f"{MAIL}:create:", at=engine.clock(), mailbox="create", action="created", uid=event.uid)
    async with engine.store.unit() as unit:
        await unit.take_in(line)
    folder = engine.settings.data_dir / "inbox" / "done"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MAIL).write_bytes(mails.request().as_bytes())


@pytest.mark.parametrize("key", ["v1", "admin", "standard"])
async def test_every_operation_answers_as_the_document_says(tmp_path: Path, key: str) -> None:
    wanted = [endpoint for endpoint in EVERY if (endpoint in V1) is (key == "v1")]
    async with engine_in(tmp_path / "data", http_rate=0, **LOCAL) as engine, served(engine) as address:
        stage = await _staged(engine)
        async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
            for endpoint in sorted(wanted, key=lambda endpoint: endpoint.name in ENDING):
                # Who decides asks for nothing itself.
                other = stage.keys.get(endpoint.name, stage.keys[key])
                answer = await _asked(web, endpoint, stage.examples[endpoint.name], other)
                refused = key == "standard" and endpoint.verb is Verb.ADMIN
                assert answer.is_error is refused, (endpoint.name, answer.text)
        # A stream lasts as long as its campaign does.
        fuzzed = {e.name: stage.examples[e.name] for e in wanted if e.media != "text/event-stream"}
        spoken = contract.with_examples(document(engine.settings.public_url), fuzzed)
        verdict = await contract.judged(spoken, address, stage.keys[key], tmp_path / "judged", tries=TRIES)
    assert not verdict.failed, verdict.report


async def _asked(web: httpx.AsyncClient, endpoint: Endpoint, example: Example, key: str) -> httpx.Response:
    path = endpoint.path.format(**{name: quote(value) for name, value in example.path.items()})
    query = {"email": "guest@example.com"} if endpoint.name == "api_invite" else None
    body = example.body if endpoint.body else None
    return await web.request(endpoint.method, path, json=body, params=query, headers={"x-api-key": key})
