"""Sessions of web pages, and the links that begin them; both under the hash of their secret."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.model.sessions import LoginSession, SignInLink
from engine.store.dynamodb.names import moment
from engine.store.dynamodb.rows import Table
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"
_LINKS_KEPT, _SESSIONS_KEPT = timedelta(days=1), timedelta(days=30)
_DROPPED_AT_ONCE = 20

LINKS = Table[SignInLink](
    "sign-in",
    SignInLink,
    key=lambda link: (link.digest,),
    indexes={"expires": lambda link: [(_ALL, moment(link.expires))]},
)
SESSIONS = Table[LoginSession](
    "session",
    LoginSession,
    key=lambda session: (session.digest,),
    indexes={
        "seen": lambda session: [(_ALL, moment(session.seen))],
        "open": lambda session: [] if session.ended else [(session.address, "")],
    },
)


class SessionQuestions(ReadSession):
    """Sessions as they are read."""

    async def sign_in(self, digest: str) -> SignInLink | None:
        """The link whose code has this hash, or None."""
        return await self.rows.get(LINKS, digest)

    async def session(self, digest: str) -> LoginSession | None:
        """The session whose secret has this hash, or None."""
        return await self.rows.get(SESSIONS, digest)


class Sessions(SessionQuestions, UnitSession):
    """Sessions as a unit of work changes them."""

    async def add_sign_in(self, link: SignInLink) -> None:
        """Add a link; those that expired more than a day before it was made are forgotten."""
        before = moment(link.created - _LINKS_KEPT)
        for old in await self.rows.by(LINKS, "expires", _ALL, before=before, limit=_DROPPED_AT_ONCE):
            await self.rows.drop(LINKS, old.digest)
        await self.rows.put(LINKS, link)

    async def save_sign_in(self, link: SignInLink) -> None:
        """Replace a link."""
        await self.rows.put(LINKS, link)

    async def add_session(self, session: LoginSession) -> None:
        """Add a session; those that were not in use for a month before are forgotten."""
        before = moment(session.created - _SESSIONS_KEPT)
        for old in await self.rows.by(SESSIONS, "seen", _ALL, before=before, limit=_DROPPED_AT_ONCE):
            await self.rows.drop(SESSIONS, old.digest)
        await self.rows.put(SESSIONS, session)

    async def save_session(self, session: LoginSession) -> None:
        """Replace a session."""
        await self.rows.put(SESSIONS, session)

    async def end_sessions(self, address: str, now: datetime) -> int:
        """End all sessions of an address that last; how many there were."""
        found = await self.rows.by(SESSIONS, "open", address, limit=_DROPPED_AT_ONCE)
        for session in found:
            await self.save_session(session.model_copy(update={"ended": now}))
        return sum(session.lasts(now) for session in found)
