"""Stripe: `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 of `t.body`; several v1 while a secret is being rolled.

Source: docs.stripe.com/webhooks, "Verify manually".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, dig, mac, same_hex, text_of, timely

_SIGNATURES_MAX = 5


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    pairs = [part.strip().partition("=") for part in posted.headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    given = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not timely(times[0], now) or len(given) > _SIGNATURES_MAX:
        return False
    digest = mac(secret.encode(), times[0].encode(), b".", posted.body)
    return any([same_hex(one, digest) for one in given])  # noqa: C419 -- all are compared, whichever is right


def _delivery_id(posted: Posted, element: Any) -> str:
    return text_of(dig(element, "id"))


CONNECTOR = Connector(_prove, delivery_id=_delivery_id)
