"""The basis of every part of a unit of work, and of every question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.model.counters import Rates
from engine.model.searching import Expansion
from engine.store.dynamodb.items import Items
from engine.store.dynamodb.rows import Rows
from engine.store.dynamodb.snapshots import Images
from engine.store.protocol.search_file import SearchFile


@dataclass
class Context:
    """The context that all units of one process share.

    `expand`: lists the instances of a series, for the search. `search_file`: opens the file by which events are
    found, of an image of one if it is given; None if nobody searches. `images`: where images are kept, if anywhere.
    `peopled`: events that are known to have attendees. `found`: that file, brought up to date; the store sets it.
    """

    rates: Rates = field(default_factory=Rates)
    expand: Expansion | None = None
    search_file: Callable[..., Awaitable[SearchFile]] | None = None
    images: Images | None = None
    found: Callable[[], Awaitable[SearchFile]] | None = None


class ReadSession(ABC):
    """Typed values and their items, of one unit of work or one question.

    A part of the store has a class of questions, which units and the store itself have, and a class of changes above
    it, which only units have. Questions that others build on stand in one line of inheritance, from counters to
    campaigns: so Python can order them, whichever parts are put together.
    """

    context: Context

    @property
    @abstractmethod
    def rows(self) -> Rows:
        """The typed values."""

    @property
    def items(self) -> Items:
        """The items behind them."""
        return self.rows.items


class UnitSession(ReadSession):
    """One unit of work."""

    def __init__(self, rows: Rows, context: Context) -> None:
        self._rows = rows
        self.context = context

    @property
    def rows(self) -> Rows:
        return self._rows

    @property
    def writes(self) -> int:
        """How much this unit of work has written so far, which only grows."""
        return self._rows.items.writes

    async def flush(self) -> None:
        """Write changes gathered during the work; parts that gather changes extend this."""


def summed(numbers: Collection[Mapping[str, int]]) -> dict[str, int]:
    """The sums of numbers by name over several items, without those that are 0."""
    found: dict[str, Any] = {}
    for each in numbers:
        for name, n in each.items():
            found[name] = found.get(name, 0) + n
    return {name: n for name, n in found.items() if n}
