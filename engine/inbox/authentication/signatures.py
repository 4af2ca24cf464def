"""DKIM (RFC 6376, 8301): which signatures of a mail hold. dkimpy verifies; what is hostile never reaches it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import dkim  # type: ignore[import-untyped]
from dkim.util import InvalidTagValueList, parse_tag_value  # type: ignore[import-untyped]

from engine.inbox.authentication.dns import LookupFailed, Lookups, LookupsSpent
from engine.mail.dmarc import Result, Signature, ascii_domain

_SIGNATURES_MAX = 5
_LARGE = 1_000_000
_SIGNATURES_OF_LARGE_MAX = 2
"""Each signature costs a pass over the whole body."""
_HEADERS_MAX = 1_000
_HEAD_MAX = 256_000
_SIGNATURE_MAX = 8_000
_COVERED_MAX = 200
_KEY_TEXT_MAX = 2_000
_KEY_BITS = (1024, 4096)
_EXPONENT_BITS_MAX = 64
_LONG_SPACE = re.compile(rb"\s{100}")
_SPACE = re.compile(rb"[ \t]+")
_TRIPPED = (ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError)
"""What dkimpy raises at signatures, keys and mails that it did not expect."""


class _Unusable(Exception):  # noqa: N818 -- reads as what it is
    """A signature or key that does not count, and why."""


def check(raw: bytes, lookups: Lookups, wanted: Callable[[str], bool]) -> tuple[Signature, ...]:
    """What came of the first signatures whose domain is `wanted`: five, two of a large mail."""
    head = re.split(rb"\r?\n\r?\n", raw[: _HEAD_MAX + 1], maxsplit=1)[0]
    if len(head) > _HEAD_MAX or head.count(b"\n") > _HEADERS_MAX:
        return (Signature(domain="", result="neutral", reason="the mail's head is too large to be verified"),)
    if b"dkim-signature" not in head.lower():
        return ()
    try:
        mail = dkim.DKIM(raw)
        values = [value for name, value in mail.headers if name.lower() == b"dkim-signature"]
    except (dkim.DKIMException, *_TRIPPED):
        return (Signature(domain="", result="permerror", reason="the mail's head is malformed"),)
    domains = [_domain(value) for value in values]
    chosen = [index for index, domain in enumerate(domains) if wanted(domain)]
    chosen = chosen[: _SIGNATURES_MAX if len(raw) < _LARGE else _SIGNATURES_OF_LARGE_MAX]
    bodies = _Bodies(mail.body)
    return tuple(_one(mail, index, domains[index], values[index], bodies, lookups) for index in chosen)


def _domain(value: bytes) -> str:
    match = re.search(rb"(?:^|;)\s*d\s*=([^;]{1,300})", value[:_SIGNATURE_MAX])
    return ascii_domain(b"".join(match.group(1).split()).decode("utf-8", "replace")) if match else ""


class _Bodies:
    """The body as a signature's canonicalization needs it.

    dkimpy's own takes time that grows with the square of a line's white space; what is relaxed already costs it
    nothing.
    """

    def __init__(self, body: bytes) -> None:
        self._simple = body
        self._relaxed: bytes | None = None

    def of(self, tags: dict[bytes, bytes]) -> bytes:
        if tags.get(b"c", b"").partition(b"/")[2].strip() != b"relaxed":
            return self._simple
        if self._relaxed is None:
            self._relaxed = _SPACE.sub(b" ", self._simple).replace(b" \r\n", b"\r\n")
        return self._relaxed


def _one(mail: Any, index: int, domain: str, value: bytes, bodies: _Bodies, lookups: Lookups) -> Signature:
    covers: frozenset[str] = frozenset()
    result: Result = "permerror"
    reason = selector = ""
    try:
        tags = _tags(value)
        selector = tags.get(b"s", b"").decode("ascii", "replace").lower()
        covers = _covered(tags)
        mail.body = bodies.of(tags)
        result = "pass" if mail.verify(index, lambda name, timeout=5: _key(name, lookups)) else "fail"
    except LookupFailed:
        result = "temperror"
    except LookupsSpent:
        reason = "too many lookups"
    except _Unusable as unusable:
        result, reason = "neutral", str(unusable)
    except dkim.ValidationError as error:
        result, reason = "fail", _words(error)
    except (dkim.DKIMException, *_TRIPPED) as error:
        reason = _words(error)
    return Signature(domain=domain, selector=selector, result=result, covers=covers, reason=reason)


def _words(error: Exception) -> str:
    """What dkimpy says, without the values that it quotes."""
    return re.split(r"[(:]", str(error))[0].strip()[:80] or type(error).__name__


def _tags(value: bytes) -> dict[bytes, bytes]:
    """The tags of a signature; raises _Unusable for one that proves too little (RFC 6376, 8.2; RFC 8301)."""
    if len(value) > _SIGNATURE_MAX or _LONG_SPACE.search(value):
        raise _Unusable("the signature is too long")
    try:
        tags: dict[bytes, bytes] = parse_tag_value(value)
    except InvalidTagValueList:
        raise _Unusable("the signature is malformed") from None
    if b"l" in tags:
        raise _Unusable("it signs a part of the body alone")
    if tags.get(b"a") == b"rsa-sha1":
        raise _Unusable("it uses sha1")
    if tags.get(b"a") == b"ed25519-sha256":
        raise _Unusable("ed25519 is not verified")
    return tags


def _covered(tags: dict[bytes, bytes]) -> frozenset[str]:
    names = [name.strip().lower() for name in tags.get(b"h", b"").split(b":")]
    if len(names) > _COVERED_MAX:
        raise _Unusable("it names too many headers")
    if b"from" not in names:
        raise _Unusable("it does not sign From")
    return frozenset(name.decode("ascii", "replace") for name in names)


def _key(name: bytes, lookups: Lookups) -> bytes | None:
    """The key record; raises _Unusable for one that proves nothing, or would take long."""
    records = lookups.texts(name.decode("utf-8", "replace").rstrip("."))
    record = next((r for r in records if b"p=" in r), None)
    if record is None:
        raise _Unusable("there is no such key")
    if len(record) > _KEY_TEXT_MAX:
        raise _Unusable("the key is too long")
    try:
        key, bits, kind, _ = dkim.evaluate_pk(name, record)
    except (dkim.DKIMException, *_TRIPPED):
        raise _Unusable("the key is revoked or malformed") from None
    if kind != b"rsa" or not _KEY_BITS[0] <= bits <= _KEY_BITS[1]:
        raise _Unusable(f"a key of {bits} bits does not count")
    if key["publicExponent"].bit_length() > _EXPONENT_BITS_MAX:
        raise _Unusable("the key's exponent is too large")
    return record
