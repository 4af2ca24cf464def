"""Questions of the inbox and its operators: a few rows each, read in the reader's thread."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import aiosqlite

from engine.model.confirmations import Confirmation
from engine.model.counters import Intake, KeptMail, KeptSums
from engine.model.events import Event
from engine.model.suppressions import Suppression
from engine.store.sqlite.confirmations import Confirmations
from engine.store.sqlite.day_limit import DayLimit
from engine.store.sqlite.events import Events
from engine.store.sqlite.proofs import Proofs
from engine.store.sqlite.quarantine import Quarantine
from engine.store.sqlite.requests import Requests
from engine.store.sqlite.suppressions import SuppressionList


class InboxQuestions:
    """Questions about waiting mails, their proofs, registered organizers, and addresses that accept no mail."""

    _reader: aiosqlite.Connection

    async def single_dates(self, organizer: str, source_uid: str, limit: int) -> list[Event]:
        return await Events(self._reader).single_dates(organizer, source_uid, limit)

    async def left_today(self, limit: int, now: datetime) -> int:
        return await DayLimit(self._reader).left_today(limit, now)

    async def old_requests(self, before: datetime, after: Intake | None, limit: int) -> list[Intake]:
        return await Requests(self._reader).old_requests(before, after, limit)

    async def suppressions(
        self, organizer: str | None, limit: int, after: tuple[str, str] | None = None
    ) -> list[Suppression]:
        return await SuppressionList(self._reader).suppressions(organizer, limit, after)

    async def suppressions_of(self, organizer: str | None, targets: Collection[str]) -> list[Suppression]:
        return await SuppressionList(self._reader).suppressions_of(organizer, targets)

    async def confirmation(self, code: str) -> Confirmation | None:
        return await Confirmations(self._reader).confirmation(code)

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        return await Confirmations(self._reader).registrations(address, limit)

    async def registered(self, organizer: str) -> bool:
        return await Events(self._reader).registered(organizer)

    async def proven_since(self, now: datetime, limit: int) -> list[Confirmation]:
        return await Confirmations(self._reader).proven_since(now, limit)

    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool:
        return await Proofs(self._reader).knows_proof(organizer, proofs, before)

    async def kept_sums(self) -> KeptSums:
        return await Quarantine(self._reader).kept_sums()

    async def first_to_go(self, limit: int, now: datetime, share_max: int | None = None) -> list[KeptMail]:
        return await Quarantine(self._reader).first_to_go(limit, now, share_max)

    async def waiting_before(self, before: datetime, limit: int, now: datetime) -> list[str]:
        return await Quarantine(self._reader).waiting_before(before, limit, now)

    async def events_of_mails(self, mails: Collection[str]) -> dict[str, datetime | None]:
        return await Quarantine(self._reader).events_of_mails(mails)

    async def not_kept(self, mails: Sequence[str]) -> list[str]:
        return await Quarantine(self._reader).not_kept(mails)
