"""A unit of work over a snapshot: sessions of web pages, and the links that begin them."""

from __future__ import annotations

from datetime import datetime

from engine.model.sessions import LoginSession, SignInLink
from tests.support.memory.held import HeldUnit


class SessionUnit(HeldUnit):
    """The part of a unit of work that concerns sessions."""

    async def add_sign_in(self, link: SignInLink) -> None:
        self.t.put("sign_in", link.digest, link)

    async def sign_in(self, digest: str) -> SignInLink | None:
        return self.t.get("sign_in", digest)

    async def save_sign_in(self, link: SignInLink) -> None:
        self.t.put("sign_in", link.digest, link)

    async def add_session(self, session: LoginSession) -> None:
        self.t.put("session", session.digest, session)

    async def session(self, digest: str) -> LoginSession | None:
        return self.t.get("session", digest)

    async def save_session(self, session: LoginSession) -> None:
        self.t.put("session", session.digest, session)

    async def end_sessions(self, address: str, now: datetime) -> int:
        found = list(self.t.where("session", lambda s: s.address == address and s.ended is None))
        for session in found:
            self.t.put("session", session.digest, session.model_copy(update={"ended": now}))
        return sum(session.lasts(now) for session in found)
