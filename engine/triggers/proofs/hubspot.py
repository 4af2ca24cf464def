"""HubSpot, signature version 3: over method, public address, body and time, with the app's client secret.

Source: developers.hubspot.com, "Validating requests". The address comes from `CIS_PUBLIC_URL`, never from the Host
header, which the client chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.model.triggers import Posted, Proof
from engine.refusals import Code, Refused
from engine.triggers.proofs.connector import (
    ELEMENTS_MAX,
    Connector,
    json_of,
    mac,
    same_base64,
    text_of,
    timely,
)

_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
"""The escapes that HubSpot decodes in the address before signing."""


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    time = posted.headers.get("x-hubspot-request-timestamp", "")
    if not timely(time, now, unit="ms"):
        return False
    url = posted.url
    for code, sign in _DECODED.items():
        url = url.replace(code, sign).replace(code.lower(), sign)
    digest = mac(secret.encode(), posted.method.encode(), url.encode(), posted.body, time.encode())
    return same_base64(posted.headers.get("x-hubspot-signature-v3", ""), digest)


def _elements(posted: Posted) -> Sequence[Any]:
    """The deliveries: an app's webhooks come as an array, a workflow's as an object."""
    value = json_of(posted.body)
    if not isinstance(value, list):
        return [value]
    if len(value) > ELEMENTS_MAX:
        raise Refused(
            Code.INVALID_PAYLOAD, f"The batch has {len(value)} elements; {ELEMENTS_MAX} are allowed."
        )
    return value


_NAMING = ("subscriptionId", "eventId", "occurredAt", "objectId")


def _delivery_id(posted: Posted, element: Any) -> str:
    """The id of a delivery, of several fields since `eventId` alone is not unique."""
    if not isinstance(element, dict) or "eventId" not in element:
        return ""
    return ":".join([text_of(element.get(part)) for part in _NAMING])


def _batch(posted: Posted) -> bool:
    return posted.body.lstrip()[:1] == b"["


CONNECTOR = Connector(_prove, elements=_elements, delivery_id=_delivery_id, batch=_batch)
