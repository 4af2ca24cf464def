"""A system of record for tests: it signs as Stripe does, and posts deals with people."""

from __future__ import annotations

import json
from typing import Any

from cis_mcp.views.keys import read_bounds
from engine.commands.agents.keys import CreateKey
from engine.commands.triggers.deliveries import KeepDeliveries, KeptDeliveries
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import SYSTEM, Engine
from engine.model.events import Event
from engine.model.queries import AttendeeQuery, EventQuery
from engine.model.triggers import Delivery, Posted, Proof, Sender, Trigger
from engine.rules.reading import rules_of
from engine.triggers import worker
from engine.triggers.arrivals import arrived
from tests.support.engines import do
from tests.triggers.vectors import SECRET, openssl

RULES = """
- when: event.stage == "demo"
  do: invite
  object: "deal:{{ event.id }}"
  version: event.version
  set:
    summary: "Demo: {{ event.title }}"
    start: "{{ event.start }}"
    timezone: "{{ event.timezone | default('') }}"
    duration_minutes: "45"
    description: "{{ event.note | default('') }}"
  people: {each: event.people, email: "{{ item.email }}", name: "{{ item.name | default('') }}"}
  undo_s: 0
- when: event.stage == "moved"
  do: update
  object: "deal:{{ event.id }}"
  version: event.version
  set: {start: "{{ event.start }}", duration_minutes: "45"}
  undo_s: 60
- when: event.stage == "lost"
  do: cancel
  object: "deal:{{ event.id }}"
  version: event.version
  undo_s: 0
- when: event.stage == "forget"
  do: forget
  object: "deal:{{ event.id }}"
  undo_s: 0
"""


def deal(**values: Any) -> dict[str, Any]:
    people = [{"email": f"{name}@example.com", "name": name.title()} for name in ("ann", "ben")]
    known = {
        "stage": "demo",
        "id": 7,
        "version": 1,
        "title": "Acme",
        "start": "2027-05-02T19:00:00+02:00",
        "people": people,
    }
    return {**known, **values}


def people(*names: str) -> list[dict[str, str]]:
    return [{"email": f"{name}@example.com"} for name in names]


async def trigger(
    engine: Engine,
    rules: str = RULES,
    *,
    live: bool = True,
    sender: Sender = Sender.GITHUB,
    organization: str = "",
    header: str = "",
    **bounds: Any,
) -> Trigger:
    """A trigger that acts as a key of its own."""
    verbs = {"verbs": "create,update,send,trigger", "owner": "boss@example.com"}
    key = await do(engine, CreateKey(name="crm", bounds=read_bounds({**verbs, **bounds})))
    proof = Proof(sender=sender, organization=organization, header=header)
    command = CreateTrigger(name="deals", proof=proof, rules=rules_of(rules), key=key.key.id)
    made = (await do(engine, command)).trigger
    made = (await do(engine, SetTriggerSecrets(name=made.name, secrets=(SECRET,)))).trigger
    return (await do(engine, SetTriggerLive(name=made.name, live=True))).trigger if live else made


def signed(body: bytes) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={openssl(body).hex()}", "content-type": "application/json"}


def as_posted(payload: Any, delivery_id: str = "") -> Posted:
    headers = {"x-github-delivery": delivery_id} if delivery_id else {}
    return Posted(
        method="POST", url="https://x.test/hooks/deals", headers=headers, body=json.dumps(payload).encode()
    )


async def keep(engine: Engine, hook: Trigger, payload: Any, delivery_id: str = "") -> KeptDeliveries:
    """Keep a delivery that was proven."""
    found = arrived(as_posted(payload, delivery_id), hook.proof)
    return await do(engine, KeepDeliveries(trigger_id=hook.id, arrived=found), SYSTEM)


async def handled(engine: Engine) -> None:
    """Handle what is due, as the worker does."""
    while await worker.step(engine):
        pass


async def delivered(engine: Engine, hook: Trigger, payload: Any, delivery_id: str = "") -> Delivery:
    """What became of a payload."""
    await keep(engine, hook, payload, delivery_id)
    await handled(engine)
    return (await deliveries(engine, hook))[0]


async def deliveries(engine: Engine, hook: Trigger) -> list[Delivery]:
    return await engine.store.deliveries(hook.id, None, 1_000)


async def events(engine: Engine) -> list[Event]:
    return list((await engine.search(EventQuery(), engine.local)).events)


async def invited(engine: Engine, event: Event) -> list[str]:
    page = await engine.attendees(AttendeeQuery(uid=event.uid), engine.local)
    return sorted(attendee.email for attendee in page.attendees)
