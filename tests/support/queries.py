"""What work costs the database, counted instead of timed: statements, and steps of SQLite's machine in them."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
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
    in_loop: set[str] = field(default_factory=set)
    """Statements that were run in the event loop's own thread."""

    @property
    def in_threads(self) -> set[str]:
        """Statements that were sent to a thread at once, not because a glance was broken off."""
        return self.by_text.keys() - self.in_loop

    @property
    def different(self) -> int:
        """Statements, values and all, each counted once: on a busy machine a glance is broken off, and asked again."""
        return len(self.by_text)

    def asked(self, statement: str) -> None:
        self.statements += 1
        self.by_text[statement] += 1
        if threading.current_thread() is threading.main_thread():
            self.in_loop.add(statement)

    def stepped(self) -> None:
        self.steps += _EVERY

    def zero(self) -> None:
        """Count anew."""
        self.statements = self.steps = 0
        self.by_text.clear()
        self.in_loop.clear()


@contextmanager
def counting_queries() -> Iterator[Queries]:
    """Count for all connections that are opened inside."""
    queries, connect = Queries(), sqlite3.connect

    class Counted(sqlite3.Connection):
        """A connection whose steps are counted also where its owner asks for a look at the clock between them."""

        def set_progress_handler(self, handler: Callable[[], Any] | None, n: int) -> None:
            """As SQLite does, every `n` steps or so."""
            turns = itertools.count(1)

            def stepped() -> Any:
                queries.stepped()
                due = handler is not None and next(turns) % max(1, n // _EVERY) == 0
                return handler() if handler is not None and due else None

            super().set_progress_handler(stepped, _EVERY)

    def counted(*given: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*given, factory=Counted, **named)
        connection.set_trace_callback(queries.asked)
        connection.set_progress_handler(None, _EVERY)
        return connection

    sqlite3.connect = counted
    try:
        yield queries
    finally:
        sqlite3.connect = connect
