"""OAuth 2.1 resource server: accepts JWTs that one issuer made for this server (RFC 9068, RFC 8725)."""

from __future__ import annotations

from typing import Any

import jwt

from cis_mcp.auth.callers import Caller, TokenRefused, resource_url
from cis_mcp.auth.jwks import KeySet, UnreachableError, fetching
from engine.commands import text
from engine.model.actors import Actor
from engine.model.verbs import NAMES, SCOPES
from engine.refusals import Refused
from engine.settings import Settings

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Signatures with a public key alone; never `none`, never one with a shared secret (RFC 8725, 3.1)."""
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})
"""Of access tokens; a logout or DPoP token of the same issuer is none (RFC 8725, 3.11)."""
_LEEWAY_S = 30
_PREFIX = "cis:"
_UNREACHABLE = "the keys of the authorization server cannot be reached; try again soon"


class TokenAuthenticator:
    """Checks signature, issuer, audience and times of a token, and finds the address it acts for."""

    def __init__(self, settings: Settings, keys: KeySet) -> None:
        self._settings = settings
        self._audience = settings.oauth_audience or resource_url(settings.public_url)
        self._keys = keys

    @classmethod
    def of(cls, settings: Settings) -> TokenAuthenticator:
        """The verifier of the issuer that `settings` name."""
        return cls(settings, KeySet(fetching(settings.oauth_issuer, settings.oauth_jwks)))

    async def caller(self, token: str) -> Caller | None:
        """Who bears `token`; None if it is not genuine. Raises TokenRefused if it is, and lets no one in."""
        try:
            claims = await self._claims(token)
        except UnreachableError:
            raise TokenRefused(_UNREACHABLE, status=503, error="temporarily_unavailable") from None
        return None if claims is None else self._bearer(token, claims)

    async def _claims(self, token: str) -> dict[str, Any] | None:
        try:
            header = jwt.get_unverified_header(token)
            algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
            if algorithm not in ALGORITHMS or not isinstance(kind, str) or kind.lower() not in _TYPES:
                return None
            key = await self._keys.key(kid, algorithm)
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._settings.oauth_issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            return None
        # A token that is bound to a key of its client proves nothing by itself (RFC 7800).
        return None if "cnf" in claims else claims

    def _bearer(self, token: str, claims: dict[str, Any]) -> Caller:
        scopes = scopes_of(claims)
        if not scopes:
            raise TokenRefused("the token has none of this server's scopes", SCOPES)
        actor = Actor(kind="agent", address=self._address(claims), scopes=scopes)
        return Caller(actor, _client(claims), str(claims["sub"]), token, issuer=claims["iss"])

    def _address(self, claims: dict[str, Any]) -> str:
        """Whom the token acts for: an address that it holds, proven and among `CIS_ORGANIZERS`; or TokenRefused."""
        name = self._settings.oauth_claim
        value = claims.get(name)
        if not isinstance(value, str) or not value:
            raise TokenRefused(f"the token has no claim {name} that holds an email address")
        if name == "email" and claims.get("email_verified") is not True:
            raise TokenRefused("the token does not say that its email address is verified")
        try:
            address = text.address(value)
        except Refused:
            raise TokenRefused(f"the claim {name} holds no email address") from None
        if not self._settings.may_organize(address):
            raise TokenRefused("its address is not among CIS_ORGANIZERS")
        return address


def scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """Our scopes among those of a token: `scope` (RFC 8693, 4.2) or `scp`, each plain or as `cis:read`."""
    given = claims.get("scope", claims.get("scp", ""))
    words = given.split() if isinstance(given, str) else given if isinstance(given, list) else []
    names = {word.removeprefix(_PREFIX) for word in words if isinstance(word, str)}
    return frozenset(names & NAMES)


def _client(claims: dict[str, Any]) -> str:
    return str(claims.get("client_id") or claims.get("azp") or claims["sub"])
