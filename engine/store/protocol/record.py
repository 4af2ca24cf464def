"""The record: what a unit of work adds to it, and what is asked of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from engine.model.record import ChainEnd, ChainRow, Cut, Head, Leaf, OldLine


class Record(Protocol):
    """The part of a unit of work that concerns the record: one chain of rows, in the order of the units."""

    async def record_place(self, addresses: Collection[str]) -> ChainEnd:
        """The end of the chain, where the next row goes, and the salts of these people."""
        ...

    async def add_row(self, row: ChainRow, salts: Mapping[str, bytes]) -> None:
        """Append a row, with the salts of people who had none."""
        ...

    def take_owed(self) -> list[str]:
        """The Message-IDs of the messages that this unit has owed since the last call."""
        ...

    async def cut_record(self, cut: Cut) -> None:
        """Delete the rows up to the one of `cut`, which says where the record begins from now on.

        At most as many as `items_per_unit` at a time.
        """
        ...


class RecordQuestions(Protocol):
    """What is asked of the record."""

    async def record_rows(self, after: int, limit: int, caller: str | None = None) -> list[ChainRow]:
        """The rows that follow the row `after`, in order; `caller`: only those of a key or of a person's commitment."""
        ...

    async def record_leaves(self, after: int, limit: int) -> list[Leaf]:
        """As `record_rows`, for whoever verifies them."""
        ...

    async def newest_rows(self, caller: str | None, before: int | None, limit: int) -> list[ChainRow]:
        """The newest rows, newest first; `before`: only those with a smaller number."""
        ...

    async def record_head(self) -> Head:
        """The newest row's number and head."""
        ...

    async def record_cut(self) -> Cut | None:
        """The cut before which rows were deleted, or None."""
        ...

    async def old_lines(self, after: int, limit: int) -> list[OldLine]:
        """The lines with an id beyond `after` that were kept before there was a record."""
        ...

    async def record_salt(self, address: str) -> bytes | None:
        """The salt of a person's commitments, or None."""
        ...
