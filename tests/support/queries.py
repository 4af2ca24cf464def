"""What work costs the database, counted instead of timed: statements, and steps of SQLite's machine in them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_EVERY = 10
"""SQLite tells of each so many steps."""


@dataclass
class Queries:
    """What the connections that were opened since the counting began were asked."""

    statements: int = 0
    steps: int = 0
    by_text: Counter[str] = field(default_factory=Counter)

    def asked(self, statement: str) -> None:
        self.statements += 1
        self.by_text[statement] += 1

    def stepped(self) -> None:
        self.steps += _EVERY

    def zero(self) -> None:
        """Count anew."""
        self.statements = self.steps = 0
        self.by_text.clear()


@contextmanager
def counting_queries() -> Iterator[Queries]:
    """Count for all connections that are opened inside."""
    queries, connect = Queries(), sqlite3.connect

    def counted(*given: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*given, **named)
        connection.set_trace_callback(queries.asked)
        connection.set_progress_handler(queries.stepped, _EVERY)
        return connection

    sqlite3.connect = counted
    try:
        yield queries
    finally:
        sqlite3.connect = connect
