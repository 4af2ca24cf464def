"""The table of senders and their modules, and the check against each of a hook's secrets."""

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
    """The connector for a hook's proof."""
    return signed.connector(proof) if proof.sender is Sender.HMAC else _CONNECTORS[proof.sender]


_SECRET = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
"""Headers that hold credentials."""
_HEADERS_MAX = 8_000
"""The most characters of headers that are stored of a request."""


def provable(posted: Posted, proof: Proof) -> Posted:
    """The part of a request that is stored: its body and what its signature covers, without secrets."""
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
        # The client chooses every text, such as an unpaired surrogate or too many parameters.
        return False
