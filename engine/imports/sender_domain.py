"""What a domain publishes about mail sent in its name: its DMARC policy, and whether it has DKIM keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from engine.setting_values import host_and_port
from engine.settings import Settings

_SECONDS = 3.0
_RESERVED = (".test", ".example", ".invalid", ".localhost")
_NAME_MAX = 230


@dataclass(frozen=True)
class DomainPolicy:
    """What was found; None: unknown, since there was no answer or the name is reserved for tests.

    `dmarc`: none, quarantine or reject; empty: no policy. `dkim`: False: no name below _domainkey exists (RFC 8020).
    """

    domain: str
    dmarc: str | None = None
    dkim: bool | None = None


async def policy_of(settings: Settings, domain: str) -> DomainPolicy:
    """Ask the DNS of `domain`; takes up to six seconds."""
    if domain.endswith(_RESERVED) or domain == "localhost" or len(domain) > _NAME_MAX:
        return DomainPolicy(domain)
    return await asyncio.to_thread(_asked, settings.dns, domain)


def _asked(server: str, domain: str) -> DomainPolicy:
    return DomainPolicy(domain, dmarc=_dmarc(server, domain), dkim=_dkim(server, domain))


def _dmarc(server: str, domain: str) -> str | None:
    """The policy at _dmarc (RFC 7489, 6.3), of the domain itself or of the one above its first label."""
    for name in (domain, domain.partition(".")[2]):
        if "." not in name:
            break
        known, texts = _texts(server, f"_dmarc.{name}")
        if not known:
            return None
        for text in texts:
            tags = dict(part.strip().partition("=")[::2] for part in text.lower().split(";"))
            if tags.get("v", "").strip() == "dmarc1":
                return tags.get("p", "none").strip()
    return ""


def _dkim(server: str, domain: str) -> bool | None:
    """False if the DNS says that nothing is below _domainkey; else None, since selectors cannot be listed."""
    import dns.exception
    import dns.resolver

    try:
        _resolver(server).resolve(f"_domainkey.{domain}", "TXT", lifetime=_SECONDS, search=False)
    except dns.resolver.NXDOMAIN:
        return False
    except dns.resolver.NoAnswer:
        return True
    except (dns.exception.DNSException, OSError):
        return None
    return True


def _texts(server: str, name: str) -> tuple[bool, list[str]]:
    """Whether the DNS answered, and the TXT records."""
    import dns.exception
    import dns.resolver

    try:
        answer = _resolver(server).resolve(name, "TXT", lifetime=_SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return True, []
    except (dns.exception.DNSException, OSError):
        return False, []
    return True, [b"".join(record.strings).decode("latin-1") for record in list(answer)[:20]]


def _resolver(server: str) -> Any:
    import dns.resolver

    resolver = dns.resolver.Resolver(configure=not server)
    if server:
        host, port = host_and_port(server, 53)
        resolver.nameservers, resolver.port = [host], port
    return resolver
