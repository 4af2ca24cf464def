"""Senders that only present a secret: Pipedrive (HTTP Basic), Salesforce Flow (a header), any (a bearer token).

Sources: pipedrive.readme.io, "Guide for webhooks v2"; RFC 7617; RFC 6750.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Any

from engine.mail.locale.language import noop
from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, dig, from_base64, text_of


def _same(given: bytes, secret: str) -> bool:
    return bool(secret) and hmac.compare_digest(given, secret.encode())


def _basic(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    """True if the request presents the secret, `user:password`, by HTTP Basic authentication."""
    scheme, _, given = posted.headers.get("authorization", "").partition(" ")
    shown = from_base64(given.strip()) if scheme.lower() == "basic" else None
    return shown is not None and _same(shown, secret)


def _header(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    """True if the hook's header holds the secret; in Authorization, after the word Bearer."""
    name = (proof.header or "authorization").lower()
    given = posted.headers.get(name, "")
    if name == "authorization":
        scheme, _, token = given.partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else ""
    return _same(given.encode(), secret)


def _pipedrive_id(posted: Posted, element: Any) -> str:
    return text_of(dig(element, "meta", "id"))


def _given_id(posted: Posted, element: Any) -> str:
    """The id that our recipes ask the sender to include."""
    return posted.headers.get("x-delivery-id", "")


_PIPEDRIVE = noop(
    "Pipedrive carries a secret and signs nothing: anyone who sees one request can forge others."
)
_FLOW = noop(
    "A Flow's callout carries a secret and signs nothing: anyone who sees one request can forge others."
)
_TOKEN = noop(
    "A bearer token carries a secret and signs nothing: anyone who sees one request can forge others."
)
PIPEDRIVE = Connector(_basic, weak=_PIPEDRIVE, delivery_id=_pipedrive_id)
SALESFORCE_FLOW = Connector(_header, weak=_FLOW, delivery_id=_given_id)
BEARER = Connector(_header, weak=_TOKEN, delivery_id=_given_id)
