"""Whether anything was kept since the last look, so that who waits looks closely only where there may be news."""

from __future__ import annotations

from engine.store.protocol import Watching


class Quiet:
    """Notices that the store is as it was, whichever process may write to it; to ask costs next to nothing."""

    def __init__(self, store: Watching) -> None:
        self._store = store
        self._revision: int | None = None

    async def since_last(self) -> bool:
        """True if nothing was kept since this was last asked; ask before you look, so that no news is missed."""
        before, self._revision = self._revision, await self._store.revision()
        return before == self._revision
