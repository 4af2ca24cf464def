"""Queries about triggers: a caller's own, their deliveries, and what rules would do with them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from engine.commands.agents.budgets import passing
from engine.commands.triggers import effects
from engine.commands.triggers.deliveries import older, unknown_delivery
from engine.commands.triggers.triggers import SetTriggerLive, digest, unknown_trigger
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.events import Event
from engine.model.keys import Standing
from engine.model.rules import Deed, Rule
from engine.model.triggers import (
    Delivery,
    DeliveryState,
    PostedRequest,
    RefusedPerson,
    Trigger,
    TriggerCounts,
    TriggerObject,
)
from engine.model.verbs import Verb
from engine.ownership import sees_addresses
from engine.refusals import Code, Refused
from engine.rules.admission import admit
from engine.rules.mapping import Mapped, MappedPerson, mapped
from engine.store.protocol import Unit
from engine.triggers import masking
from engine.triggers.proofs.proving import connector, proven
from engine.triggers.trying import at_its_event

TRIED_MAX = 50
"""The most deliveries on which rules are tried at once."""


class Tried(Value):
    """What rules would do with one payload, without doing it."""

    delivery: str = Field("", description="id of the delivery; empty: a payload that was given")
    outcome: str = Field(
        description="what a delivery would become: waiting, nothing, stale, unchanged, failed"
    )
    code: str = ""
    detail: str = ""
    rule: int | None = Field(None, description="which rule matched, from 1")
    do: str = ""
    object: str = ""
    version: float | None = None
    values: Mapping[str, str] = Field(default_factory=dict)
    invites: tuple[str, ...] = Field((), description="who would be invited")
    withdraws: tuple[str, ...] = Field((), description="who would be taken out")
    refused: tuple[RefusedPerson, ...] = ()
    cut: tuple[str, ...] = Field(
        (), description="what of the payload is larger than a rule reads, and was cut"
    )


def weakness(trigger: Trigger) -> str:
    """What the sender's proof does not protect, in a sentence; empty if it protects everything."""
    return connector(trigger.proof).weak


def unordered(trigger: Trigger) -> bool:
    """True if a rule has no version, so that a late delivery can undo a newer one."""
    return any(rule.do is not Deed.NOTHING and not rule.version for rule in trigger.rules)


async def triggers(engine: Engine, actor: Actor) -> list[tuple[Trigger, int]]:
    """The caller's triggers, each with its number of unproven requests. Raises Refused: NOT_ALLOWED."""
    _may_see(actor)
    return await engine.store.triggers(None if actor.everywhere else actor.address)


async def counts(engine: Engine, found: Sequence[Trigger]) -> dict[str, TriggerCounts]:
    """Counts of deliveries and their effects, by trigger id."""
    counted = await engine.store.trigger_counts([one.id for one in found])
    return {one.id: counted.get(one.id, TriggerCounts()) for one in found}


async def trigger(engine: Engine, name: str, actor: Actor) -> Trigger:
    """The caller's trigger with this name. Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER."""
    _may_see(actor)
    found = await engine.store.trigger_named(name)
    if found is None or not actor.owns(found.organizer):
        raise unknown_trigger(name)
    return found


async def going_live(engine: Engine, name: str, actor: Actor) -> SetTriggerLive:
    """The command that makes a trigger live with its current rules; sent by a key, it waits for approval.

    Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER.
    """
    found = await trigger(engine, name, actor)
    return SetTriggerLive(name=found.name, live=True, rules=digest(found))


async def deliveries(
    engine: Engine,
    name: str,
    actor: Actor,
    *,
    state: DeliveryState | None = None,
    limit: int = 50,
    before: str = "",
) -> list[Delivery]:
    """The deliveries of one of the caller's triggers, newest first. Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER."""
    found = await trigger(engine, name, actor)
    listed = await engine.store.deliveries(found.id, state, limit, before)
    return [masking.shown(one, actor) for one in listed]


