"""What a sender's module defines: how a request is proven, the id of a delivery, and the response."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.model.triggers import Posted, Proof
from engine.refusals import Code, Refused

TOLERANCE_S = 300
"""The greatest difference, in seconds, between a signature's time and ours."""
DEPTH_MAX = 64
"""The greatest nesting depth of JSON; no payload of a system of record is deeper."""
ELEMENTS_MAX = 100
"""The most elements in a batch, which is also HubSpot's limit."""

Prove = Callable[[Posted, Proof, str, datetime], bool]


@dataclass(frozen=True)
class HookResponse:
    """The response that a sender expects."""

    status: int = 200
    body: str = ""
    media_type: str = "text/plain"


def json_of(body: bytes) -> Any:
    """The JSON value in a body. Raises Refused: INVALID_PAYLOAD."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_number)
        _refuse_deep(value)
    except (ValueError, RecursionError) as error:
        raise Refused(Code.INVALID_PAYLOAD, f"The body is not JSON: {str(error)[:100]}.") from None
    return value


def _refuse_deep(value: Any) -> None:
    """Refuse JSON nested too deeply, checked level by level; the parser's own limit is far higher."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH_MAX):
        inner = (each for node in level for each in (node.values() if isinstance(node, dict) else node))
        level = [each for each in inner if isinstance(each, dict | list)]
        if not level:
            return
    raise ValueError(f"it is more than {DEPTH_MAX} levels deep")


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _number(digits: str) -> float:
    value = float(digits)
    if value in {float("inf"), float("-inf")}:
        raise ValueError("a number is too large")
    return value


def one_element(posted: Posted) -> Sequence[Any]:
    """The body as one delivery. Raises Refused: INVALID_PAYLOAD."""
    return [json_of(posted.body)]


def no_id(posted: Posted, element: Any) -> str:
    """The empty id, for senders that give none; a hash of the content is used instead."""
    return ""


@dataclass(frozen=True)
class Connector:
    """One sender; `prove` returns whether a secret proves a request.

    `weak`: what its proof does not protect, in a sentence; empty if it covers the whole body.
    `elements` may raise Refused: INVALID_PAYLOAD.
    """

    prove: Prove
    weak: str = ""
    elements: Callable[[Posted], Sequence[Any]] = one_element
    delivery_id: Callable[[Posted, Any], str] = no_id
    answer: HookResponse = HookResponse()
    batch: Callable[[Posted], bool] = lambda _: False
    """True if a request may hold many deliveries, so that it is divided only after the response."""


def mac(secret: bytes, *parts: bytes, algorithm: str = "sha256") -> bytes:
    """The HMAC of the concatenated parts (RFC 2104)."""
    return hmac.new(secret, b"".join(parts), getattr(hashlib, algorithm)).digest()


def same_hex(given: str, digest: bytes) -> bool:
    """True if `given` is the digest in hexadecimal digits; compared in constant time."""
    return hmac.compare_digest(given.lower().encode(), digest.hex().encode())


def same_base64(given: str, digest: bytes) -> bool:
    """True if `given` is the digest in base64; compared in constant time."""
    return hmac.compare_digest(given.encode(), base64.b64encode(digest))


def from_base64(text: str) -> bytes | None:
    """The decoded bytes of `text`, or None if it is not base64."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        return None


def timely(text: str, now: datetime, *, unit: str = "s") -> bool:
    """True if `text` is a Unix time within the tolerance of `now`; `unit`: s or ms."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        return False
    seconds = int(text) / (1000 if unit == "ms" else 1)
    return abs(now.timestamp() - seconds) <= TOLERANCE_S


def text_of(value: Any) -> str:
    """An id in a payload as text; empty if it is neither text nor a number."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def dig(value: Any, *names: str) -> Any:
    """The value at a path of names, or None."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
