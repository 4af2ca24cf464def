"""Signed requests as senders make them; every signature is made by `openssl`."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple

from engine.model.triggers import HmacForm, Posted, Proof, Sender

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
SECONDS = str(int(NOW.timestamp()))
MILLISECONDS = f"{SECONDS}123"
SECRET = "a-secret-of-the-sender"
URL = "https://cis.example.com/hooks/deals?from=crm"
ORGANIZATION = "00D000000000001EAA"
STANDARD_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


@cache
def openssl(data: bytes, secret: bytes = SECRET.encode(), algorithm: str = "sha256") -> bytes:
    """HMAC as the openssl command makes it."""
    command = [
        "openssl",
        "dgst",
        f"-{algorithm}",
        "-mac",
        "HMAC",
        "-macopt",
        f"hexkey:{secret.hex()}",
        "-binary",
    ]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


class Vector(NamedTuple):
    """A genuine request, and which of its parts the signature covers."""

    posted: Posted
    proof: Proof
    secret: str
    covers: frozenset[str]
    """body, url, method, and names of headers."""
    shown: tuple[str, ...] = ()
    """What a weak proof shows within a body or an address that it does not cover as a whole."""


def _posted(body: bytes, headers: dict[str, str], url: str = URL) -> Posted:
    return Posted(method="POST", url=url, headers=headers, body=body)


BODY = b'{"id":"evt_1","type":"invoice.finalized","created":1}'
_ALL = frozenset({"body"})


def in_header(sender: Sender, header: str, form: Callable[[bytes], str], body: bytes = BODY) -> Vector:
    return Vector(_posted(body, {header: form(openssl(body))}), Proof(sender=sender), SECRET, _ALL | {header})


def hubspot(body: bytes = b'[{"eventId":1,"subscriptionId":2,"occurredAt":3,"objectId":4}]') -> Vector:
    signed = b"POST" + URL.encode() + body + MILLISECONDS.encode()
    headers = {
        "x-hubspot-request-timestamp": MILLISECONDS,
        "x-hubspot-signature-v3": b64(openssl(signed)),
        "host": "evil.example.com",
    }
    covers = frozenset({"body", "url", "method", "x-hubspot-request-timestamp", "x-hubspot-signature-v3"})
    return Vector(_posted(body, headers), Proof(sender=Sender.HUBSPOT), SECRET, covers)


def stripe(body: bytes = BODY, seconds: str = SECONDS) -> Vector:
    signature = openssl(f"{seconds}.".encode() + body).hex()
    return Vector(
        _posted(body, {"stripe-signature": f"t={seconds},v1={signature}"}),
        Proof(sender=Sender.STRIPE),
        SECRET,
        _ALL | {"stripe-signature"},
    )


def shopify(body: bytes = BODY) -> Vector:
    return in_header(Sender.SHOPIFY, "x-shopify-hmac-sha256", b64, body)


def standard(body: bytes = BODY) -> Vector:
    key = base64.b64decode(STANDARD_SECRET.removeprefix("whsec_"))
    signature = b64(openssl(f"msg_1.{SECONDS}.".encode() + body, key))
    headers = {"webhook-id": "msg_1", "webhook-timestamp": SECONDS, "webhook-signature": f"v1,{signature}"}
    return Vector(
        _posted(body, headers), Proof(sender=Sender.STANDARD), STANDARD_SECRET, _ALL | frozenset(headers)
    )


def standard_by_key(folder: Path, body: bytes = BODY) -> Vector:
    """`v1a`: Ed25519, the key and the signature made by openssl."""
    private, public, data = folder / "private.pem", folder / "public.der", folder / "data"
    run = subprocess.run
    run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    run(["openssl", "pkey", "-in", private, "-pubout", "-outform", "DER", "-out", public], check=True)
    data.write_bytes(f"msg_1.{SECONDS}.".encode() + body)
    sign = ["openssl", "pkeyutl", "-sign", "-inkey", private, "-rawin", "-in", data]
    signature = b64(run(sign, check=True, capture_output=True).stdout)
    headers = {"webhook-id": "msg_1", "webhook-timestamp": SECONDS, "webhook-signature": f"v1a,{signature}"}
    secret = f"whpk_{b64(public.read_bytes()[-32:])}"
    return Vector(_posted(body, headers), Proof(sender=Sender.STANDARD), secret, _ALL | frozenset(headers))


def generic(body: bytes = BODY) -> Vector:
    form = HmacForm(
        header="X-Sign",
        prefix="v2=",
        encoding="base64",
        algorithm="sha512",
        signed=("method", " ", "url", "\n", "timestamp", "\n", "id", "\n", "body"),
        timestamp_header="X-Time",
        timestamp_unit="ms",
        id_header="X-Id",
    )
    signed = f"POST {URL}\n{MILLISECONDS}\nabc\n".encode() + body
    signature = b64(openssl(signed, algorithm="sha512"))
    headers = {"x-sign": f"v2={signature}", "x-time": MILLISECONDS, "x-id": "abc"}
    covers = frozenset({"body", "url", "method", *headers})
    return Vector(_posted(body, headers), Proof(sender=Sender.HMAC, form=form), SECRET, covers)


def lever() -> Vector:
    value = {
        "id": "l1",
        "token": "once",
        "triggeredAt": 1790000000000,
        "event": "candidateStageChange",
        "signature": openssl(b"once1790000000000").hex(),
    }
    shown = (str(value["token"]), str(value["triggeredAt"]), str(value["signature"]))
    posted = _posted(json.dumps(value).encode(), {})
    return Vector(posted, Proof(sender=Sender.LEVER), SECRET, frozenset(), shown)


def basic() -> Vector:
    shown = b64(b"crm:a-long-password")
    headers = {"authorization": f"Basic {shown}"}
    return Vector(
        _posted(b'{"meta":{"id":"p1"}}', headers),
        Proof(sender=Sender.PIPEDRIVE),
        "crm:a-long-password",
        frozenset(headers),
    )


def bearer() -> Vector:
    headers = {"authorization": f"Bearer {SECRET}"}
    return Vector(_posted(BODY, headers), Proof(sender=Sender.BEARER), SECRET, frozenset({"authorization"}))


def salesforce_flow() -> Vector:
    proof = Proof(sender=Sender.SALESFORCE_FLOW, header="X-Api-Key")
    return Vector(_posted(BODY, {"x-api-key": SECRET}), proof, SECRET, frozenset({"x-api-key"}))


def salesforce_message(count: int = 1) -> Vector:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
        '<notifications xmlns="http://soap.sforce.com/2005/09/outbound">'
        f"<OrganizationId>{ORGANIZATION}</OrganizationId><ActionId>04k1</ActionId>"
        + "".join(
            f'<Notification><Id>04l{n}</Id><sObject xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
            "<sf:Id>0061</sf:Id><sf:StageName>Demo</sf:StageName></sObject></Notification>"
            for n in range(1, count + 1)
        )
        + "</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()
    url = f"https://cis.example.com/hooks/deals?token={SECRET}"
    proof = Proof(sender=Sender.SALESFORCE_MESSAGE, organization=ORGANIZATION[:15])
    return Vector(_posted(body, {}, url), proof, SECRET, frozenset(), (SECRET, ORGANIZATION[:15]))


def every(folder: Path) -> dict[str, Vector]:
    """One genuine request of each sender."""
    return {
        "hubspot": hubspot(),
        "stripe": stripe(),
        "shopify": shopify(),
        "greenhouse": in_header(Sender.GREENHOUSE, "signature", lambda digest: f"sha256 {digest.hex()}"),
        "ashby": in_header(Sender.ASHBY, "ashby-signature", lambda digest: f"sha256={digest.hex()}"),
        "github": in_header(Sender.GITHUB, "x-hub-signature-256", lambda digest: f"sha256={digest.hex()}"),
        "quickbooks": in_header(Sender.QUICKBOOKS, "intuit-signature", b64),
        "xero": in_header(Sender.XERO, "x-xero-signature", b64),
        "standard": standard(),
        "standard by key": standard_by_key(folder),
        "generic": generic(),
        "lever": lever(),
        "pipedrive": basic(),
        "bearer": bearer(),
        "salesforce flow": salesforce_flow(),
        "salesforce message": salesforce_message(),
    }
