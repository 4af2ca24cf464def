"""Identifies clients by their addresses for counting."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_SITE = 64
"""The prefix length of an IPv6 network whose addresses may all be one host's."""


def client_network(host: str) -> str:
    """The IPv4 address of a client, or the /64 network of its IPv6 address; other text is returned unchanged."""
    address = _address(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address.packed, _SITE), strict=False))
    return str(address or host)


def within(host: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """True if `host` is an address in one of `networks`."""
    address = _address(host)
    return address is not None and any(address in network for network in networks)


def is_loopback(host: str) -> bool:
    """True if only this machine can reach `host`: localhost, or a loopback address, in brackets or not."""
    if host.lower() == "localhost":
        return True
    address = _address(host.strip("[]"))
    return address is not None and address.is_loopback


def is_address(host: str) -> bool:
    return _address(host) is not None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The address, as IPv4 if it contains one, without the name of an interface; None if it is not an address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
