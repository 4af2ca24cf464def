"""Fetch a calendar from the web: only https, only public addresses, bounded in size, time and redirects."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.imports import webpage
from engine.itip.feed import MAX_BYTES
from engine.publicweb.addresses import PUBLIC_WEB, Way, reachable
from engine.refusals import Code, Refused

if TYPE_CHECKING:
    import httpx

REDIRECTS_MAX = 3
URL_MAX = 2_000
_CONNECT_S = 10.0
_BEGIN = re.compile(rb"(?:\xef\xbb\xbf)?\s*BEGIN\s*:\s*VCALENDAR", re.IGNORECASE)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_NOT_MODIFIED = 304
_VALIDATOR_MAX = 500


Judge = Callable[[str], Awaitable[None]]
"""Raises Refused for an address that may not be asked."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A calendar's bytes as received, and the validators by which its server identifies this version."""

    content: bytes
    etag: str = ""
    last_modified: str = ""


def web_address(text: str) -> str:
    """`text` as an https URL; webcal:// is read as https://. Raises Refused: URL_NOT_ALLOWED."""
    import httpx

    text = re.sub(r"\Awebcals?://", "https://", text.strip(), flags=re.IGNORECASE)
    if len(text) > URL_MAX:
        raise _not_allowed(f"The address has more than {URL_MAX} characters.")
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise _not_allowed("That is not a web address.") from None
    _check(url)
    return str(url.copy_with(fragment=None))


def _check(url: httpx.URL) -> None:
    if len(str(url)) > URL_MAX:
        raise _not_allowed(f"The address has more than {URL_MAX} characters.")
    if url.scheme != "https":
        raise _not_allowed("Calendars are fetched over https only.")
    if not url.host or b"%" in url.raw_host or (url.port or 443) > 65535:
        raise _not_allowed("The address names no host that there can be.")
    if url.userinfo:
        raise _not_allowed("The address holds a user name or password.")


async def fetch(
    url: str, conditions: Mapping[str, str], way: Way = PUBLIC_WEB, judge: Judge | None = None
) -> Fetched | None:
    """The calendar at `url`, an https URL; None if `conditions`, headers such as If-None-Match, hold.

    `judge` refuses an address before it is asked, also one to which another leads.

    Raises Refused: URL_NOT_ALLOWED, URL_NOT_READABLE, TOO_LARGE, and what `judge` raises.
    """
    import httpx

    try:
        async with asyncio.timeout(way.seconds):
            return await _followed(httpx.URL(url), conditions, way, judge)
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


async def _followed(
    url: httpx.URL, conditions: Mapping[str, str], way: Way, judge: Judge | None
) -> Fetched | None:
    """The response after at most three redirects, each of whose addresses is checked."""
    for _ in range(REDIRECTS_MAX + 1):
        _check(url)
        if judge:
            await judge(str(url))
        answer = await _asked(url, conditions, way)
        if not isinstance(answer, str):
            return answer
        url = url.join(answer)
    raise _not_readable(f"It redirects more than {REDIRECTS_MAX} times.")


async def _asked(url: httpx.URL, conditions: Mapping[str, str], way: Way) -> Fetched | str | None:
    """The calendar, the address of a redirect, or None if it has not changed.

    The connection goes to the address that was checked, and the name is used only in Host and TLS, so that a
    name that resolves differently a moment later has no effect.
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
        return await reachable(url.raw_host.decode("ascii"), url.port or 443, way)
    except Refused as refused:
        raise (_not_allowed if refused.code is Code.URL_NOT_ALLOWED else _not_readable)(
            refused.message
        ) from None


async def _asked_at(
    url: httpx.URL, address: str, conditions: Mapping[str, str], way: Way
) -> Fetched | str | None:
    import httpx

    headers = {
        **conditions,
        "Host": url.netloc.decode("ascii"),
        "User-Agent": "cis-mcp",
        "Accept": "text/calendar, */*;q=0.5",
        # Compressed content could expand to any size.
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
    """A validator of the calendar's version; empty if it is too long, since a cut one would name another version."""
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
        "Open the address in a browser: it must return an iCalendar file (.ics), or a page with schema.org events.",
    )
