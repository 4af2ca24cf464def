"""Which module proves what: one table of senders, and the check against each of a hook's secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from engine.model.triggers import Posted, Proof, Sender
from engine.triggers.proofs import (
    accounting,
    greenhouse,
    hubspot,
    lever,
    prefixed,
    salesforce,
    shared_secret,
    shopify,
    signed,
    standard,
    stripe,
)
from engine.triggers.proofs.connector import Connector

_CONNECTORS = {
    Sender.HUBSPOT: hubspot.CONNECTOR,
    Sender.STRIPE: stripe.CONNECTOR,
    Sender.SHOPIFY: shopify.CONNECTOR,
    Sender.GREENHOUSE: greenhouse.CONNECTOR,
    Sender.ASHBY: prefixed.ASHBY,
    Sender.LEVER: lever.CONNECTOR,
    Sender.PIPEDRIVE: shared_secret.PIPEDRIVE,
    Sender.SALESFORCE_FLOW: shared_secret.SALESFORCE_FLOW,
    Sender.SALESFORCE_MESSAGE: salesforce.CONNECTOR,
    Sender.QUICKBOOKS: accounting.QUICKBOOKS,
    Sender.XERO: accounting.XERO,
    Sender.GITHUB: prefixed.GITHUB,
    Sender.STANDARD: standard.CONNECTOR,
    Sender.BEARER: shared_secret.BEARER,
    Sender.EVENTS: Connector(lambda *_: False),
}


def connector(proof: Proof) -> Connector:
    """The connector of a hook."""
    return signed.connector(proof) if proof.sender is Sender.HMAC else _CONNECTORS[proof.sender]


_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
"""Headers that let somebody in."""
_HEADERS_MAX = 8_000
"""Characters of headers that are kept of a request."""


def provable(posted: Posted, proof: Proof) -> Posted:
    """What is kept of a request: its bytes, and what its signature can be checked by; nothing that is a secret."""
    if connector(proof).weak:
        return posted.model_copy(update={"url": posted.url.partition("?")[0], "headers": {}})
    headers = {name: value for name, value in posted.headers.items() if name not in _SECRET}
    while sum(len(name) + len(value) for name, value in headers.items()) > _HEADERS_MAX:
        del headers[max(headers, key=lambda name: len(headers[name]))]
    return posted.model_copy(update={"headers": headers})


def proven(posted: Posted, proof: Proof, secrets: Sequence[str], now: datetime) -> bool:
    """True if one of the hook's secrets proves the request; without secrets nothing does."""
    prove = connector(proof).prove
    try:
        return any([prove(posted, proof, secret, now) for secret in secrets if secret])  # noqa: C419 -- in constant time
    except ValueError:
        # Whoever posts chooses every text: half a surrogate pair, more parameters than are read.
        return False
