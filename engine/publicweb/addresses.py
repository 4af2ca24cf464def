"""Which addresses of the web the server may reach: only public ones, checked again at each connection."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.process import pools
from engine.refusals import Code, Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], Awaitable[list[str]]]

SECONDS_MAX = 30.0
_TRIED = 3
"""The most addresses of one host that are tried."""
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_RESERVED = tuple(
    ipaddress.ip_network(n)
    for n in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
)
"""Protocol assignments, 6to4, Teredo, documentation, and a cloud's internal service, which `is_global` allows."""


def is_public(address: Address) -> bool:
    """True for an address of the public internet: not private, loopback, link-local, shared or reserved.

    Of IPv6, only global unicast is allowed, so that no address that contains an IPv4 address passes.
    """
    if not address.is_global or address.is_multicast:
        return False
    if address.version == 6 and address not in _PUBLIC_V6:
        return False
    return not any(address in network for network in _RESERVED if network.version == address.version)


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host. Raises OSError."""
    found = await pools.NAMES.run(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


@dataclass(frozen=True, slots=True)
class Way:
    """A rule of which addresses may be reached; tests, which have no public addresses, use another one."""

    allowed: Callable[[Address], bool]
    resolve: Resolve
    tls: ssl.SSLContext | None = None
    seconds: float = SECONDS_MAX
    otherwise: str = "The address leads into a private or reserved network."
    """The message for an address that is not allowed."""


PUBLIC_WEB = Way(allowed=is_public, resolve=resolve)


def beside(networks: str, *, alone: bool = False) -> Way:
    """The rule that allows the public web and `networks` (`CIS_LOCAL_RECEIVERS`), or only these if `alone`."""
    listed = [each.strip() for each in networks.split(",") if each.strip().lower() not in {"", "none"}]
    local = tuple(ipaddress.ip_network(each, strict=False) for each in listed)
    if alone:
        only = "Without https, addresses of the operator's own networks alone may be reached."
        return Way(lambda address: address_within(address, local), resolve, otherwise=only)
    return Way(lambda address: address_within(address, local) or is_public(address), resolve)


def address_within(address: Address, networks: Sequence[Network]) -> bool:
    """True if the address, as written, is in one of the networks."""
    return any(address in network for network in networks if network.version == address.version)


async def reachable(host: str, port: int, way: Way) -> list[str]:
    """The addresses of a host to which connections are allowed.

    Raises Refused: URL_NOT_ALLOWED, also if one of them is private; URL_NOT_READABLE if there is none.
    """
    try:
        found = await way.resolve(host, port)
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in dict.fromkeys(found)]
    except (OSError, ValueError):
        raise Refused(Code.URL_NOT_READABLE, "Its host is not known.") from None
    # One bad address among good ones is a name that somebody plays with.
    if not addresses or not all(map(way.allowed, addresses)):
        raise Refused(Code.URL_NOT_ALLOWED, way.otherwise)
    return [str(address) for address in addresses[:_TRIED]]
