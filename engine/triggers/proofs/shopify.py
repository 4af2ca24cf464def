"""Shopify: `X-Shopify-Hmac-SHA256`, base64 HMAC-SHA256 of the body with the client secret.

Source: shopify.dev/docs/apps/build/webhooks/verify-deliveries. The headers with the ids are not signed; the
object's version and content make a delivery with a changed id harmless.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, mac, same_base64


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    return same_base64(posted.headers.get("x-shopify-hmac-sha256", ""), mac(secret.encode(), posted.body))


def _delivery_id(posted: Posted, element: Any) -> str:
    """The id of the event, which is the same for several subscriptions to one topic."""
    event = posted.headers.get("x-shopify-event-id", "")
    topic = posted.headers.get("x-shopify-topic", "")
    return f"{topic}:{event}" if event else posted.headers.get("x-shopify-webhook-id", "")


CONNECTOR = Connector(_prove, delivery_id=_delivery_id)
