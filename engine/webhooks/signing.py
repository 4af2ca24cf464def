"""Signatures by Standard Webhooks: `v1`, HMAC-SHA256 by each secret, and `v1a`, Ed25519, over `id.timestamp.body`.

Source: github.com/standard-webhooks/standard-webhooks, spec. The Ed25519 key is the one that signs the record, and is
published at /.well-known/cis-keys.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

from engine.record.signing import HeadSigner

SECRET, PUBLIC = "whsec_", "whpk_"


def signature(signer: HeadSigner, secrets: Sequence[str], name: str, timestamp: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    signed = b".".join([name.encode(), str(timestamp).encode(), body])
    by_secrets = [f"v1,{_base64(_mac(secret, signed))}" for secret in secrets]
    return " ".join([*by_secrets, f"v1a,{_base64(signer.sign(signed))}"])


def public_key(signer: HeadSigner) -> str:
    """The public key for `v1a`, in the form that receivers use."""
    return PUBLIC + _base64(signer.public)


def _mac(secret: str, signed: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix(SECRET))
    return hmac.new(key, signed, hashlib.sha256).digest()


def _base64(blob: bytes) -> str:
    return base64.b64encode(blob).decode()
