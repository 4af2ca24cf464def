"""Any sender that signs with HMAC; the hook's settings say where the signature is and what it covers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.mail.locale.language import noop
from engine.model.triggers import Posted, Proof
from engine.triggers.proofs.connector import Connector, mac, same_base64, same_hex, timely


def _prove(posted: Posted, proof: Proof, secret: str, now: datetime) -> bool:
    form = proof.form
    time = posted.headers.get(form.timestamp_header.lower(), "")
    if form.timestamp_header and not timely(time, now, unit=form.timestamp_unit):
        return False
    named = {
        "body": posted.body,
        "method": posted.method.encode(),
        "url": posted.url.encode(),
        "timestamp": time.encode(),
        "id": posted.headers.get(form.id_header.lower(), "").encode(),
    }
    parts = [named.get(part, part.encode()) for part in form.signed]
    given = posted.headers.get(form.header.lower(), "")
    if not given.startswith(form.prefix):
        return False
    same = same_hex if form.encoding == "hex" else same_base64
    return same(given.removeprefix(form.prefix), mac(secret.encode(), *parts, algorithm=form.algorithm))


def connector(proof: Proof) -> Connector:
    """The connector for the form that `proof` describes."""
    form = proof.form

    def delivery_id(posted: Posted, element: Any) -> str:
        return posted.headers.get(form.id_header.lower(), "") if form.id_header else ""

    covered = "body" in form.signed
    weak = (
        ""
        if covered
        else noop("The signature does not cover the body: anyone who saw one delivery can forge another.")
    )
    return Connector(_prove, weak=weak, delivery_id=delivery_id)
