"""Bearer keys made with `cis-mcp key create`, and tokens of an OAuth issuer beside them."""

from __future__ import annotations

from dataclasses import replace

from cis_mcp.auth.callers import Caller, CallerAuthenticator, TokenRefused
from engine.commands.agents.keys import KEY_PREFIX, digest
from engine.engine import Engine
from engine.model.keys import Key

_TOKEN_MAX = 8_192
"""Characters of a token; a key has some 50, a JWT seldom more than 2,000."""


class KeyAuthenticator:
    """Lets in the keys that the engine knows, and what `tokens`, if given, lets in."""

    def __init__(self, engine: Engine, tokens: CallerAuthenticator | None = None) -> None:
        self._engine = engine
        self._tokens = tokens

    async def caller(self, token: str) -> Caller | None:
        """Who bears `token`; None if it is unknown, revoked, expired or not meant for this server.

        Raises TokenRefused.
        """
        if len(token) > _TOKEN_MAX:
            return None
        if token.startswith(KEY_PREFIX) or self._tokens is None:
            key = await self._engine.key_of(token)
            return None if key is None else _let_in(token, key)
        caller = await self._tokens.caller(token)
        return None if caller is None else await self.within_bounds(caller)

    async def within_bounds(self, caller: Caller) -> Caller:
        """A token's bearer, within the bounds that were made for its subject, if any. Raises TokenRefused."""
        key = await self._engine.key_of_subject(caller.issuer, caller.subject)
        if key is None:
            return self._unlisted(caller)
        key = await self._engine.in_force(key)
        if key is None or key.address != caller.actor.address:
            raise TokenRefused("the bounds of this subject have ended, or are for another address")
        verbs = frozenset(caller.actor.verbs & key.actor.verbs)
        actor = key.actor.model_copy(update={"scopes": verbs})
        return replace(
            caller,
            actor=actor,
            tier=key.tier,
            tools=key.tools,
            read_only=key.read_only,
            grantable=frozenset(key.actor.verbs),
        )

    def _unlisted(self, caller: Caller) -> Caller:
        """The bearer of a token for whose subject nobody has made bounds. Raises TokenRefused."""
        if self._engine.settings.oauth_subjects == "listed":
            raise TokenRefused("no bounds were made for this subject", error="access_denied")
        return caller


def _let_in(token: str, key: Key) -> Caller:
    return Caller(
        actor=key.actor,
        key=digest(token),
        subject=key.address,
        token=token,
        tier=key.tier,
        tools=key.tools,
        read_only=key.read_only,
        api=key.api,
    )


def authenticator(engine: Engine) -> CallerAuthenticator:
    """Keys, and tokens of `CIS_OAUTH_ISSUER` if it is set."""
    if not engine.settings.oauth_issuer:
        return KeyAuthenticator(engine)
    # PyJWT and its cryptography are needed with an issuer alone.
    from cis_mcp.auth.oauth import TokenAuthenticator

    return KeyAuthenticator(engine, TokenAuthenticator.of(engine.settings))