class ProvenDelivery(Value):
    """The request that contained a delivery, and whether a secret of its hook still proves it."""

    request: PostedRequest
    sha256: str = Field(description="of its body")
    holds: bool | None = Field(description="None: its sender shows a secret, which is not kept")


async def proof_of(engine: Engine, name: str, delivery_id: str, actor: Actor) -> ProvenDelivery:
    """The request that contained a delivery, and its proof checked again as of the time it was received.

    Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, UNKNOWN_DELIVERY.
    """
    found = await trigger(engine, name, actor)
    request = await engine.store.posted_of(delivery_id)
    if request is None or request.trigger_id != found.id:
        raise unknown_delivery(delivery_id)
    holds = None
    if not connector(found.proof).weak:
        holds = proven(request.posted, found.proof, found.secrets, request.received)
    return ProvenDelivery(
        request=request, sha256=hashlib.sha256(request.posted.body).hexdigest(), holds=holds
    )


async def tried_on_kept(
    engine: Engine,
    name: str,
    actor: Actor,
    rules: Sequence[Rule] | None = None,
    limit: int = 10,
    only: str = "",
) -> list[Tried]:
    """What the given rules, or the trigger's own, would do with its newest deliveries, or with one of them.

    Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, UNKNOWN_DELIVERY, INVALID_RULE.
    """
    found = await trigger(engine, name, actor)
    kept = await engine.store.deliveries(found.id, None, min(limit, TRIED_MAX))
    if only:
        one = await engine.store.delivery(only)
        if one is None or one.trigger_id != found.id:
            raise unknown_delivery(only)
        kept = [one]
    texts = [(one, await engine.store.payload(one.id)) for one in kept]
    bodies = [(one, json.loads(text)) for one, text in texts if text is not None]
    hidden = frozenset(one.id for one in kept if masking.hidden(one, actor))
    payloads = [(one.id, masking.masked_body(body) if one.id in hidden else body) for one, body in bodies]
    return [_as_read(one, actor) for one in await _tried(engine, found, rules, payloads, hidden)]


async def tried_on_body(
    engine: Engine, name: str, actor: Actor, body: Any, rules: Sequence[Rule] | None = None
) -> Tried:
    """As `tried_on_kept`, for one payload that the caller supplies."""
    (only,) = await _tried(engine, await trigger(engine, name, actor), rules, [("", body)])
    return _as_read(only, actor)


def _as_read(tried: Tried, actor: Actor) -> Tried:
    """What rules would do, with those whom an object named before as the actor reads them."""
    if sees_addresses(actor):
        return tried
    return tried.model_copy(update={"withdraws": masking.masked_people(tried.withdraws)})


async def _tried(
    engine: Engine,
    found: Trigger,
    rules: Sequence[Rule] | None,
    payloads: Sequence[tuple[str, Any]],
    hidden: frozenset[str] = frozenset(),
) -> list[Tried]:
    """`hidden`: the ids of the deliveries whose payloads are masked."""
    if rules is not None:
        admit(rules)

    now, draft = engine.clock(), rules or found.rules

    async def look(unit: Unit) -> list[Tried]:
        key = await unit.key(found.key)
        bounds = (await unit.standing(key.chain if key else ())).in_force(now)
        return [
            await _try(unit, found, draft, bounds, one, body, now, masked=one in hidden)
            for one, body in payloads
        ]

    tried = await engine.store.transact(look)
    bodies = [body for _, body in payloads]
    return [await _at_event(engine, found, draft, body, one) for one, body in zip(tried, bodies, strict=True)]


async def _at_event(
    engine: Engine, found: Trigger, rules: Sequence[Rule], payload: Any, tried: Tried
) -> Tried:
    """`tried` with what its event would leave out, or with the refusal by which no one would be invited."""
    asked = mapped(rules, payload) if tried.outcome == DeliveryState.WAITING else None
    if asked is None or asked.do not in {Deed.INVITE, Deed.UPDATE}:
        return tried
    try:
        lacks = await at_its_event(engine, found, asked)
    except Refused as refused:
        detail = f"{refused.bound}: {refused.message}" if refused.bound else refused.message
        failed = {"outcome": DeliveryState.FAILED, "code": refused.code.value, "detail": detail}
        return tried.model_copy(update={**failed, "invites": (), "withdraws": ()})
    return tried.model_copy(update={"code": lacks.code, "detail": lacks.detail})


