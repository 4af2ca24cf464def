"""Who asks over HTTP: bearer keys made with `cis-mcp key create`."""

from __future__ import annotations

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl

from engine.commands.operators import digest
from engine.engine import Engine
from engine.model import Actor
from engine.refusals import Code, Refused

_KEY_MAX = 200


class KeyToken(AccessToken):
    """A key that was let in, and whom it acts for."""

    actor: Actor


class KeyVerifier(TokenVerifier):
    """Lets in the keys that the engine knows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def verify_token(self, token: str) -> AccessToken | None:
        """The key as a token, or None where it is unknown or revoked."""
        actor = await self._engine.actor_of_key(token) if len(token) <= _KEY_MAX else None
        if actor is None:
            return None
        return KeyToken(
            token=token,
            # Sessions belong to a key, not to an address: two keys may differ in scopes.
            client_id=digest(token),
            subject=actor.address,
            scopes=sorted(actor.scopes),
            actor=actor,
        )


def auth_settings(public_url: str) -> AuthSettings:
    """The SDK's settings for keys alone: no authorization server stands behind them."""
    return AuthSettings(
        issuer_url=AnyHttpUrl(public_url), resource_server_url=None, validate_token_resource=False
    )


def caller() -> Actor:
    """The actor of the key that the current request carries; raises Refused(NOT_ALLOWED) without one."""
    token = get_access_token()
    if not isinstance(token, KeyToken):
        raise Refused(Code.NOT_ALLOWED, "This request carries no key.", "Send it as a bearer token.")
    return token.actor
