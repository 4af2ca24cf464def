"""Look-ups in the public DNS, for checks."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.setting_values import host_and_port

if TYPE_CHECKING:
    from dns.resolver import Resolver

Lookup = Callable[[str, str], list[str]]
"""Name and type to values: hosts in lower case without a last period, MX without its preference."""

_TIMEOUT_S = 5.0


def public(name: str, kind: str) -> list[str]:
    """The values of a name; empty if there are none. Raises OSError if no name server answers."""
    import dns.exception
    import dns.resolver

    try:
        found = _resolver().resolve(name, kind, lifetime=_TIMEOUT_S)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.DNSException as error:
        raise OSError(f"the DNS does not answer for {name}: {type(error).__name__}") from error
    return [_value(kind, each) for each in found]


def _resolver() -> Resolver:
    """The system's resolver, or that of `CIS_DNS`."""
    import dns.resolver

    if not (named := os.environ.get("CIS_DNS", "")):
        return dns.resolver.get_default_resolver()
    host, port = host_and_port(named, 53)
    own = dns.resolver.Resolver(configure=False)
    own.nameservers, own.port = [host], port
    return own


def _value(kind: str, each: object) -> str:
    if kind == "MX":
        return str(getattr(each, "exchange", "")).rstrip(".").lower()
    if kind == "TXT":
        return b"".join(getattr(each, "strings", ())).decode(errors="replace")
    return str(each).rstrip(".").lower()
