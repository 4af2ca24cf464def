"""Mails that are durable in the journal and have no files of their own yet."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class Unfiled:
    """Mails by id; whoever files or moves one holds `lock`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.size = 0
        """Bytes of them all."""
        self._mails: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._mails)

    def __contains__(self, name: str) -> bool:
        return name in self._mails

    def names(self) -> list[str]:
        return list(self._mails)

    def get(self, name: str) -> bytes | None:
        return self._mails.get(name)

    def add(self, mails: Iterable[tuple[str, bytes]]) -> None:
        with self.lock:
            for name, content in mails:
                self._mails[name] = content
                self.size += len(content)

    def drop(self, name: str) -> None:
        """The mail has its file now."""
        self.size -= len(self._mails.pop(name))
