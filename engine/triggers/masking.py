"""What of a trigger's deliveries a key reads that sees people's addresses only masked.

What a system of record sent, keys of its trigger's organizer read. What happened here names attendees, whom rules need
in full: a key without `report` reads them masked, as in the log of changes, and tries rules on what it may read.
"""

from __future__ import annotations

from typing import Any

from engine.commands.triggers.feeding import OF_CHANGE
from engine.commands.webhooks.bodies import without_people
from engine.model.actors import Actor
from engine.model.addresses import masked_address, without_addresses
from engine.model.triggers import Delivery, TriggerObject
from engine.ownership import sees_addresses


def hidden(delivery: Delivery, actor: Actor) -> bool:
    """True if the delivery names attendees whose addresses the actor reads only masked."""
    return delivery.delivery_id.startswith(OF_CHANGE) and not sees_addresses(actor)


def masked_body(body: Any) -> Any:
    """What happened here, with the person in it masked."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        return body
    return {**body, "data": without_people(data)}


def masked_object(known: TriggerObject) -> TriggerObject:
    """What is known of an object, with its people masked, to be compared with a masked body."""
    return known.model_copy(update={"people": masked_people(known.people)})


def masked_people(emails: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses masked."""
    return tuple(map(_masked, emails))


def shown(delivery: Delivery, actor: Actor) -> Delivery:
    """A delivery and what became of it, as the actor reads it."""
    if not hidden(delivery, actor):
        return delivery
    refused = [one.model_copy(update={"email": _masked(one.email)}) for one in delivery.refused]
    texts = {"object": without_addresses(delivery.object), "detail": without_addresses(delivery.detail)}
    return delivery.model_copy(update={**texts, "refused": tuple(refused)})


def _masked(email: str) -> str:
    return masked_address(email) if "@" in email else ""
