"""Checks values of settings. Each check returns the value or raises ValueError with what to write. Pure, except that
one looks whether a file exists."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from stat import S_ISREG
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from engine.model.addresses import canonical_domain
from engine.network import is_loopback

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
_ADDRESS = re.compile(r"[^@\s]+@[^@\s.][^@\s]*")
_PATTERN = re.compile(r"\*|[^@\s]+@[^@\s]+")
_NAME = re.compile(r"[^\s@,;:/\\]+")
_LIST = re.compile(r"\*|s3://[a-z0-9*][^\s,]*|(customer-profiles|ses-list):[A-Za-z0-9_*-][^\s,]*")
_AUDIENCE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s#]+|[A-Za-z0-9][A-Za-z0-9._-]{2,}")
_PORT_MAX = 65_535


def listed(value: str) -> list[str]:
    """What a comma-separated setting names; `none` names nothing."""
    return [n.strip() for n in value.split(",") if n.strip() and n.strip().lower() != "none"]


def _address(value: str) -> str:
    value = value.strip()
    if value and not _ADDRESS.fullmatch(value):
        raise ValueError("must be an address such as agent@invites.example.com")
    return value


def _addresses(value: str) -> str:
    if not all(_ADDRESS.fullmatch(alias) for alias in listed(value)):
        raise ValueError("must be addresses such as events@example.com, comma separated")
    return value


def _patterns(value: str) -> str:
    """Refuse patterns that no address can match, such as the bare name of a domain."""
    if not all(_PATTERN.fullmatch(p.strip()) for p in value.split(",") if p.strip()):
        raise ValueError("must be patterns of addresses such as *@example.com, comma separated, or *")
    return value


def _domain(value: str) -> str:
    value = value.strip().lower().rstrip(".")
    if canonical_domain(value) is None:
        raise ValueError("must be a bare domain name such as invites.example.com")
    return value


def _folder(value: Path) -> Path:
    """Refuse a URL and a tilde that no shell has replaced, which would otherwise become the name of a folder."""
    if _URL.match(str(value)):
        raise ValueError("must be a folder on this machine")
    if str(value).startswith("~"):
        raise ValueError("must be a whole path; ~ stands for a home only where a shell reads it")
    return value


def _file(value: str) -> str:
    """Refuse a path that is no regular file; one that this user may not look at is accepted."""
    try:
        there = not value or S_ISREG(Path(value).stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        there = False
    except OSError:
        there = True
    if not there:
        raise ValueError(f"must be a PEM file on this machine, and {value[:200]} is not one")
    return value


def _web_address(value: str) -> str:
    value = value.strip()
    if value and not _is_web_address(value):
        raise ValueError("must be a web address such as https://cis.example.com")
    return value


def _public_address(value: str) -> str:
    if not _is_web_address(value.strip()):
        raise ValueError("must be a web address such as https://cis.example.com")
    return value.strip()


def _is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        sound = parts.port != 0 and parts.username is None and not parts.query and not parts.fragment
    except ValueError:
        return False
    host = parts.hostname or ""
    named = _is_address(host) or canonical_domain(host) is not None
    return sound and named and parts.scheme in {"http", "https"}


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _safe(value: str) -> str:
    if value and not is_safe_web_address(value):
        raise ValueError("must be an https URL (http only for this machine)")
    return value


def _hosts(value: str) -> str:
    for host in listed(value):
        if canonical_domain(host.lower().removeprefix("*.")) is None:
            raise ValueError("must be hosts such as example.com,*.example.com, without https:// and path")
    return value


def _networks(value: str) -> str:
    for network in listed(value):
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            raise ValueError("must be networks such as 192.0.2.0/24,2001:db8::1, or none") from None
    return value


def _servers(value: str) -> str:
    """Refuse a name with which no Authentication-Results header can begin (RFC 8601, 2.5)."""
    if not all(_NAME.fullmatch(server) for server in listed(value)):
        raise ValueError("must be the first word of that header, such as mx.example.com, comma separated")
    return value


def _lists(value: str) -> str:
    if not all(_LIST.fullmatch(one) for one in listed(value)):
        raise ValueError(
            "must be s3://BUCKET/*, customer-profiles:DOMAIN/* or ses-list:NAME, comma separated, or *"
        )
    return value


def _audience(value: str) -> str:
    if value and not _AUDIENCE.fullmatch(value):
        raise ValueError(
            "must be what tokens contain in aud: a URI such as https://cis.example.com/mcp, or a client id"
        )
    return value


def _claim(value: str) -> str:
    if not value or any(c.isspace() for c in value):
        raise ValueError("must be the name of a claim, such as email")
    return value


def _resolver(value: str) -> str:
    value = value.strip()
    if value:
        host_and_port(value, 53)
    return value


def _rates(value: str) -> str:
    rates_in(value)
    return value


Address = Annotated[str, AfterValidator(_address)]
Addresses = Annotated[str, AfterValidator(_addresses)]
Patterns = Annotated[str, AfterValidator(_patterns)]
Domain = Annotated[str, AfterValidator(_domain)]
Folder = Annotated[Path, AfterValidator(_folder)]
File = Annotated[str, AfterValidator(_file)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
PublicAddress = Annotated[str, AfterValidator(_public_address)]
SafeAddress = Annotated[str, AfterValidator(_safe)]
Hosts = Annotated[str, AfterValidator(_hosts)]
Networks = Annotated[str, AfterValidator(_networks)]
Servers = Annotated[str, AfterValidator(_servers)]
Lists = Annotated[str, AfterValidator(_lists)]
TokenAudience = Annotated[str, AfterValidator(_audience)]
Claim = Annotated[str, AfterValidator(_claim)]
Resolver = Annotated[str, AfterValidator(_resolver)]
Rates = Annotated[str, AfterValidator(_rates)]


def is_safe_web_address(url: str) -> bool:
    """True if no one can change on the way what is read there: https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return (
        bool(host)
        and parts.username is None
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    )


def rates_in(text: str) -> dict[str, float]:
    """Messages a second by recipient domain, from `gmail.com=20,yahoo.com=5`; raises ValueError."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair.strip()]
    try:
        rates = {domain.strip().lower(): float(rate) for domain, _, rate in pairs}
    except ValueError:
        raise ValueError("must be given as gmail.com=20,yahoo.com=5") from None
    if any(not rate > 0 for rate in rates.values()):
        raise ValueError("a rate must be more than 0")
    if any("." not in domain or canonical_domain(domain) is None for domain in rates):
        raise ValueError("contains something that is not a domain; give gmail.com=20")
    return rates


def host_and_port(value: str, port: int) -> tuple[str, int]:
    """(address, port) of 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53; `port` if none is given.

    Raises ValueError.
    """
    host, colon, given = value.rpartition(":")
    if not colon or value.endswith("]") or (value.count(":") > 1 and not value.startswith("[")):
        host, given = value, str(port)
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise ValueError("must be an IP address and a port, such as 192.0.2.53:53") from None
    if not given.isdecimal() or not 0 < int(given) <= _PORT_MAX:
        raise ValueError("must be an IP address and a port, such as 192.0.2.53:53")
    return str(address), int(given)
