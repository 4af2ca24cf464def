"""Fetch a calendar from the web: https alone, public addresses alone, bounded in size, time and redirects."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.imports import webpage
from engine.itip.feed import MAX_BYTES
from engine.process import pools
from engine.refusals import Code, Refused

if TYPE_CHECKING:
    import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]

SECONDS_MAX = 30.0
REDIRECTS_MAX = 3
URL_MAX = 2_000
_CONNECT_S = 10.0
_TRIED = 3
"""Addresses of one host that are tried."""
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN\s*:\s*VCALENDAR", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_MODIFIED = 304
_PUBLIC_V6 = ipaddress.ip_network("2000::/3")
_VALIDATOR_MAX = 500
_RESERVED = tuple(
    ipaddress.ip_network(n)
    for n in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
)
"""Protocol assignments, 6to4, Teredo, documentation, and a cloud's inner service; `is_global` lets them pass."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A calendar's bytes as they came, and what its server knows this version by."""

    content: bytes
    etag: str = ""
    last_modified: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How the web is reached; tests, which have no public addresses, go another."""

    allowed: Callable[[Address], bool]
    resolve: Resolve
    tls: ssl.SSLContext | None = None
    seconds: float = SECONDS_MAX


def is_public(address: Address) -> bool:
    """True for an address of the public internet: not private, loopback, link-local, shared or reserved.

    Of IPv6 only global unicast counts, so that nothing that wraps an IPv4 address passes.
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


PUBLIC_WEB = Way(allowed=is_public, resolve=resolve)


def web_address(text: str) -> str:
    """`text` as an https URL; webcal:// is read as https://. Raises Refused: URL_NOT_ALLOWED."""
    import httpx

    text = re.sub(r"\Awebcals?://", "https://", text.strip(), flags=re.IGNORECASE)
    try:
        url = httpx.URL(text[: URL_MAX + 1])
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise _not_allowed("That is not a web address.") from None
    _check(url)
    return str(url.copy_with(fragment=None))


def _check(url: httpx.URL) -> None:
    if len(str(url)) > URL_MAX:
        raise _not_allowed(f"The address has more than {URL_MAX} characters.")
    if url.scheme != "https":
        raise _not_allowed("Calendars are fetched over https alone.")
    if not url.host or b"%" in url.raw_host or (url.port or 443) > 65535:
        raise _not_allowed("The address names no host that there can be.")
    if url.userinfo:
        raise _not_allowed("The address holds a user name or password.")


