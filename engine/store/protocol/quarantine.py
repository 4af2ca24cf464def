"""Raw mails that changed nothing, and the room that they take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.counters import KeptMail, KeptSums


class KeptMails(Protocol):
    """The part of a unit of work that counts raw mails that are kept."""

    async def keep_mail(self, mail: KeptMail) -> None:
        """Count a raw mail; harmless to repeat."""
        ...

    async def forget_mails(self, mails: Collection[str], *, dropped: bool = False) -> None:
        """Count raw mails no longer; `dropped`: they were deleted to make room."""
        ...


class Quarantine(Protocol):
    """What those who clean up ask of the store."""

    async def kept_sums(self) -> KeptSums:
        """How many mails and bytes are kept, and how many were deleted to make room since the beginning."""
        ...

    async def first_to_go(self, limit: int, now: datetime, share_max: int | None = None) -> list[KeptMail]:
        """The oldest mails of one sender, without those that may still be confirmed.

        Of a sender who takes more than `share_max` bytes, else of the unproven one who takes most, then of a proven
        one; without `share_max` of unproven ones only.
        """
        ...

    async def waiting_before(self, before: datetime, limit: int, now: datetime) -> list[str]:
        """Mails in quarantine since before that moment, without those that may still be confirmed."""
        ...

    async def events_of_mails(self, mails: Collection[str]) -> dict[str, datetime | None]:
        """Of `mails` those that made or changed an event, with its end, the last of several; None: it never ends."""
        ...

    async def not_kept(self, mails: Sequence[str]) -> list[str]:
        """Those of `mails` that are not counted yet."""
        ...
