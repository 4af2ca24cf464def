"""Standard Webhooks: `v1`, HMAC-SHA256, and `v1a`, Ed25519, of `id.timestamp.body`.

Source: github.com/standard-webhooks/standard-webhooks, spec. A secret is `whsec_…`, a public key `whpk_…`, base64 both.
"""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, from_base64, mac, same_base64, timely

_SIGNATURES_MAX = 5
_SECRET, _KEY = "whsec_", "whpk_"


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    name, time = posted.headers.get("webhook-id", ""), posted.headers.get("webhook-timestamp", "")
    given = posted.headers.get("webhook-signature", "").split(" ")
    if not name or "." in name or not timely(time, now) or len(given) > _SIGNATURES_MAX:
        return False
    signed = b".".join([name.encode(), time.encode(), posted.body])
    if secret.startswith(_KEY):
        return any(
            _by_key(secret, one.removeprefix("v1a,"), signed) for one in given if one.startswith("v1a,")
        )
    key = from_base64(secret.removeprefix(_SECRET))
    if not key:
        return False
    digest = mac(key, signed)
    return any([same_base64(one.removeprefix("v1,"), digest) for one in given if one.startswith("v1,")])  # noqa: C419


def _by_key(public: str, given: str, signed: bytes) -> bool:
    key, signature = from_base64(public.removeprefix(_KEY)), from_base64(given)
    if not signature or base64.b64encode(signature) != given.encode():
        # The last character has four unused bits: only the canonical encoding of a signature counts.
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key or b"").verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _delivery_id(posted: Posted, element: Any) -> str:
    return posted.headers.get("webhook-id", "")


CONNECTOR = Connector(_prove, delivery_id=_delivery_id)
