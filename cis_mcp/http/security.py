"""Browser security: the names by which this server may be called, and what only this machine can reach."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.refusals import Code, Refused

_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class AllowedNames:
    """The Host and Origin headers of requests that are meant for this server; `:*` stands for any port."""

    hosts: tuple[str, ...]
    origins: tuple[str, ...]


def guard(host: str, public_url: str, streams_url: str = "") -> AllowedNames:
    """The DNS-rebinding guard, always on: this machine's names, the address bound to, and the public ones.

    Raises Refused: INVALID_ARGUMENT for a bad CIS_PUBLIC_URL.
    """
    public = [_public_host(public_url), *([_public_host(streams_url)] if streams_url else [])]
    names = dict.fromkeys([*_LOOPBACK_NAMES, bracketed(host), *public])
    hosts = [form for name in names for form in (name, f"{name}:*")]
    origins = [f"{scheme}://{form}" for form in hosts for scheme in ("http", "https")]
    return AllowedNames(tuple(hosts), tuple(origins))


def _public_host(public_url: str) -> str:
    try:
        parts = urlsplit(public_url)
        host = parts.hostname or ""
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme not in {"http", "https"} or not host:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "CIS_PUBLIC_URL is not a web address.",
            "Set it to https://cis.example.com.",
        )
    return bracketed(host)


def bracketed(host: str) -> str:
    """`host` as it stands in a URL."""
    return f"[{host.strip('[]')}]" if ":" in host else host
