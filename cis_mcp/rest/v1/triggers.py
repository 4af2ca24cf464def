"""Triggers: hooks for systems of record, their rules, and the outcome of each delivery."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.models import Body, Cursor, Limit, Nothing, Query
from cis_mcp.views.trigger_fields import (
    DeliveryList,
    FiringFields,
    ProposedTrigger,
    TrialFields,
    Trials,
    TriggerFields,
    TriggerList,
    proposed,
)
from cis_mcp.views.triggers import (
    DeliveryInfo,
    ProofInfo,
    TriggerInfo,
    delivery_info,
    proof_info,
    trial_info,
    trigger_info,
)
from engine.commands.triggers.deliveries import ReplayDelivery
from engine.commands.triggers.feeding import FireTrigger
from engine.model import cursors
from engine.model.triggers import DeliveryState
from engine.model.verbs import Verb
from engine.rules.reading import rules_of
from engine.triggers import asking, masking


class OfTrigger(Query):
    """The trigger in the path."""

    name: Annotated[str, Field(min_length=1, max_length=200)]


class OfDelivery(OfTrigger):
    """The delivery in the path."""

    delivery_id: Annotated[str, Field(min_length=1, max_length=100)]


class ListingTriggers(Query):
    """A page of triggers."""

    limit: Limit = 50
    cursor: Cursor = None


class ListingDeliveries(OfTrigger):
    """A page of a trigger's deliveries."""

    state: DeliveryState | None = Field(None, description="only these; failed: given up")
    limit: Limit = 20
    cursor: Cursor = None


class NewTrigger(TriggerFields, Body):
    """A trigger to be proposed."""


class TriggerTrial(TrialFields, Body):
    """Rules to be tried, and on what."""


class Firing(FiringFields, Body):
    """A payload, as the trigger's sender would post it."""


async def triggers(call: Call[ListingTriggers, Body]) -> TriggerList:
    """List the triggers: hook, state, key, and what their proof leaves open."""
    limit, cursor = call.query.limit, call.query.cursor
    (after,) = cursors.opened(cursor, str) if cursor else [""]
    every = await asking.triggers(call.engine, call.actor)
    rest = [(one, unproven) for one, unproven in every if one.name > str(after)]
    url = call.engine.settings.public_url
    counts = await asking.counts(call.engine, [one for one, _ in rest[:limit]])
    return TriggerList(
        triggers=[trigger_info(url, one, unproven, counts[one.id]) for one, unproven in rest[:limit]],
        next_cursor=cursors.written(rest[limit - 1][0].name) if len(rest) > limit else None,
    )


async def propose_trigger(call: Call[Query, NewTrigger]) -> DataResponse:
    """Draft a trigger: rules by which signed webhooks of a CRM, a billing system or the like invite, change and
    cancel, with your key and within its bounds. It acts once it is live: the operator makes
    it so, or you ask for it with your owner's approval. Calling again with the same name gives the draft new rules."""
    done = await call.apply(proposed(call.body))
    info = trigger_info(call.engine.settings.public_url, done.trigger, 0)
    return DataResponse(ProposedTrigger(trigger=info, secret=done.secret), 201)


async def try_trigger(call: Call[OfTrigger, TriggerTrial]) -> Trials:
    """Show what rules would do with earlier deliveries or with a body: which rule matches, what it sets, who would
    be invited or taken out, and whom the key's bounds exclude. Nothing is done or sent."""
    body, name = call.body, call.query.name
    draft = rules_of(body.rules) if body.rules is not None else None
    if body.body is not None:
        tried = [await asking.tried_on_body(call.engine, name, call.actor, body.body, draft)]
    else:
        tried = await asking.tried_on_kept(call.engine, name, call.actor, draft, body.limit)
    return Trials(tried=[trial_info(one) for one in tried])


