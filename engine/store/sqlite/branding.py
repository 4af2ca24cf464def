"""The branding of an installation and its organizers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import TypeVar

from engine.model.branding import Branding
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")


class Brandings(Session):
    """The part of a unit of work, and of the questions, for branding."""

    async def branding(self, scope: str) -> Branding | None:
        row = await self.one("SELECT body FROM branding WHERE scope = ?", [scope])
        return Branding.model_validate_json(row["body"]) if row else None

    async def save_branding(self, branding: Branding) -> None:
        await self.run(
            "INSERT INTO branding(scope, body) VALUES (?,?) ON CONFLICT(scope) DO UPDATE SET body = excluded.body",
            [branding.scope, branding.model_dump_json()],
        )

    async def drop_branding(self, scope: str) -> None:
        await self.run("DELETE FROM branding WHERE scope = ?", [scope])


class BrandingAnswers:
    """The store's questions about branding."""

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def branding(self, scope: str) -> Branding | None:
        return await self._in_loop(lambda s: Brandings(s).branding(scope))
