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


def proven(posted: Posted, proof: Proof, secrets: Sequence[str], now: datetime) -> bool:
    """True where one of the hook's secrets proves the request; without secrets nothing does."""
    prove = connector(proof).prove
    try:
        return any([prove(posted, proof, secret, now) for secret in secrets if secret])  # noqa: C419 -- in constant time
    except ValueError:
        # Whoever posts chooses every text: half a surrogate pair, more parameters than are read.
        return False
