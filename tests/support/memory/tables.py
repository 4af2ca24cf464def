"""Tables of immutable values, shared by snapshots until somebody writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from engine.model.messages import Attempt, Message

_IDS = count(1_000, 7)


def new_id() -> int:
    """An id that is larger than those before; there are gaps between them."""
    return next(_IDS)


@dataclass(frozen=True)
class Owed:
    """A row of the ledger, with who holds it."""

    message: Message
    priority: int
    held: bool = False
    owner: str = ""
    until: float = 0.0
    attempts: tuple[Attempt, ...] = ()

    def changed(self, **values: object) -> Owed:
        """The row with another message."""
        return replace(self, message=self.message.model_copy(update=values))


class Tables:
    """What a unit of work sees; what it writes is its own until it is kept."""

    def __init__(self, rows: dict[str, dict[Any, Any]], version: int) -> None:
        self.rows = dict(rows)
        self.before = rows
        self.version = version
        self.touched: set[str] = set()
        self.writes = 0
        self.owed: list[str] = []

    def of(self, table: str) -> dict[Any, Any]:
        """A table, to be read."""
        return self.rows.get(table, {})

    def get(self, table: str, key: object) -> Any:
        return self.of(table).get(key)

    def put(self, table: str, key: object, value: object) -> None:
        self._own(table)[key] = value

    def drop(self, table: str, key: object) -> None:
        self._own(table).pop(key, None)

    def add(self, table: str, value: object) -> int:
        """Add a value under a new id, which is larger than those before."""
        key = new_id()
        self.put(table, key, value)
        return key

    def where(self, table: str, fits: Callable[[Any], bool]) -> Iterator[Any]:
        """The values that fit, in the order in which they were added."""
        return (value for value in list(self.of(table).values()) if fits(value))

    def _own(self, table: str) -> dict[Any, Any]:
        self.writes += 1
        if table not in self.touched:
            self.touched.add(table)
            self.rows[table] = dict(self.rows.get(table, {}))
        return self.rows[table]
