"""The do-not-mail list that a mail service keeps for its account: read into ours before mail is claimed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from pydantic import ValidationError

from engine.model.base import Value
from engine.model.suppressions import Suppression, SuppressionCause
from engine.observe.logs import discreet
from engine.outbox.sending import Sends
from engine.outbox.transport import Rejected

if TYPE_CHECKING:
    from engine.engine import Engine

log = logging.getLogger(__name__)

_READ_AGAIN = timedelta(minutes=10)
_AFTER_FAILURE = timedelta(minutes=1)
_OVERLAP = timedelta(hours=1)
"""How far back a later reading begins: what the service lists late is not passed over."""
_PAGE_S = 1.0
"""Seconds between two pages: SES allows one such call a second."""


@dataclass(frozen=True, slots=True)
class ListedAddress:
    """An address on the service's list, since `at`."""

    address: str
    complained: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of the list; `following` names the next one, and is empty at the end."""

    entries: Sequence[ListedAddress]
    following: str = ""


@runtime_checkable
class ListingTransport(Protocol):
    """A transport whose service keeps a do-not-mail list of its own; `list_name` identifies it."""

    list_name: str

    async def listed(self, since: datetime | None, page: str) -> ListedPage:
        """What came onto the list since then. Raises Rejected if the service does not say."""
        ...


class _Read(Value):
    """When the list was last read to its end."""

    at: datetime


class AccountList:
    """Reads the list whole once, and then what is new, every ten minutes; other processes see that from a file.

    Where the service does not say, mail goes all the same: the service itself holds back what is on its list.
    """

    def __init__(self, service: ListingTransport, engine: Engine, *, page_s: float = _PAGE_S) -> None:
        self._service = service
        self._engine = engine
        self._page_s = page_s
        self._path = engine.settings.data_dir / f"{service.list_name}.json"
        self._next: datetime | None = None
        self._reading: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, transport: object, engine: Sends) -> AccountList | None:
        """None for a transport without such a list; with one, the engine must be a whole one."""
        return cls(transport, cast("Engine", engine)) if isinstance(transport, ListingTransport) else None

    async def fresh(self) -> None:
        """Return once the list is no older than ten minutes, or cannot be read."""
        now = self._engine.clock()
        if self._next is None or not self._next - _READ_AGAIN <= now < self._next:
            self._reading = asyncio.create_task(self._read(now))
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.result()

    def stop(self) -> None:
        """Give up a reading that is under way."""
        if self._reading:
            self._reading.cancel()

    async def _read(self, now: datetime) -> None:
        self._next = now + _AFTER_FAILURE
        before = await asyncio.to_thread(_last, self._path)
        if before is None or not before <= now < before + _READ_AGAIN:
            try:
                await self._take(None if before is None else min(before, now) - _OVERLAP)
            except Rejected as rejected:
                reply = discreet(rejected.answer)[:200]
                log.warning("the do-not-mail list of the mail service could not be read: %s", reply)
                return
            before = now
            await asyncio.to_thread(_note, self._path, now)
        self._next = before + _READ_AGAIN

    async def _take(self, since: datetime | None) -> None:
        # What makes commands is imported for no other way out.
        from engine.commands.invites.suppressing import SuppressOfService
        from engine.engine import SYSTEM

        added, page, size = 0, "", self._engine.store.items_per_unit
        while True:
            found = await self._service.listed(since, page)
            entries = [_entry(one) for one in found.entries]
            for first in range(0, len(entries), size):
                command = SuppressOfService(entries=tuple(entries[first : first + size]))
                added += (await self._engine.apply(command, SYSTEM)).added
            page = found.following
            if not page:
                break
            await asyncio.sleep(self._page_s)
        if added:
            log.info("%d addresses of the mail service's do-not-mail list are on ours now", added)


def _entry(one: ListedAddress) -> Suppression:
    cause = SuppressionCause.COMPLAINED if one.complained else SuppressionCause.BOUNCED
    return Suppression(
        target=one.address, organizer="", reason=f"{cause}: on the list of the account", at=one.at
    )


def _last(path: Path) -> datetime | None:
    try:
        return _Read.model_validate_json(path.read_bytes()).at
    except (FileNotFoundError, ValidationError):
        return None


def _note(path: Path, at: datetime) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(_Read(at=at).model_dump_json())
    temporary.replace(path)
