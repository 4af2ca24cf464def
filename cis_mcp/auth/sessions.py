"""Callers who are signed in: the cookie of a session, and whom it stands for."""

from __future__ import annotations

from collections.abc import Mapping

from cis_mcp.auth.callers import Caller
from engine.commands.signing_in import UseSession, digest
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.sessions import NOTED_EVERY, LoginSession, SignedInAs
from engine.settings import Settings

_NAME = "cis-session"
_SECRET_MAX = 100


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds a cookie to this very host and to HTTPS (RFC 6265bis, 4.1.3); plain HTTP has no such thing."""
    return f"__Host-{_NAME}" if settings.public_url.lower().startswith("https://") else _NAME


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
    """Finds who is signed in."""

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
        key = await self._engine.key_of_session(session)
        if session.signed_in is SignedInAs.KEY and key is None:
            return None
        actor = key.actor if key else _actor(session)
        if self._engine.clock() - session.seen >= NOTED_EVERY:
            await self._engine.apply(UseSession(digest=session.digest), SYSTEM)
        return Caller(
            actor=actor,
            key=f"session:{session.digest}",
            subject=session.address,
            token="",
            read_only=bool(key and key.read_only),
            by_cookie=True,
        )


def _actor(session: LoginSession) -> Actor:
    kind = {SignedInAs.OPERATOR: "local", SignedInAs.MAILBOX: "organizer"}[session.signed_in]
    return Actor.model_validate({"kind": kind, "address": session.address})
