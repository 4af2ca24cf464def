"""Triggers: set up as a draft, tried on what came or on a payload, made live, stopped, and deliveries handled anew."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from cis_mcp.console import once
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.views import triggers as views
from engine.commands.triggers.deliveries import ReplayDelivery
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets, TriggerDone
from engine.model.triggers import DeliveryState, HmacForm, Proof, Sender, Trigger
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.rules.reading import lookups_of, rules_of
from engine.triggers import asking

_HUB = "/console/triggers"
_ONE = f"{_HUB}/{{name:str}}"
_SHOWN = 50
_TRIED = 10
_NAMED = 20
EXAMPLE = """\
when: event.stage == "demo"
do: invite
object: "deal:{{ event.id }}"
version: event.updated_at
set: {summary: "Demo: {{ event.title }}", start: "{{ event.start }}", duration_minutes: "45"}
people: {each: event.people, email: "{{ item.email }}"}
"""


_LOOKUPS = 'lookups:\n- {name: deal, connection: hubspot, path: "/deals/{{ event.id }}"}'


async def every(visit: Visit) -> Response:
    """GET /console/triggers."""
    shown = visit.rows(_SHOWN)
    found = await asking.triggers(visit.engine, visit.actor)
    counts = await asking.counts(visit.engine, [one for one, _ in found[:shown]])
    url = visit.engine.settings.public_url
    return visit.show(
        "triggers.html",
        title=visit.say("Triggers"),
        triggers=[
            views.trigger_info(url, one, unproven, counts[one.id], visit.language)
            for one, unproven in found[:shown]
        ],
        more=max(0, len(found) - shown),
    )


async def new(visit: Visit) -> Response:
    """GET /console/triggers/-/new."""
    now = visit.engine.clock()
    keys = [key for key in await visit.engine.keys_of(visit.actor) if not key.ended(now) and not key.api]
    return visit.show(
        "trigger_form.html",
        title=visit.say("New trigger"),
        keys=keys,
        senders=[sender.value for sender in Sender],
        example=EXAMPLE,
        example_lookups=_LOOKUPS,
    )


async def make(visit: Visit) -> Response:
    """POST /console/triggers: a draft; the secret that we chose is shown once, in this answer alone."""
    try:
        sender = Sender(visit.given("sender"))
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "There is no such sender.", "Choose one of the list.") from None
    proof = Proof(
        sender=sender,
        header=visit.given("header"),
        organization=visit.given("organization"),
        form=HmacForm(),
    )
    lookups, reconciling = lookups_of(visit.given("lookups")) if visit.given("lookups") else ((), None)
    command = CreateTrigger(
        name=visit.given("name"),
        proof=proof,
        rules=rules_of(visit.given("rules")),
        key=visit.given("key"),
        lookups=lookups,
        reconciling=reconciling,
    )

    async def shown(done: TriggerDone) -> Response:
        return await _shown(visit, done.trigger, secret=done.secret, made=True)

    return await once.made(visit, command, lambda done: f"{_HUB}/{done.trigger.name}", shown=shown)


async def trigger(visit: Visit) -> Response:
    """GET /console/triggers/{name}: what was delivered, newest first."""
    return await _shown(visit, await asking.trigger(visit.engine, visit.path("name"), visit.actor))


async def _shown(visit: Visit, found: Trigger, **more: Any) -> Response:
    shown = visit.rows(_SHOWN)
    state = next((one for one in DeliveryState if one.value == visit.asked("state")), None)
    delivered = await asking.deliveries(
        visit.engine, found.name, visit.actor, state=state, limit=shown, before=visit.asked("before")[:40]
    )
    values = {"secret": "", "made": False, "tried": None, "rules": "", "body": "", **more}
    return visit.show(
        "trigger.html",
        title=visit.say("Trigger {name}", name=found.name),
        trigger=found,
        hook=views.hook(visit.engine.settings.public_url, found),
        state=views.state(found),
        warnings=list(views.warnings(found, visit.language)),
        deliveries=delivered,
        states=[one.value for one in DeliveryState],
        chosen=state.value if state else "",
        before=delivered[-1].id if len(delivered) == shown else "",
        **values,
    )


async def try_it(visit: Visit) -> Response:
    """POST …/try: what the rules, or others, would do with a payload or with what came; nothing is done."""
    found = await asking.trigger(visit.engine, visit.path("name"), visit.actor)
    text, body = visit.given("rules"), visit.given("body")
    rules = rules_of(text) if text else None
    if body:
        tried = [await asking.tried_on_body(visit.engine, found.name, visit.actor, _payload(body), rules)]
    else:
        tried = await asking.tried_on_kept(visit.engine, found.name, visit.actor, rules, _TRIED)
    return await _shown(
        visit,
        found,
        tried=[(views.trial_info(one), one.refused[:_NAMED]) for one in tried],
        rules=text,
        body=body,
    )


def _payload(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Refused(
            Code.INVALID_PAYLOAD, "The payload is no JSON.", "Paste it as its sender posts it."
        ) from None


async def live(visit: Visit) -> Response:
    """POST …/live: make a draft live as it is now, or stop it."""
    name = visit.path("name")
    if visit.given("do") == "live":
        await visit.apply(await asking.going_live(visit.engine, name, visit.actor))
        return visit.go(f"{_HUB}/{name}", "live")
    await visit.apply(SetTriggerLive(name=name, live=False))
    return visit.go(f"{_HUB}/{name}", "stopped")


async def set_secret(visit: Visit) -> Response:
    """POST …/secret: the secret that its sender chose and, while it is being changed, the one before; no other."""
    name = visit.path("name")
    given = (visit.given("secret"), visit.given("before"))
    await visit.apply(SetTriggerSecrets(name=name, secrets=tuple(one for one in given if one)))
    return visit.go(f"{_HUB}/{name}", "saved")


async def replay(visit: Visit) -> Response:
    """POST …/replay: handle a delivery anew; nothing is sent twice."""
    name = visit.path("name")
    await visit.apply(ReplayDelivery(trigger=name, delivery_id=visit.given("delivery")))
    return visit.go(f"{_HUB}/{name}", "replayed")


SCREENS = (
    Screen("GET", _HUB, every, Verb.TRIGGER),
    Screen("POST", _HUB, make, Verb.TRIGGER),
    Screen("GET", f"{_HUB}/-/new", new, Verb.TRIGGER),
    Screen("GET", _ONE, trigger, Verb.TRIGGER),
    Screen("POST", f"{_ONE}/try", try_it, Verb.TRIGGER, asks=True),
    Screen("POST", f"{_ONE}/live", live, Verb.TRIGGER),
    Screen("POST", f"{_ONE}/secret", set_secret, Verb.ADMIN),
    Screen("POST", f"{_ONE}/replay", replay, Verb.TRIGGER),
)
