"""Verifies the record: each row follows the one before, and every signed head is still in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from hashlib import sha256

from engine.model.record import GENESIS, Head, Leaf, numbered
from engine.store.protocol import RecordQuestions

_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Verified:
    """The result of checking every row: their number, the newest head, and what is wrong.

    `signed`: how many signed heads were checked.
    """

    rows: int
    head: Head
    differences: tuple[str, ...]
    signed: int = 0


class RecordChain:
    """Checks the chain row by row from its beginning, and looks for the heads that must be in it."""

    def __init__(self, begins: Head, wanted: Iterable[Head] = ()) -> None:
        self.head = begins
        self.rows = 0
        self.broken = ""
        self._begins = begins.seq
        self._wanted = {head.seq: head.head for head in wanted}
        self._wrong = [seq for seq, head in self._wanted.items() if seq == begins.seq and head != begins.head]

    def follow(self, leaves: Iterable[Leaf]) -> bool:
        """Check further rows; False from the first one that does not follow the one before."""
        (seq, head), wanted = self.head, self._wanted
        for number, body, kept in leaves:
            if number != seq + 1 or not numbered(body, number):
                self.broken = f"record: row {number} stands where row {seq + 1} must be"
                break
            seen = sha256(b"\x01" + head + sha256(b"\x00" + body).digest()).digest()
            if seen != kept:
                self.broken = f"record: row {number} was changed, or a row before it"
                break
            seq, head = number, seen
            if seq in wanted and wanted[seq] != head:
                self._wrong.append(seq)
        self.rows += seq - self.head.seq
        self.head = Head(seq, head)
        return not self.broken

    def differences(self) -> list[str]:
        """A sentence for each thing that is wrong."""
        found = [self.broken] if self.broken else []
        found += [
            f"record: row {seq} is not the one that was signed: the record was rewritten"
            for seq in self._wrong
        ]
        newest = self.head.seq
        if not self.broken:
            found += [
                f"record: it ends at row {newest}, but row {seq} was signed: its end was cut off, or an old "
                "backup was restored"
                for seq in self._wanted
                if seq > newest
            ]
        found += [
            f"record: row {seq} was signed, and lies before row {self._begins + 1}, with which the record begins"
            for seq in self._wanted
            if seq < self._begins
        ]
        return found


async def verify(store: RecordQuestions, wanted: Iterable[Head] = ()) -> Verified:
    """Verify all rows, in pages; `wanted`: heads that must be in the record."""
    wanted = list(wanted)
    cut = await store.record_cut()
    chain = RecordChain(Head(cut.seq, cut.head) if cut else Head(0, GENESIS), wanted)
    async for leaves in _pages(store, chain):
        if not await asyncio.to_thread(chain.follow, leaves):
            break
    return Verified(chain.rows, chain.head, tuple(chain.differences()), len(wanted))


async def _pages(store: RecordQuestions, chain: RecordChain) -> AsyncIterator[list[Leaf]]:
    while leaves := await store.record_leaves(chain.head.seq, _AT_ONCE):
        yield leaves
