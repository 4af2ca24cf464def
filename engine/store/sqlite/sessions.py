"""Sessions of web pages, and the links that begin them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TypeVar

from engine.model import sessions as model
from engine.store.sqlite.session import Session, Statements
from engine.store.sqlite.unchanged import Unchanged

T = TypeVar("T")

_LINKS_KEPT = timedelta(days=1)
_SESSIONS_KEPT = timedelta(days=30)


@lru_cache(maxsize=256)
def _session(body: str) -> model.LoginSession:
    """A session from its JSON, cached, since each page reads the same one, which is never changed in place."""
    return model.LoginSession.model_validate_json(body)


class Sessions(Session):
    """The part of a unit of work for sessions."""

    async def add_sign_in(self, link: model.SignInLink) -> None:
        await self.run("DELETE FROM sign_in WHERE expires < ?", [(link.created - _LINKS_KEPT).timestamp()])
        await self.run(
            "INSERT INTO sign_in(digest, expires, body) VALUES (?,?,?)",
            [link.digest, link.expires.timestamp(), link.model_dump_json()],
        )

    async def sign_in(self, digest: str) -> model.SignInLink | None:
        row = await self.one("SELECT body FROM sign_in WHERE digest = ?", [digest])
        return model.SignInLink.model_validate_json(row["body"]) if row else None

    async def save_sign_in(self, link: model.SignInLink) -> None:
        await self.run("UPDATE sign_in SET body = ? WHERE digest = ?", [link.model_dump_json(), link.digest])

    async def add_session(self, session: model.LoginSession) -> None:
        await self.run("DELETE FROM session WHERE seen < ?", [(session.created - _SESSIONS_KEPT).timestamp()])
        await self.run(
            "INSERT INTO session(digest, address, seen, open, body) VALUES (?,?,?,?,?)",
            [
                session.digest,
                session.address,
                session.seen.timestamp(),
                session.ended is None,
                session.model_dump_json(),
            ],
        )

    async def session(self, digest: str) -> model.LoginSession | None:
        row = await self.one("SELECT body FROM session WHERE digest = ?", [digest])
        return _session(row["body"]) if row else None

    async def save_session(self, session: model.LoginSession) -> None:
        await self.run(
            "UPDATE session SET seen = ?, open = ?, body = ? WHERE digest = ?",
            [session.seen.timestamp(), session.ended is None, session.model_dump_json(), session.digest],
        )

    async def end_sessions(self, address: str, now: datetime) -> int:
        found = await self.all("SELECT body FROM session WHERE address = ? AND open = 1", [address])
        lasting = [model.LoginSession.model_validate_json(row["body"]) for row in found]
        for session in lasting:
            await self.save_session(session.model_copy(update={"ended": now}))
        return sum(session.lasts(now) for session in lasting)


class SessionAnswers:
    """The store's questions about sessions, on its reading connection."""

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    _unchanged: Unchanged

    async def session(self, digest: str) -> model.LoginSession | None:
        return await self._unchanged.answer(
            ("session", digest), lambda: self._in_loop(lambda s: Sessions(s).session(digest))
        )

    async def sign_in(self, digest: str) -> model.SignInLink | None:
        return await self._in_loop(lambda s: Sessions(s).sign_in(digest))
