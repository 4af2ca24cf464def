"""Lever: the body's `signature` is the hex HMAC-SHA256 of its `token` and `triggeredAt`; the rest is not signed.

Source: hire.lever.co/developer/documentation, "Webhooks".
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.mail.locale.language import noop
from engine.model.triggers import Posted, Proof
from engine.refusals import Refused
from engine.triggers.proofs.connector import Connector, dig, json_of, mac, same_hex, text_of


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    try:
        value = json_of(posted.body)
    except Refused:
        return False
    token, time, given = (text_of(dig(value, name)) for name in ("token", "triggeredAt", "signature"))
    return bool(token and time) and same_hex(given, mac(secret.encode(), token.encode(), time.encode()))


def _delivery_id(posted: Posted, element: Any) -> str:
    return text_of(dig(element, "id"))


CONNECTOR = Connector(
    _prove,
    weak=noop(
        "Lever signs a token and the time, not the content: anyone who saw one delivery can forge another."
    ),
    delivery_id=_delivery_id,
)