async def _try(
    unit: Unit,
    found: Trigger,
    rules: Sequence[Rule],
    bounds: Standing,
    delivery: str,
    payload: Any,
    now: datetime,
    *,
    masked: bool = False,
) -> Tried:
    try:
        asked = mapped(rules, payload)
    except Refused as refused:
        return Tried(
            delivery=delivery, outcome=DeliveryState.FAILED, code=refused.code.value, detail=refused.message
        )
    if asked is None or asked.do is Deed.NOTHING:
        return Tried(delivery=delivery, outcome=DeliveryState.NOTHING, rule=asked.rule + 1 if asked else None)
    known = await unit.trigger_object(found.id, asked.object) or TriggerObject(object=asked.object)
    known = masking.masked_object(known) if masked else known
    event = await _about(unit, found, asked, known)
    shown = _shown(asked, known, bounds.linking(event.linked if event else ()), event, now)
    over = await passing(unit, bounds, shown.invites, now)
    return shown.model_copy(
        update={
            "delivery": delivery,
            "invites": tuple(email for email in shown.invites if email not in over),
            "refused": (*shown.refused, *(_refused(email, bound) for email, bound in over.items())),
        }
    )


async def _about(unit: Unit, found: Trigger, asked: Mapped, known: TriggerObject) -> Event | None:
    """The event that is named, or else the object's, also if it is cancelled or over."""
    if asked.uid:
        named = await unit.events_named(asked.uid, found.organizer)
        return next((event for event in named if event.organizer == found.organizer), None)
    return await unit.event(known.event_uid) if known.event_uid else None


def _shown(
    asked: Mapped, known: TriggerObject, bounds: Standing, event: Event | None, now: datetime
) -> Tried:
    named, refused = effects.named_people(asked.people or ())
    stands = event is not None and not event.cancelled and not event.closed(now)
    has = event is not None and (stands or effects.unchanged(asked, known, event))
    same = event is not None and event.uid == known.event_uid
    joining = {email: one for email, one in named.items() if not (has and same and email in known.people)}
    outside = {email: bound for email, one in joining.items() if (bound := _bound(bounds, email, one))}
    refused += [_refused(email, bound) for email, bound in outside.items()]
    leaves = has and asked.people is not None and not asked.stay
    return Tried(
        outcome=_outcome(asked, known, event),
        code=Code.INVALID_TIME.value if asked.no_time else "",
        detail=asked.no_time,
        rule=asked.rule + 1,
        do=asked.do.value,
        object=asked.object,
        version=asked.version,
        values=asked.values,
        invites=tuple(email for email in joining if email not in outside),
        withdraws=tuple(one for one in known.people if leaves and not (same and one in named)),
        refused=tuple(refused),
        cut=asked.cut,
    )


def _bound(bounds: Standing, email: str, person: MappedPerson) -> str:
    """The bound by which a person would not be invited; empty if no bound on people or links applies."""
    if not bounds.may_mail(email):
        return "not_to" if bounds.denies(email) else "to"
    return "links" if bounds.outside_links(person.name) else ""


def _refused(email: str, bound: str) -> RefusedPerson:
    return RefusedPerson(email=email, code=Code.OUT_OF_BOUNDS.value, bound=bound)


def _outcome(asked: Mapped, known: TriggerObject, event: Event | None) -> str:
    if older(asked.version, known.version):
        return DeliveryState.STALE
    return DeliveryState.UNCHANGED if effects.unchanged(asked, known, event) else DeliveryState.WAITING


def _may_see(actor: Actor) -> None:
    if not actor.everywhere and Verb.TRIGGER not in actor.verbs:
        raise Refused(Code.NOT_ALLOWED, "This key may not do that: it lacks “trigger”.")
