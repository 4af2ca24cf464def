"""Turns a proven request into deliveries: one per element, with the sender's id or a hash of the content as its id."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.commands.triggers.deliveries import DELIVERY_ID_MAX, Arrived
from engine.commands.triggers.effects import chain_in
from engine.model.triggers import Posted, Proof
from engine.refusals import Refused
from engine.triggers.proofs.proving import connector


def arrived(posted: Posted, proof: Proof) -> tuple[Arrived, ...]:
    """The deliveries in a request; an unreadable request is one delivery with the reason."""
    try:
        elements = connector(proof).elements(posted)
    except Refused as refused:
        text = json.dumps(posted.body.decode("utf-8", errors="replace"))
        return (
            Arrived(
                delivery_id=_hash(posted.body), payload=text, code=refused.code.value, detail=refused.message
            ),
        )
    named = connector(proof).delivery_id
    if len(elements) == 1:
        return (_one(named(posted, elements[0]), elements[0], posted.body),)
    return tuple([_one(named(posted, one), one) for one in elements])


def _one(name: str, element: Any, body: bytes = b"") -> Arrived:
    """One delivery under the sender's id; an id that is too long or not valid UTF-8 is hashed, not cut."""
    payload = json.dumps(element)
    if not name.isascii() or not 0 < len(name) <= DELIVERY_ID_MAX:
        raw = name.encode("utf-8", "surrogatepass")
        if not name or len(name) > DELIVERY_ID_MAX or raw != name.encode("utf-8", "replace"):
            name = _hash(raw or body or payload.encode())
    return Arrived(delivery_id=name, payload=payload, chain=chain_in(element))


def found_here(kind: str, payload: Any) -> Arrived:
    """A delivery that was not posted but found by this server, with a hash of its content as its id."""
    text = json.dumps(payload)
    return Arrived(delivery_id=f"{kind}:{_hash(text.encode())}", payload=text)


def _hash(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
