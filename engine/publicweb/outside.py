"""Requests to URLs from outside: each connection goes to an address that was checked for it.

httpcore, on which httpx is built, is used directly, since httpx accepts no network backend. Connections are kept open
by host name, and never go to an address that was not checked (`kept.py`).
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.publicweb.addresses import beside, reachable
from engine.refusals import Code, Refused
from engine.settings import Settings

if TYPE_CHECKING:
    import httpcore

    from engine.publicweb.kept import KeptConnections

URL_MAX = 2_000
_CONNECT_S = 5.0
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class OutsideResponse:
    """A response with at most as many bytes as requested; `cut`: there were more."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class Outside:
    """A client for outside servers with pools of connections; it never follows redirects."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        local = settings.local_receivers
        self._ways = {"https": beside(local), "http": beside(local, alone=True)}
        self._tls = tls
        self._kept: dict[str, KeptConnections] = {}

    async def close(self) -> None:
        """Close all connections."""
        for kept in self._kept.values():
            await kept.aclose()

    async def check(self, url: str) -> str:
        """`url` in normal form, if it may be reached now. Raises Refused: URL_NOT_ALLOWED, URL_NOT_READABLE."""
        import httpx

        checked = web_address(url)
        parts = httpx.URL(checked)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        await reachable(parts.raw_host.decode("ascii"), port, self._ways[parts.scheme])
        return checked

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, *, seconds: float, most: int
    ) -> OutsideResponse:
        """Send a request, and return the response with up to `most` bytes.

        Raises Refused: URL_NOT_ALLOWED, URL_NOT_READABLE; TimeoutError; OSError, httpcore's errors.
        """
        limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        limits["connect"] = min(_CONNECT_S, seconds)
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        place, kept = self._place(url)
        async with (
            asyncio.timeout(seconds),
            kept.connection(place) as connection,
            connection.stream(
                method, place, headers=given, content=content, extensions={"timeout": limits}
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > most:
                    break
            answered = {
                name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers
            }
            return OutsideResponse(response.status, answered, bytes(body[:most]), len(body) > most)

    def _place(self, url: str) -> tuple[httpcore.URL, KeptConnections]:
        """`url`, and the connections of its scheme, created when first needed, since loading TLS is slow."""
        import httpcore

        place, scheme = httpcore.URL(url), urlsplit(url).scheme
        if scheme not in self._kept:
            import httpx

            from engine.publicweb.kept import KeptConnections

            tls = (self._tls or httpx.create_ssl_context()) if scheme == "https" else None
            self._kept[scheme] = KeptConnections(self._ways[scheme], tls)
        return place, self._kept[scheme]


def web_address(url: str) -> str:
    """`url` if it is a web address, without user name and fragment. Raises Refused: URL_NOT_ALLOWED."""
    import httpx

    if len(url) > URL_MAX:
        raise _not_allowed(f"The address has more than {URL_MAX} characters.")
    try:
        parts = httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise _not_allowed("That is not a web address.") from None
    if len(str(parts)) > URL_MAX:
        raise _not_allowed(f"The address has more than {URL_MAX} characters.")
    if parts.scheme not in {"https", "http"} or not parts.host or b"%" in parts.raw_host:
        raise _not_allowed("It must be an https address.")
    if (parts.port or 0) > _PORT_MAX:
        raise _not_allowed("The address names a port that there cannot be.")
    if parts.userinfo:
        raise _not_allowed("The address holds a user name or password.")
    return str(parts.copy_with(fragment=None))


def _not_allowed(why: str) -> Refused:
    return Refused(Code.URL_NOT_ALLOWED, why, "Give an https address on the public internet.")


def why_not(error: BaseException) -> str:
    """Why a request failed, in a sentence without text from outside."""
    import httpcore

    match error:
        case Refused():
            return error.message
        case TimeoutError() | httpcore.TimeoutException():
            return "It did not answer in time."
        case ssl.SSLError():
            return "Its certificate cannot be trusted."
        case _ if "CERTIFICATE" in str(error).upper():
            return "Its certificate cannot be trusted."
        case _:
            return f"The connection failed ({type(error).__name__})."
