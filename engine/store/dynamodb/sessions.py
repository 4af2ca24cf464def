"""Sessions of web pages, and sign-in links, both stored under the hash of their secret."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.model.base import Value
from engine.model.sessions import LoginSession, SignInLink
from engine.store.dynamodb.names import moment
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"
_LINKS_KEPT, _SESSIONS_KEPT = timedelta(days=1), timedelta(days=30)
_DROPPED_AT_ONCE = 20


class KeptSession(Value):
    """A session, and the round of its address in which it began."""

    session: LoginSession
    round: int = 0


class Round(Value):
    """The current round of an address: all its sessions that began in an earlier round are ended."""

    address: str
    round: int
    began: datetime


LINKS = KindTable[SignInLink](
    "sign-in",
    SignInLink,
    key=lambda link: (link.digest,),
    indexes={"expires": lambda link: [(_ALL, moment(link.expires))]},
)
SESSIONS = KindTable[KeptSession](
    "session",
    KeptSession,
    key=lambda kept: (kept.session.digest,),
    indexes={
        "seen": lambda kept: [(_ALL, moment(kept.session.seen))],
        "open": lambda kept: [] if kept.session.ended else [(kept.session.address, "")],
    },
)
ROUNDS = KindTable[Round]("session-round", Round, key=lambda one: (one.address,))


class SessionQuestions(ReadSession):
    """Questions about sessions."""

    async def sign_in(self, digest: str) -> SignInLink | None:
        """The link whose code has this hash, or None."""
        return await self.rows.get(LINKS, digest)

    async def session(self, digest: str) -> LoginSession | None:
        """The session whose secret has this hash, or None."""
        kept = await self.rows.get(SESSIONS, digest)
        if kept is None:
            return None
        last = await self.rows.get(ROUNDS, kept.session.address)
        return now_as(kept, last)


class Sessions(SessionQuestions, UnitSession):
    """Changes of sessions in a unit of work."""

    async def add_sign_in(self, link: SignInLink) -> None:
        """Add a link; those that expired more than a day before are deleted."""
        before = moment(link.created - _LINKS_KEPT)
        old = await self.rows.by(LINKS, "expires", _ALL, before=before, limit=_DROPPED_AT_ONCE)
        self.rows.expire(LINKS, old)
        await self.rows.put(LINKS, link)

    async def save_sign_in(self, link: SignInLink) -> None:
        """Replace a link."""
        await self.rows.put(LINKS, link)

    async def add_session(self, session: LoginSession) -> None:
        """Add a session; those unused for a month are deleted."""
        before = moment(session.created - _SESSIONS_KEPT)
        old = await self.rows.by(SESSIONS, "seen", _ALL, before=before, limit=_DROPPED_AT_ONCE)
        self.rows.expire(SESSIONS, old)
        last = await self.rows.get(ROUNDS, session.address)
        await self.rows.put(SESSIONS, KeptSession(session=session, round=last.round if last else 0))

    async def save_session(self, session: LoginSession) -> None:
        """Replace a session."""
        kept = await self.rows.get(SESSIONS, session.digest)
        if kept:
            await self.rows.put(SESSIONS, kept.model_copy(update={"session": session}))

    async def end_sessions(self, address: str, now: datetime) -> int:
        """End all open sessions of an address, and return how many there were."""
        last = await self.rows.get(ROUNDS, address)
        kept = await self.rows.by(SESSIONS, "open", address)
        await self.rows.put(ROUNDS, Round(address=address, round=last.round + 1 if last else 1, began=now))
        return sum(now_as(one, last).lasts(now) for one in kept)


def now_as(kept: KeptSession, last: Round | None) -> LoginSession:
    """A session, marked as ended if all of its address's were ended."""
    if last is None or kept.round >= last.round or kept.session.ended:
        return kept.session
    return kept.session.model_copy(update={"ended": last.began})
