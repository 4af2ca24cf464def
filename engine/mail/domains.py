"""Domain names as DNS has them: invalid ones are refused, and none is ever changed (RFC 1035, 5890)."""

from __future__ import annotations

import re

_NAME_MAX = 253
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def is_domain(name: str) -> bool:
    """True for labels of 1 to 63 letters, digits, hyphens and underscores, 253 characters in all."""
    return len(name) <= _NAME_MAX and _NAME.fullmatch(name.lower()) is not None and name.isascii()


def ascii_domain(domain: str) -> str:
    """`domain` in lower case and A-labels, without a dot at its end; empty for what is no domain name.

    A name that its encoding would change, such as one with ß, is none: it would be someone else's.
    """
    domain = domain.strip().removesuffix(".")
    if domain.isascii() or len(domain) > _NAME_MAX:
        return domain.lower() if is_domain(domain) else ""
    domain = domain.lower()
    try:
        encoded = domain.encode("idna")
        same = encoded.decode("idna") == domain and not domain.isascii()
    except UnicodeError:
        return ""
    name = encoded.decode("ascii")
    return name if same and is_domain(name) else ""
