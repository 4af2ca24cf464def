"""Callers who are signed in: the cookie of a session, and its caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from cis_mcp.auth.callers import Caller, TokenRefused
from cis_mcp.auth.keys import KeyAuthenticator
from engine.commands.signing_in import UseSession, digest
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.sessions import NOTED_EVERY, LoginSession, SignedInAs
from engine.settings import Settings

_NAME = "cis-session"
_SECRET_MAX = 100
POLLING = "x-polling"
"""The header of a request that a page makes by itself to show what moves: nobody uses the session by that."""


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds a cookie to this very host and to HTTPS (RFC 6265bis, 4.1.3); plain HTTP has no such thing."""
    return _named(settings.public_url)


@lru_cache(maxsize=16)
def _named(public_url: str) -> str:
    return f"__Host-{_NAME}" if public_url.lower().startswith("https://") else _NAME


def cookie(settings: Settings, secret: str) -> str:
    """The Set-Cookie header that hands the secret out; an empty one takes it away."""
    secure = "; Secure" if cookie_name(settings).startswith("__Host-") else ""
    gone = "" if secret else "; Max-Age=0"
    return f"{cookie_name(settings)}={secret}; Path=/; HttpOnly; SameSite=Lax{secure}{gone}"


def secret_in(settings: Settings, headers: Mapping[str, str]) -> str:
    """The secret in a request's cookies; empty if there is none."""
    # Python's own parser undoes quotes in a time that grows with the square of their number; ours has none.
    wanted = cookie_name(settings)
    for pair in headers.get("cookie", "").split(";"):
        name, _, value = pair.partition("=")
        if name.strip() == wanted:
            value = value.strip()
            return value if len(value) <= _SECRET_MAX else ""
    return ""


class SessionAuthenticator:
    """Finds the caller of a session."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Whose session the cookie names; None if it names none that lasts."""
        secret = secret_in(self._engine.settings, headers)
        if not secret:
            return None
        session = await self._engine.session(digest(secret))
        if session is None:
            return None
        caller = await self._of(session)
        if caller is None:
            return None
        if POLLING not in headers and self._engine.clock() - session.seen >= NOTED_EVERY:
            await self._engine.apply(UseSession(digest=session.digest), SYSTEM)
        return _at_pages(caller, session.digest, session.address, session.chosen)

    async def _of(self, session: LoginSession) -> Caller | None:
        """Whom the session stands for as things are now: it ends with what it came from."""
        if session.signed_in is SignedInAs.TOKEN:
            return await self._by_token(session)
        key = await self._engine.key_of_session(session)
        if session.signed_in is SignedInAs.KEY and key is None:
            return None
        actor = key.actor if key else _actor(session.signed_in, session.address)
        return Caller(actor, "", session.address, "", read_only=bool(key and key.read_only))

    async def _by_token(self, session: LoginSession) -> Caller | None:
        """Whoever signed in by a token, within the bounds of its subject; None once those have ended."""
        settings = self._engine.settings
        if session.issuer != settings.oauth_issuer or not settings.may_organize(session.address):
            return None
        actor = Actor(kind="agent", address=session.address, scopes=session.scopes)
        caller = Caller(actor, "", session.subject, "", issuer=session.issuer)
        try:
            found = await KeyAuthenticator(self._engine).within_bounds(caller)
        except TokenRefused:
            return None
        return None if found.tier or found.tools else found


@lru_cache(maxsize=256)
def _at_pages(caller: Caller, session: str, address: str, chosen: str) -> Caller:
    """The same as they come by a session; made once for all their pages."""
    key = f"session:{session}"
    return replace(caller, key=key, subject=address, token="", by_cookie=True, chosen=chosen)


@lru_cache(maxsize=256)
def _actor(signed_in: SignedInAs, address: str) -> Actor:
    kind = {SignedInAs.OPERATOR: "local", SignedInAs.MAILBOX: "organizer"}[signed_in]
    return Actor.model_validate({"kind": kind, "address": address})
