"""What the public DNS says now, as a check asks it."""

from __future__ import annotations

from collections.abc import Callable

Lookup = Callable[[str, str], list[str]]
"""Name and type to values: hosts in lower case without a last period, MX without its preference."""

_TIMEOUT_S = 5.0


def public(name: str, kind: str) -> list[str]:
    """The values of a name; empty if there are none. Raises OSError if no name server answers."""
    import dns.exception
    import dns.resolver

    try:
        found = dns.resolver.resolve(name, kind, lifetime=_TIMEOUT_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise OSError(f"the DNS does not answer for {name}: {type(error).__name__}") from error
    return [_value(kind, each) for each in found]


def _value(kind: str, each: object) -> str:
    if kind == "MX":
        return str(getattr(each, "exchange", "")).rstrip(".").lower()
    if kind == "TXT":
        return b"".join(getattr(each, "strings", ())).decode(errors="replace")
    return str(each).rstrip(".").lower()
