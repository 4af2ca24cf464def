"""SPF (RFC 7208): may the address that handed a mail over send for the domain of its envelope? By pyspf."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, cast

import spf  # type: ignore[import-untyped]

from engine.inbox.authentication.dns import Kind, LookupFailed, Lookups, LookupsSpent
from engine.mail.domains import ascii_domain, is_domain
from engine.mail.incoming.dmarc import Result, Spf

_RESULTS = {"pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"}
_VOID_MAX = 2
_LOCAL_MAX = 64
_DOT_ATOM = re.compile(r"[^\x00-\x20\x7f-\x9f\s()<>\[\]:;@\\,\"\ud800-\udfff]+")


def check(lookups: Lookups, client: str, sender: str, helo: str) -> Spf:
    """The result for `client`, an IP address, and MAIL FROM; for HELO where MAIL FROM is empty.

    At most 10 terms that cause lookups, and 2 without an answer (RFC 7208, 4.6.4). A quoted local part has no
    result: pyspf would take what follows its first @ for the domain.
    """
    local, _, host = sender.rpartition("@") if sender else ("postmaster", "@", helo)
    domain = ascii_domain(host)
    if not domain or len(local.encode(errors="replace")) > _LOCAL_MAX or not _DOT_ATOM.fullmatch(local):
        return Spf()
    try:
        query = _Query(lookups, client, f"{local}@{domain}", ascii_domain(helo) or domain)
        result = str(query.check()[0]) if query.o == domain else "permerror"
    except (spf.PermError, ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError):
        # Whatever pyspf trips over, the sender's records are to blame.
        return Spf(result="permerror", domain=domain)
    known = cast(Result, result if result in _RESULTS else "permerror")
    return Spf(result=known, domain=domain, network=_network(client))


def _network(client: str) -> str:
    """The network of `client`, which one mail server or its neighbours send from: a /24, a /48 of IPv6."""
    address = ipaddress.ip_address(client)
    return str(ipaddress.ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


class _Query(spf.query):  # type: ignore[misc]
    """pyspf's evaluation with our own lookups: its own know neither our resolver nor our bounds."""

    def __init__(self, lookups: Lookups, client: str, sender: str, helo: str) -> None:
        super().__init__(i=client, s=sender, h=helo)
        self._lookups = lookups

    def dns(
        self, name: str, qtype: Kind, cnames: object = None, ignore_void: bool = False
    ) -> list[Any]:  # the arguments are pyspf's
        if not is_domain(str(name).removesuffix(".")):
            # what a macro made of the sender's words; to pass over its term could let the next one pass
            raise spf.PermError("no domain name")
        try:
            found: list[Any] = self._lookups(str(name).removesuffix("."), qtype)
        except LookupFailed as error:
            raise spf.TempError(f"DNS {error}") from error
        except LookupsSpent as error:
            raise spf.PermError("too many lookups") from error
        if not found and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > _VOID_MAX:
                raise spf.PermError(f"void lookup limit of {_VOID_MAX} exceeded")
        return [(text,) for text in found] if qtype == "TXT" else found
