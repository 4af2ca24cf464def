"""Sign-in at the OAuth issuer: an authorization code with PKCE, bound to the browser that asked (RFC 9700)."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from cis_mcp.auth.callers import Caller, TokenRefused, resource_url
from cis_mcp.auth.jwks import metadata
from cis_mcp.auth.keys import authenticator
from engine.engine import Engine
from engine.model.verbs import SCOPES
from engine.refusals import Code, Refused
from engine.setting_values import is_safe_web_address
from engine.settings import Settings

BACK = "/console/signin/oauth/back"
LASTS_S = 600
_WORD = 48
_SECONDS = 10
_BYTES_MAX = 64 * 1024
_GIVEN_MAX = 4_096
_NAME = "cis-oauth"


@dataclass(frozen=True)
class StartedAuthorization:
    """Where a browser is sent to, and the cookie that it brings back."""

    url: str
    cookie: str


class CodeFlow:
    """Signs people in where `CIS_OAUTH_CLIENT` names this server at the issuer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def begin(self) -> StartedAuthorization:
        """Where the issuer asks the person. Raises Refused: NOT_ALLOWED."""
        endpoint = await self._endpoint("authorization_endpoint")
        settings = self._engine.settings
        # Both stay in a cookie of this host alone; the issuer sees the state, and of the verifier its hash.
        state, verifier = (self._engine.randomness.word(_WORD) for _ in range(2))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": settings.oauth_client,
            "redirect_uri": _back(settings),
            "scope": " ".join(("openid", "email", *SCOPES)),
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": settings.oauth_audience or resource_url(settings.public_url),
        }
        sign = "&" if "?" in endpoint else "?"
        return StartedAuthorization(
            f"{endpoint}{sign}{urlencode(asked)}", _cookie(settings, f"{state}.{verifier}", LASTS_S)
        )

    async def finish(self, headers: Mapping[str, str], given: Mapping[str, str]) -> Caller:
        """Whom the issuer sent back, as a program with the same token would be. Raises Refused: NOT_ALLOWED."""
        settings = self._engine.settings
        state, _, verifier = _kept(settings, headers).partition(".")
        if not verifier or not hmac.compare_digest(state.encode(), given.get("state", "").encode()):
            raise _no("This sign-in was not begun in this browser, or took too long.")
        if given.get("iss", settings.oauth_issuer) != settings.oauth_issuer:
            raise _no("Another issuer answered than the one that was asked (RFC 9207).")
        code = given.get("code", "")
        if given.get("error") or not 0 < len(code) <= _GIVEN_MAX:
            raise _no("The issuer did not sign you in.")
        return await self._caller(await self._token(code, verifier))

    async def _token(self, code: str, verifier: str) -> str:
        settings = self._engine.settings
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": _back(settings),
            "client_id": settings.oauth_client,
            "code_verifier": verifier,
            "resource": settings.oauth_audience or resource_url(settings.public_url),
        }
        secret = settings.oauth_client_secret.get_secret_value()
        auth = httpx.BasicAuth(settings.oauth_client, secret) if secret else None
        answer = await _posted(await self._endpoint("token_endpoint"), asked, auth)
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise _no("The issuer did not sign you in.")
        return token

    async def _caller(self, token: str) -> Caller:
        try:
            caller = await authenticator(self._engine).caller(token)
        except TokenRefused as why:
            raise _no(f"The issuer knows you, and {why.description}.") from None
        if caller is None:
            raise _no("The issuer's token is not for this server.")
        if caller.api or caller.tier or caller.tools:
            raise _no("Your bounds are narrowed to some tools, and sign nobody in.")
        return caller

    async def _endpoint(self, name: str) -> str:
        """An address that the issuer's metadata names. Raises Refused: NOT_ALLOWED."""
        if not self._engine.settings.oauth_client:
            raise _no("Nobody signs in by OAuth here.")
        try:
            async with asyncio.timeout(_SECONDS), httpx.AsyncClient(timeout=_SECONDS) as web:
                found = (await metadata(web, self._engine.settings.oauth_issuer)).get(name)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            raise _no("The issuer cannot be reached.") from None
        if not isinstance(found, str) or not is_safe_web_address(found):
            raise _no("The issuer does not say where people sign in.")
        return found


def gone(settings: Settings) -> str:
    """The Set-Cookie header that takes the cookie of a sign-in away."""
    return _cookie(settings, "", 0)


def _no(why: str) -> Refused:
    return Refused(Code.NOT_ALLOWED, why, "Begin again, or sign in by mail.")


def _back(settings: Settings) -> str:
    return f"{settings.public_url.rstrip('/')}{BACK}"


def _cookie(settings: Settings, value: str, lasts_s: int) -> str:
    secure = settings.public_url.lower().startswith("https://")
    name = f"__Host-{_NAME}" if secure else _NAME
    return f"{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={lasts_s}{'; Secure' if secure else ''}"


def _kept(settings: Settings, headers: Mapping[str, str]) -> str:
    wanted = _cookie(settings, "", 0).partition("=")[0]
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted:
            return value if len(value) <= _WORD * 3 else ""
    return ""


async def _posted(url: str, asked: Mapping[str, str], auth: httpx.BasicAuth | None) -> dict[str, Any]:
    """The JSON object that answers a form, bounded. Raises Refused: NOT_ALLOWED."""
    body = bytearray()
    try:
        async with (
            asyncio.timeout(_SECONDS),
            httpx.AsyncClient(timeout=_SECONDS) as web,
            web.stream(
                "POST", url, data=dict(asked), auth=auth, headers={"Accept": "application/json"}
            ) as answer,
        ):
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _BYTES_MAX:
                    raise _no("The issuer's answer is too long.")
        found = json.loads(body) if answer.status_code == httpx.codes.OK else {}
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError):
        raise _no("The issuer cannot be reached.") from None
    return found if isinstance(found, dict) else {}
