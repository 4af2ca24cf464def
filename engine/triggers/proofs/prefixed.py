"""GitHub and Ashby: a header `sha256=<hex>`, HMAC-SHA256 of the body.

Sources: docs.github.com/webhooks, "Validating webhook deliveries"; developers.ashbyhq.com, "Setting up webhooks".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, Prove, mac, same_hex


def _in_header(header: str) -> Prove:
    def prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
        method, _, given = posted.headers.get(header, "").partition("=")
        return method == "sha256" and same_hex(given, mac(secret.encode(), posted.body))

    return prove


def _github_id(posted: Posted, element: Any) -> str:
    return posted.headers.get("x-github-delivery", "")


GITHUB = Connector(_in_header("x-hub-signature-256"), delivery_id=_github_id)
ASHBY = Connector(_in_header("ashby-signature"))