async def fetch(url: str, conditions: Mapping[str, str], way: Way = PUBLIC_WEB) -> Fetched | None:
    """The calendar at `url`, an https URL; None where `conditions`, headers such as If-None-Match, hold.

    Raises Refused: URL_NOT_ALLOWED, URL_NOT_READABLE, TOO_LARGE.
    """
    import httpx

    try:
        async with asyncio.timeout(way.seconds):
            return await _followed(httpx.URL(url), conditions, way)
    except TimeoutError:
        raise _not_readable(f"It took more than {way.seconds:g} seconds.") from None
    except ssl.SSLError as error:
        raise _not_readable(f"Its certificate cannot be trusted ({error.reason}).") from None
    except httpx.ConnectError as error:
        raise _not_readable(_why_unconnected(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise _not_readable(f"The connection failed ({type(error).__name__}).") from None


def _why_unconnected(error: BaseException) -> str:
    if "CERTIFICATE" in str(error).upper():
        return "Its certificate cannot be trusted."
    return "Its server cannot be connected to."


async def _followed(url: httpx.URL, conditions: Mapping[str, str], way: Way) -> Fetched | None:
    """The answer at the end of at most three redirects; each address on the way is checked."""
    for _ in range(REDIRECTS_MAX + 1):
        _check(url)
        answer = await _asked(url, conditions, way)
        if not isinstance(answer, str):
            return answer
        url = url.join(answer)
    raise _not_readable(f"It redirects more than {REDIRECTS_MAX} times.")


async def _asked(url: httpx.URL, conditions: Mapping[str, str], way: Way) -> Fetched | str | None:
    """The calendar, or where it is instead, or None where it has not changed.

    The connection goes to the very address that was checked; the name stands in Host and in TLS alone, so
    that a name which resolves otherwise a moment later changes nothing.
    """
    import httpx

    addresses = await _addresses(url, way)
    for number, address in enumerate(addresses, start=1):
        try:
            return await _asked_at(url, address, conditions, way)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            if number == len(addresses):
                raise
    return None


async def _addresses(url: httpx.URL, way: Way) -> list[str]:
    try:
        found = await way.resolve(url.raw_host.decode("ascii"), url.port or 443)
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in dict.fromkeys(found)]
    except (OSError, ValueError):
        raise _not_readable("Its host is not known.") from None
    # One bad address among good ones is a name that somebody plays with.
    if not addresses or not all(map(way.allowed, addresses)):
        raise _not_allowed("The address leads into a private or reserved network.")
    return [str(address) for address in addresses[:_TRIED]]


async def _asked_at(
    url: httpx.URL, address: str, conditions: Mapping[str, str], way: Way
) -> Fetched | str | None:
    import httpx

    headers = {
        **conditions,
        "Host": url.netloc.decode("ascii"),
        "User-Agent": "cis-mcp",
        "Accept": "text/calendar, */*;q=0.5",
        # What is packed could unpack to any size.
        "Accept-Encoding": "identity",
    }
    client = httpx.AsyncClient(
        verify=way.tls or True,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(way.seconds, connect=min(_CONNECT_S, way.seconds)),
    )
    pinned = url.copy_with(host=address)
    extensions = {"sni_hostname": url.raw_host.decode("ascii")}
    async with client, client.stream("GET", pinned, headers=headers, extensions=extensions) as response:
        if response.status_code == _NOT_MODIFIED and conditions:
            return None
        if response.status_code in _REDIRECTS:
            return _location(response)
        if response.status_code != 200:
            raise _not_readable(f"Its server answered {response.status_code}.")
        return await _body(response)


def _location(response: httpx.Response) -> str:
    location = response.headers.get("Location", "")
    if not location:
        raise _not_readable("Its server redirects to nowhere.")
    return str(location)[: URL_MAX + 1]


async def _body(response: httpx.Response) -> Fetched:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in {"", "identity"}:
        raise _not_readable("Its server sends it packed, though asked not to.")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > MAX_BYTES:
            raise Refused(
                Code.TOO_LARGE,
                f"The calendar is larger than {MAX_BYTES // 1_000_000} MB.",
                "Give a smaller one.",
            )
    if not _BEGIN.match(content):
        _refuse_other(content)
    return Fetched(
        content=bytes(content),
        etag=_validator(response.headers.get("ETag", "")),
        last_modified=_validator(response.headers.get("Last-Modified", "")),
    )


def _refuse_other(content: bytearray) -> None:
    """Refuse what is neither a calendar nor a web page that may hold events."""
    if webpage.is_page(content):
        if not webpage.may_hold_events(content):
            raise _not_readable("The address gives a web page without events.")
        return
    raise _not_readable("What is there is no calendar.")


def _validator(value: str) -> str:
    """What names a version of the calendar; one that is too long names none, since cut it would name another."""
    return value if len(value) <= _VALIDATOR_MAX else ""


def _not_allowed(why: str) -> Refused:
    return Refused(
        Code.URL_NOT_ALLOWED,
        why,
        "Give an https address on the public internet, or the file itself.",
    )


def _not_readable(why: str) -> Refused:
    return Refused(
        Code.URL_NOT_READABLE,
        f"The calendar could not be fetched. {why}",
        "Look at the address in a browser: it must give an iCalendar file (.ics), or a page with schema.org events.",
    )
