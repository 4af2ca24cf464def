"""QuickBooks and Xero: a header with base64 HMAC-SHA256 of the body.

Xero first checks that a wrong signature gets 401, and a right one 200 with an empty body.
Sources: developer.intuit.com, "Webhooks"; developer.xero.com, "Webhooks: configuring your server".
"""

from __future__ import annotations

from datetime import datetime

from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, Prove, mac, same_base64


def _in_header(header: str) -> Prove:
    def prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
        return same_base64(posted.headers.get(header, ""), mac(secret.encode(), posted.body))

    return prove


QUICKBOOKS = Connector(_in_header("intuit-signature"))
XERO = Connector(_in_header("x-xero-signature"))
