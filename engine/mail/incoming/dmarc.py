"""Whether the From domain is proven by a signature or by SPF, and its owner's policy (RFC 7489)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from engine.mail.domains import ascii_domain
from engine.model.base import Value

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_RECORD_MAX = 4_096
Result = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]


class Signature(Value):
    """The result of one DKIM signature (RFC 6376); `covers` has the names of the headers that it signs."""

    domain: str
    result: Result
    selector: str = ""
    covers: frozenset[str] = frozenset()
    reason: str = ""


class Spf(Value):
    """What came of SPF for the envelope's domain (RFC 7208); `none` where there was nothing to ask.

    `network`: whence the mail came, the /24 or /48 of the client.
    """

    result: Result = "none"
    domain: str = ""
    network: str = ""


class Policy(Value):
    """What a domain publishes at _dmarc (RFC 7489, 6.3), for the domain that was asked about.

    `known`: false where DNS did not say whether the domain publishes one, or which.
    """

    wish: Literal["none", "quarantine", "reject"] = "none"
    strict_dkim: bool = False
    strict_spf: bool = False
    known: bool = True


UNKNOWN = Policy(strict_dkim=True, strict_spf=True, known=False)
"""As strict as any policy may be, so that nobody gains by keeping a domain's policy from being read."""


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


@lru_cache(maxsize=4096)
def organizational_domain(domain: str) -> str:
    """The domain that someone registered, as the public suffix list has it; empty for a suffix itself."""
    return _suffixes().privatesuffix(ascii_domain(domain)) or ""


def aligned(one: str, other: str, *, strict: bool = False) -> bool:
    """True for the same domain or, unless `strict`, of the same organizational domain (RFC 7489, 3.1)."""
    one, other = ascii_domain(one), ascii_domain(other)
    if not one or one == other or strict:
        return bool(one) and one == other
    return bool(other) and organizational_domain(one) == organizational_domain(other) != ""


def read_policy(records: Sequence[bytes], *, of_parent: bool) -> Policy | None:
    """The one DMARC record among TXT records; None if there is none, or more than one (RFC 7489, 6.6.3).

    `of_parent`: the records are the organizational domain's, while a subdomain of it was asked about.
    """
    found = [tags for record in records if (tags := _tags(record)).get("v") == "DMARC1"]
    if len(found) != 1:
        return None
    tags = {name: value.lower() for name, value in found[0].items()}
    wish = tags.get("sp", tags.get("p", "")) if of_parent else tags.get("p", "")
    known: dict[str, Literal["none", "quarantine", "reject"]] = {
        "quarantine": "quarantine",
        "reject": "reject",
    }
    return Policy(
        wish=known.get(wish, "none"),
        strict_dkim=tags.get("adkim") == "s",
        strict_spf=tags.get("aspf") == "s",
    )


def _tags(record: bytes) -> dict[str, str]:
    """tag=value pairs; a record that does not begin with its version has none."""
    pairs = [piece.partition("=") for piece in record.decode("ascii", "replace").split(";")]
    if len(record) > _RECORD_MAX or pairs[0][0].strip() != "v":
        return {}
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def proofs(domain: str, signatures: Sequence[Signature], spf: Spf, policy: Policy | None) -> tuple[str, ...]:
    """What proves the From domain: dkim:domain:selector, spf:domain:network. Without a policy only a signature does.

    A domain that publishes no policy has not said that its SPF record speaks for its From addresses.
    """
    rules = policy or Policy()
    published = policy is not None and policy.known
    signed = [
        f"dkim:{s.domain}:{s.selector}"
        for s in signatures
        if s.result == "pass" and aligned(s.domain, domain, strict=rules.strict_dkim)
    ]
    sent = spf.result == "pass" and aligned(spf.domain, domain, strict=rules.strict_spf)
    return (*dict.fromkeys(signed), *([f"spf:{spf.domain}:{spf.network}"] if sent and published else []))
