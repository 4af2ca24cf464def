"""The DNS records of an installation: as text, for BIND, for Cloudflare, and as a change of Route 53."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cis_mcp.aws.options import InstallationOptions
from engine.model.base import Value

_TTL = 300
MAIL_FROM = "bounce"
"""The subdomain of the envelope's sender: its own, since it may neither send nor receive other mail."""


class DnsRecord(Value):
    """One record: `name` without a trailing dot; `value` in the syntax of its type, TXT without quotes."""

    name: str
    type: str
    value: str
    priority: int | None = None

    @property
    def data(self) -> str:
        """The value with its priority, as zone files have it."""
        value = f'"{self.value}"' if self.type == "TXT" else self.value
        value = f"{value}." if self.type in {"CNAME", "MX"} else value
        return value if self.priority is None else f"{self.priority} {value}"


def records(options: InstallationOptions, dkim: Mapping[str, str]) -> list[DnsRecord]:
    """The MX, SPF, DKIM, MAIL FROM and DMARC records; `dkim`: the names and values that SES asks for."""
    domain, region = options.domain, options.region
    own = f"{MAIL_FROM}.{domain}"
    return [
        DnsRecord(name=domain, type="MX", value=f"inbound-smtp.{region}.amazonaws.com", priority=10),
        *(DnsRecord(name=name, type="CNAME", value=value) for name, value in dkim.items()),
        DnsRecord(name=own, type="MX", value=f"feedback-smtp.{region}.amazonses.com", priority=10),
        DnsRecord(name=own, type="TXT", value="v=spf1 include:amazonses.com ~all"),
        DnsRecord(name=domain, type="TXT", value="v=spf1 include:amazonses.com ~all"),
        DnsRecord(name=f"_dmarc.{domain}", type="TXT", value="v=DMARC1; p=quarantine; adkim=r; aspf=r"),
    ]


def dkim(domain: str, identity: Mapping[str, Any]) -> dict[str, str]:
    """Names and values of the DKIM records that SES asks for, from its description of an identity."""
    tokens = (identity.get("DkimAttributes") or {}).get("Tokens") or []
    return {f"{token}._domainkey.{domain}": f"{token}.dkim.amazonses.com" for token in tokens}


def stands(record: DnsRecord, values: Sequence[str]) -> bool:
    """True if the DNS has the record; SPF may list more senders than ours, and DMARC may have any policy."""
    if record.type != "TXT":
        return record.value.lower() in values
    version = record.value.partition(" ")[0].rstrip(";")
    theirs = [one for one in values if one.lower().startswith(version.lower())]
    return any("amazonses.com" in one.lower() or version == "v=DMARC1" for one in theirs)


def text(found: Sequence[DnsRecord]) -> str:
    """A line for each: name, type, value."""
    width = max((len(one.name) for one in found), default=0)
    return "\n".join(f"{one.name:<{width}}  {one.type:<5}  {one.data}" for one in found)


def bind(found: Sequence[DnsRecord]) -> str:
    """The records as lines of a zone file (RFC 1035, 5)."""
    return "\n".join(f"{one.name}. {_TTL} IN {one.type} {one.data}" for one in found)


def cloudflare(found: Sequence[DnsRecord]) -> str:
    """JSON lines for Cloudflare's API, one record each; records for mail are never proxied."""
    return "\n".join(json.dumps(_cloudflare(one)) for one in found)


def _cloudflare(one: DnsRecord) -> dict[str, object]:
    priority = {} if one.priority is None else {"priority": one.priority}
    content = f'"{one.value}"' if one.type == "TXT" else one.value
    values = {"type": one.type, "name": one.name, "content": content, "ttl": _TTL, "proxied": False}
    return values | priority


FORMS = {"text": text, "bind": bind, "cloudflare": cloudflare}


def changes(found: Sequence[DnsRecord], action: str) -> list[dict[str, object]]:
    """The changes of a Route 53 batch; `action`: CREATE, which fails if a record exists, or DELETE."""
    return [change(action, one.name, one.type, [one.data]) for one in found]


def change(action: str, name: str, kind: str, values: Sequence[str]) -> dict[str, object]:
    """One change of a Route 53 batch; a DELETE must name the values exactly as they are."""
    records = [{"Value": value} for value in values]
    return {
        "Action": action,
        "ResourceRecordSet": {"Name": f"{name}.", "Type": kind, "TTL": _TTL, "ResourceRecords": records},
    }


def of_receiving(found: Sequence[DnsRecord], domain: str) -> list[DnsRecord]:
    """The records that bring mail to the domain; the others belong to its SES identity, for sending."""
    return [one for one in found if (one.name, one.type) == (domain, "MX")]