async def make_trigger_live(call: Call[OfTrigger, Body]) -> TriggerInfo:
    """Turn a draft on: it carries out whatever is posted from then on. A key's request needs its owner's approval of
    the rules as they are now."""
    done = await call.apply(await asking.going_live(call.engine, call.query.name, call.actor))
    return trigger_info(call.engine.settings.public_url, done.trigger, 0)


async def fire_trigger(call: Call[OfTrigger, Firing]) -> DataResponse:
    """Give a live trigger a payload, as if its sender had posted it. Repeating the same payload does nothing."""
    body = call.body
    command = FireTrigger(trigger=call.query.name, payload=body.payload, delivery_id=body.delivery_id)
    return DataResponse(delivery_info((await call.apply(command)).delivery), 202)


async def deliveries(call: Call[ListingDeliveries, Body]) -> DeliveryList:
    """List the deliveries at a trigger's hook and their outcomes, newest first."""
    asked = call.query
    (before,) = cursors.opened(asked.cursor, str) if asked.cursor else [""]
    found = await asking.deliveries(
        call.engine,
        asked.name,
        call.actor,
        state=asked.state,
        limit=asked.limit + 1,
        before=str(before),
    )
    return DeliveryList(
        deliveries=[delivery_info(one) for one in found[: asked.limit]],
        next_cursor=cursors.written(found[asked.limit - 1].id) if len(found) > asked.limit else None,
    )


async def replay(call: Call[OfDelivery, Body]) -> DeliveryInfo:
    """Process a delivery of a live trigger again, once the cause of its failure is fixed. Nothing is sent twice."""
    command = ReplayDelivery(trigger=call.query.name, delivery_id=call.query.delivery_id)
    return delivery_info(masking.shown((await call.apply(command)).delivery, call.actor))


async def proof(call: Call[OfDelivery, Body]) -> ProofInfo:
    """Verify the signature of a delivery's request again, on the bytes as posted and for the time they arrived."""
    asked = call.query
    return proof_info(await asking.proof_of(call.engine, asked.name, asked.delivery_id, call.actor))


_TRIGGERS, _TRIGGER = "/v1/triggers", "/v1/triggers/{name}"
ENDPOINTS = (
    Endpoint(
        "GET",
        _TRIGGERS,
        triggers,
        TriggerList,
        Verb.TRIGGER,
        "triggers",
        ListingTriggers,
        tool="list_triggers",
        tier="extended",
    ),
    Endpoint(
        "POST",
        _TRIGGERS,
        propose_trigger,
        ProposedTrigger,
        Verb.TRIGGER,
        "triggers",
        Nothing,
        NewTrigger,
        201,
        tool="create_trigger",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_TRIGGER}/test",
        try_trigger,
        Trials,
        Verb.TRIGGER,
        "triggers",
        OfTrigger,
        TriggerTrial,
        tool="test_trigger",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_TRIGGER}/live",
        make_trigger_live,
        TriggerInfo,
        Verb.TRIGGER,
        "triggers",
        OfTrigger,
        tool="make_trigger_live",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_TRIGGER}/deliveries",
        fire_trigger,
        DeliveryInfo,
        Verb.TRIGGER,
        "triggers",
        OfTrigger,
        Firing,
        202,
        tool="fire_trigger",
        tier="extended",
    ),
    Endpoint(
        "GET",
        f"{_TRIGGER}/deliveries",
        deliveries,
        DeliveryList,
        Verb.TRIGGER,
        "triggers",
        ListingDeliveries,
        tool="list_deliveries",
        tier="extended",
    ),
    Endpoint(
        "POST",
        f"{_TRIGGER}/deliveries/{{delivery_id}}/replay",
        replay,
        DeliveryInfo,
        Verb.TRIGGER,
        "triggers",
        OfDelivery,
        tool="replay_delivery",
        tier="extended",
    ),
    Endpoint(
        "GET",
        f"{_TRIGGER}/deliveries/{{delivery_id}}/proof",
        proof,
        ProofInfo,
        Verb.TRIGGER,
        "triggers",
        OfDelivery,
        tool="list_deliveries",
        tier="extended",
    ),
)
