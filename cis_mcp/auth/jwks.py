"""The public keys of an OAuth issuer: fetched when needed, cached, and seldom fetched again (RFC 7517)."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from engine.setting_values import is_safe_web_address

log = logging.getLogger(__name__)

Fetch = Callable[[], Awaitable[list[dict[str, Any]]]]

KEEP_S = 3_600.0
"""How long the keys are believed without being asked for again."""
STALE_S = 24 * 3_600.0
"""How long they are believed where the issuer cannot be reached."""
PAUSE_S = 60.0
"""At most once in this time the issuer is asked, whatever callers send."""
_KEYS_MAX = 100
_BYTES_MAX = 256 * 1024
_SECONDS = 10
_RSA = ("RS", "PS")


class UnreachableError(Exception):
    """The issuer's keys could not be fetched, so its tokens cannot be verified."""


class KeySet:
    """The issuer's keys by `kid`."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._keys: list[dict[str, Any]] = []
        self._fetched = self._asked = float("-inf")
        self._asking = asyncio.Lock()

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        """The key that `kid` names, fit for `algorithm`; without `kid` the only one that fits. None: there is none.

        Raises UnreachableError.
        """
        found = self._find(kid, algorithm)
        if found is None or self._clock() - self._fetched > KEEP_S:
            await self._refresh()
            found = self._find(kid, algorithm)
        if found is None and self._clock() - self._fetched > STALE_S:
            raise UnreachableError
        return found

    async def _refresh(self) -> None:
        async with self._asking:
            if self._clock() - self._asked < PAUSE_S:
                return
            self._asked = self._clock()
            try:
                self._keys = await self._fetch()
            except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
                log.warning("The OAuth issuer's keys could not be read: %s", type(error).__name__)
                if self._clock() - self._fetched > STALE_S:
                    self._keys = []
            else:
                self._fetched = self._clock()

    def _find(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        fitting = [key for data in self._keys if (key := _fitting(data, kid, algorithm)) is not None]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None


def _fitting(data: dict[str, Any], kid: str | None, algorithm: str) -> jwt.PyJWK | None:
    """`data` as a key for signatures by `algorithm`, if it is one (RFC 7517, 4)."""
    if kid is not None and data.get("kid") != kid:
        return None
    if data.get("use", "sig") != "sig" or "verify" not in data.get("key_ops", ["verify"]):
        return None
    # An RSA key that names no algorithm serves all of them; for the others the curve decides.
    free = data.get("kty") == "RSA" and "alg" not in data and algorithm.startswith(_RSA)
    try:
        key = jwt.PyJWK(data, algorithm if free else None)
    except (jwt.PyJWTError, TypeError, ValueError):
        return None
    return key if key.algorithm_name == algorithm else None


def fetching(issuer: str, jwks: str) -> Fetch:
    """Fetches the keys from `jwks`, or, where that is empty, from where the issuer's metadata says."""

    async def fetch() -> list[dict[str, Any]]:
        async with asyncio.timeout(_SECONDS), httpx.AsyncClient(timeout=_SECONDS) as web:
            url = jwks or str((await metadata(web, issuer, "jwks_uri"))["jwks_uri"])
            keys = (await _document(web, url)).get("keys")
        if not isinstance(keys, list):
            raise ValueError("no key set")  # noqa: TRY004 -- the issuer's mistake, not a caller's
        return [key for key in keys[:_KEYS_MAX] if isinstance(key, dict)]

    return fetch


async def metadata(web: httpx.AsyncClient, issuer: str, *names: str) -> dict[str, Any]:
    """The issuer's metadata, with texts by these names (RFC 8414, 3, or OpenID Connect Discovery, 4).

    Raises httpx.HTTPError, ValueError.
    """
    parts = urlsplit(issuer)
    path = parts.path.rstrip("/")
    places = (
        f"{parts.scheme}://{parts.netloc}/.well-known/oauth-authorization-server{path}",
        f"{issuer.rstrip('/')}/.well-known/openid-configuration",
    )
    for place in places:
        try:
            found = await _document(web, place)
        except (httpx.HTTPStatusError, ValueError):
            continue
        if found.get("issuer") == issuer and all(isinstance(found.get(name), str) for name in names):
            return found
    raise ValueError("no metadata that names the issuer and its keys")


async def _document(web: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """The JSON object at `url`, bounded; redirects are not followed. Raises httpx.HTTPError, ValueError."""
    if not is_safe_web_address(url):
        raise ValueError("neither https nor loopback")
    body = bytearray()
    async with web.stream("GET", url, headers={"Accept": "application/json"}) as response:
        response.raise_for_status()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > _BYTES_MAX:
                raise ValueError("too large")
    try:
        document = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(document, dict):
        raise ValueError("no object")  # noqa: TRY004 -- the issuer's mistake, not a caller's
    return document
