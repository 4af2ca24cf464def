"""Detects whether anything was written since the last check, so that workers search only if there may be news."""

from __future__ import annotations

from engine.store.protocol import Watching


class Quiet:
    """Detects cheaply whether any process has written to the store."""

    def __init__(self, store: Watching) -> None:
        self._store = store
        self._revision: int | None = None

    async def since_last(self) -> bool:
        """True if nothing was written since the last call; call it before searching, so that no news is missed."""
        before, self._revision = self._revision, await self._store.revision()
        return before == self._revision
