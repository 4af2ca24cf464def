"""The store's questions about pages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Coroutine
from typing import TypeVar

from engine.model.branding import Branding
from engine.model.events import Event
from engine.model.pages import Page, PageRequest
from engine.store.sqlite.in_loop_reader import InLoopReader
from engine.store.sqlite.organizer_profiles import OrganizerProfiles
from engine.store.sqlite.pages import Pages
from engine.store.sqlite.pictures import Pictures
from engine.store.sqlite.session import Statements
from engine.store.sqlite.unchanged import Unchanged

T = TypeVar("T")


async def written_mark(statements: Statements) -> int:
    """SQLite's counter of commits by other connections; for a connection that only reads, of all commits."""
    (row,) = await statements.execute_fetchall("PRAGMA data_version")
    return int(row[0])


class PageQuestions:
    """The store's questions about pages; those of each visit are read without a thread."""

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    @abstractmethod
    async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def page(self, slug: str) -> Page | None:
        return await self._in_loop(lambda s: Pages(s).page(slug))

    async def pages(self, organizer: str | None, limit: int) -> list[Page]:
        return await self._in_loop(lambda s: Pages(s).pages(organizer, limit))

    _unchanged: Unchanged

    async def shown_revision(self, organizer: str) -> tuple[int, str, tuple[Branding, ...]]:
        return await self._unchanged.answer(
            ("shown", organizer), lambda: self._in_loop(lambda s: Pages(s).shown_revision(organizer))
        )

    async def organizer_language(self, organizer: str) -> str:
        return await self._in_loop(lambda s: OrganizerProfiles(s).organizer_language(organizer))

    _loop_reader: InLoopReader

    async def written_mark(self) -> int:
        mark = self._loop_reader.written_mark()
        return await self._in_loop(written_mark) if mark is None else mark

    async def places_taken_of(self, uids: Collection[str]) -> dict[str, int]:
        return await self._in_loop(lambda s: Pages(s).places_taken_of(uids))

    async def events_of(self, organizer: str, limit: int) -> list[Event]:
        return await self._in_thread(lambda s: Pages(s).events_of(organizer, limit))

    async def picture_content(self, name: str) -> bytes | None:
        return await self._in_thread(lambda s: Pictures(s).picture_content(name))

    async def page_request(self, code: str) -> PageRequest | None:
        return await self._in_loop(lambda s: Pages(s).page_request(code))
