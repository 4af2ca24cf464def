"""DKIM (RFC 6376, 8301): which signatures of a mail are valid. dkimpy verifies; hostile input never reaches it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dkim  # type: ignore[import-untyped]
from dkim.util import InvalidTagValueList, parse_tag_value  # type: ignore[import-untyped]

from engine.inbox.authentication.dns import Answers, LookupFailed, Lookups, LookupsSpent, RememberedNames
from engine.mail.domains import is_domain
from engine.mail.incoming import fields
from engine.mail.incoming.dmarc import Result, Signature, aligned

_GOOGLE = "google.com"
_SIGNATURES_MAX = 5
_LARGE = 1_000_000
_SIGNATURES_OF_LARGE_MAX = 2
"""Each signature costs a pass over the whole body."""
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


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A DKIM-Signature header field: its place among them, and what it says."""

    index: int
    tags: dict[bytes, bytes]
    domain: str
    selector: str
    identity: str
    """The domain of i=."""


def of_sender(raw: bytes, lookups: Lookups, domain: str) -> tuple[Signature, ...]:
    """The results of the signatures that may speak for a sender at `domain`: its own, and Google's for its calendar."""
    return check(raw, lookups, lambda signer: signer == _GOOGLE or aligned(signer, domain))


def recalled(raw: bytes, answers: Answers, domain: str) -> tuple[Signature, ...]:
    """As `of_sender`, from what the name servers answered before."""
    return of_sender(raw, Lookups(RememberedNames(answers=answers)), domain)


def check(raw: bytes, lookups: Lookups, wanted: Callable[[str], bool]) -> tuple[Signature, ...]:
    """The results of the first signatures whose domain is `wanted`: five, or two in a large mail.

    Of a head that programs may read differently, none counts.
    """
    start, end = fields.extent(raw)
    if b"dkim-signature" not in raw[start:end].lower():
        return ()
    found = fields.read(raw)
    if found is None:
        return (_of_none("neutral", "the mail's head is too large, or can be read in more than one way"),)
    try:
        mail = dkim.DKIM(raw[start:])
    except (dkim.DKIMException, *_TRIPPED):
        return (_of_none("permerror", "the mail's head is malformed"),)
    if not fields.same(found, (fields.plain(*field) for field in mail.headers)):
        return (_of_none("neutral", "the mail's head can be read in more than one way"),)
    return _all(mail, found, lookups, wanted, large=len(raw) >= _LARGE)


def _of_none(result: Result, reason: str) -> Signature:
    return Signature(domain="", result=result, reason=reason)


def _all(
    mail: Any,
    found: tuple[fields.Field, ...],
    lookups: Lookups,
    wanted: Callable[[str], bool],
    *,
    large: bool,
) -> tuple[Signature, ...]:
    values = [value for name, value in mail.headers if name.lower() == b"dkim-signature"]
    read = [_tagged(index, value) for index, value in enumerate(values)]
    chosen = [one for one in read if one and wanted(one.domain)]
    if not chosen and None in read:
        return (_of_none("neutral", "the signature is malformed, or too long"),)
    chosen = chosen[: _SIGNATURES_OF_LARGE_MAX if large else _SIGNATURES_MAX]
    bodies = _Bodies(mail.body)
    return tuple(_one(mail, one, found, bodies, lookups) for one in chosen)


def _tagged(index: int, value: bytes) -> _Tagged | None:
    """A signature's tags, read once for all; None if it names no domain, or no place for its key (RFC 6376, 3.5)."""
    if len(value) > _SIGNATURE_MAX or _LONG_SPACE.search(value):
        return None
    try:
        tags: dict[bytes, bytes] = parse_tag_value(value)
        domain, selector = (tags.get(name, b"").decode("ascii").lower() for name in (b"d", b"s"))
        identity = tags.get(b"i", b"@" + tags.get(b"d", b"")).decode().rpartition("@")[2].lower()
    except (InvalidTagValueList, UnicodeDecodeError):
        return None
    within = identity == domain or identity.endswith(f".{domain}")
    if not within or not all(map(is_domain, (domain, identity, f"{selector}._domainkey.{domain}"))):
        return None
    return _Tagged(index, tags, domain, selector, identity)


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


