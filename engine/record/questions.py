"""Queries about an engine's record: its signed head, its verification, its export."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime

from engine.model.record import Head
from engine.record import heads
from engine.record.exporting import exported, old_lines
from engine.record.signing import HeadSigner
from engine.record.verifying import Verified, verify
from engine.settings import Settings
from engine.store.protocol import Store


class Recorded:
    """The part of an engine that answers queries about its record."""

    settings: Settings
    store: Store
    clock: Callable[[], datetime]
    signer: HeadSigner

    async def signed_head(self) -> str:
        """The signed note of the record's head, against which the record can be checked later.

        It is also stored beside the database. Raises OSError, and Refused(INVALID_ARGUMENT) for a broken key file.
        """
        head = await self.store.record_head()
        return await asyncio.to_thread(self._sign, head, self.clock())

    def _sign(self, head: Head, now: datetime) -> str:
        note = self.signer.note(head, now)
        heads.keep_head(self.settings.data_dir, self.signer, note)
        return note

    async def verified(self, wanted: Iterable[Head] = ()) -> Verified:
        """The result of checking every row; `wanted` and the head beside the database must be in the record.

        Raises OSError, and Refused(INVALID_ARGUMENT) if our key did not sign the head beside the database.
        """
        kept = await asyncio.to_thread(heads.kept_head, self.settings.data_dir, self.signer)
        return await verify(self.store, [*wanted, *([kept.head] if kept else [])])

    def exported(self) -> AsyncIterator[str]:
        """The whole record in lines, ending with the signed head."""
        return exported(self.store, self.signer, self.clock())

    def old_lines(self) -> AsyncIterator[str]:
        """The lines logged before the record existed."""
        return old_lines(self.store)
