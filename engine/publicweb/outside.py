"""Requests to addresses that others named: each connection goes to an address that was checked for it.

httpcore is what httpx connects by. It is used as it is since httpx has no place for a network of one's own, and since
one pool by host name keeps connections open without ever going to an address that was not checked.
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

URL_MAX = 2_000
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Response:
    """What came back: at most as many bytes as were asked for; `cut`: there was more."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False


class Outside:
    """The outside world, over pools of connections; redirects are never followed."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext | None = None) -> None:
        local = settings.local_receivers
        self._ways = {"https": beside(local), "http": beside(local, alone=True)}
        self._tls = tls
        self._pools: dict[str, httpcore.AsyncConnectionPool] = {}

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def check(self, url: str) -> str:
        """`url` in order, if it may be reached just now. Raises Refused: URL_NOT_ALLOWED, URL_NOT_READABLE."""
        import httpx

        checked = web_address(url)
        parts = httpx.URL(checked)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        await reachable(parts.raw_host.decode("ascii"), port, self._ways[parts.scheme])
        return checked

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes, *, seconds: float, most: int
    ) -> Response:
        """The answer, up to `most` bytes of it.

        Raises Refused: URL_NOT_ALLOWED, URL_NOT_READABLE; TimeoutError; OSError, httpcore's errors.
        """
        limits = dict.fromkeys(("connect", "read", "write", "pool"), seconds)
        limits["connect"] = min(_CONNECT_S, seconds)
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with (
            asyncio.timeout(seconds),
            self._pool(urlsplit(url).scheme).stream(
                method, url, headers=given, content=content, extensions={"timeout": limits}
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
            return Response(response.status, answered, bytes(body[:most]), len(body) > most)

    def _pool(self, scheme: str) -> httpcore.AsyncConnectionPool:
        """The pool of a scheme, made by the first who needs it: a context for TLS takes its time."""
        if scheme not in self._pools:
            import httpcore
            import httpx

            from engine.publicweb.checked import Checked

            tls = (self._tls or httpx.create_ssl_context()) if scheme == "https" else None
            self._pools[scheme] = httpcore.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=None,
                max_keepalive_connections=100,
                keepalive_expiry=60.0,
                network_backend=Checked(self._ways[scheme]),
            )
        return self._pools[scheme]


def web_address(url: str) -> str:
    """`url` as a web address without user name and fragment. Raises Refused: URL_NOT_ALLOWED."""
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
    if parts.userinfo:
        raise _not_allowed("The address holds a user name or password.")
    return str(parts.copy_with(fragment=None))


def _not_allowed(why: str) -> Refused:
    return Refused(Code.URL_NOT_ALLOWED, why, "Give an https address on the public internet.")


def why_not(error: BaseException) -> str:
    """Why a request came to nothing, in a sentence without anybody's words."""
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