def _one(
    mail: Any, one: _Tagged, found: tuple[fields.Field, ...], bodies: _Bodies, lookups: Lookups
) -> Signature:
    covers: frozenset[str] = frozenset()
    result: Result = "permerror"
    reason = ""
    try:
        _enough(one.tags)
        covers = fields.covered(_names(one.tags), found)
        mail.body = bodies.of(one.tags)
        result = "pass" if mail.verify(one.index, lambda name, timeout=5: _key(one, lookups)) else "fail"
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
    return Signature(domain=one.domain, selector=one.selector, result=result, covers=covers, reason=reason)


def _words(error: Exception) -> str:
    """What dkimpy says, without the values that it quotes."""
    return re.split(r"[(:]", str(error))[0].strip()[:80] or type(error).__name__


def _enough(tags: dict[bytes, bytes]) -> None:
    """Raises _Unusable for a signature that proves too little (RFC 6376, 8.2; RFC 8301)."""
    if b"l" in tags:
        raise _Unusable("it signs only a part of the body")
    if tags.get(b"a") == b"rsa-sha1":
        raise _Unusable("it uses sha1")
    if tags.get(b"a") == b"ed25519-sha256":
        raise _Unusable("ed25519 is not verified")


def _names(tags: dict[bytes, bytes]) -> list[str]:
    """The names of the headers that are signed, as often as they are."""
    names = [name.strip().lower() for name in tags.get(b"h", b"").split(b":")]
    if len(names) > _COVERED_MAX:
        raise _Unusable("it names too many headers")
    if b"from" not in names:
        raise _Unusable("it does not sign From")
    return [*(name.decode("ascii", "replace") for name in names), "from"]


def _key(one: _Tagged, lookups: Lookups) -> bytes:
    """The key as dkimpy takes it; raises _Unusable for one that proves nothing, or would take long."""
    name = f"{one.selector}._domainkey.{one.domain}"
    records = [record for record in lookups.texts(name) if b"p=" in record]
    if len(records) != 1:
        # RFC 6376, 3.6.2.2: which of several is meant, no one knows
        raise _Unusable("there is more than one key" if records else "there is no such key")
    if len(records[0]) > _KEY_TEXT_MAX:
        raise _Unusable("the key is too long")
    record = b"v=DKIM1; k=rsa; p=" + _public(records[0], one)
    try:
        key, bits, _, _ = dkim.evaluate_pk(name, record)
    except (dkim.DKIMException, *_TRIPPED):
        raise _Unusable("the key is revoked or malformed") from None
    if not _KEY_BITS[0] <= bits <= _KEY_BITS[1]:
        raise _Unusable(f"a key of {bits} bits does not count")
    if key["publicExponent"].bit_length() > _EXPONENT_BITS_MAX:
        raise _Unusable("the key's exponent is too large")
    return record


def _public(record: bytes, one: _Tagged) -> bytes:
    """p= of a key record whose other tags allow this signature; raises _Unusable (RFC 6376, 3.6.1)."""
    try:
        tags: dict[bytes, bytes] = parse_tag_value(record)
    except InvalidTagValueList:
        raise _Unusable("the key is revoked or malformed") from None
    flags = _list(tags, b"t", b"")
    for wrong, reason in (
        (tags.get(b"v", b"DKIM1") != b"DKIM1" or not tags.get(b"p"), "the key is revoked or malformed"),
        (tags.get(b"k", b"rsa").lower() != b"rsa", "the key is not for rsa"),
        (b"sha256" not in _list(tags, b"h", b"sha256"), "the key does not allow sha256"),
        (not _list(tags, b"s", b"*") & {b"*", b"email"}, "the key is not for mail"),
        (b"y" in flags, "the key is for testing"),
        (b"s" in flags and one.identity != one.domain, "the key is not for subdomains"),
    ):
        if wrong:
            raise _Unusable(reason)
    return tags[b"p"]


def _list(tags: dict[bytes, bytes], name: bytes, default: bytes) -> set[bytes]:
    return {value.strip().lower() for value in tags.get(name, default).split(b":")}
