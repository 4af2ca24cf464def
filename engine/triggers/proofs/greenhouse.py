"""Greenhouse: `Signature: sha256 <hex>`, with a space, HMAC-SHA256 of the raw body.

Source: github.com/grnhse/greenhouse-api-docs, webhooks introduction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, mac, same_hex


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    method, _, given = posted.headers.get("signature", "").partition(" ")
    return method == "sha256" and same_hex(given, mac(secret.encode(), posted.body))


def _delivery_id(posted: Posted, element: Any) -> str:
    return posted.headers.get("greenhouse-event-id", "")


CONNECTOR = Connector(_prove, delivery_id=_delivery_id)
