"""Disk space that incoming mail leaves free, so that strangers' mail cannot take the space for what is owed."""

from __future__ import annotations

import errno
import shutil
import time
from pathlib import Path

_LOOK_S = 1.0


class DiskReserve:
    """Keeps `size` bytes of the disk of `folder` free; 0: nothing is kept free."""

    def __init__(self, folder: Path, size: int = 0) -> None:
        self._folder, self._size = folder, size
        self._looked = float("-inf")
        self._free = 0

    def require(self, size: int = 0) -> None:
        """Raise OSError(ENOSPC) if less would be left after `size` bytes.

        The disk is looked at once a second; what was let in since then counts as written.
        """
        if not self._size:
            return
        if time.monotonic() - self._looked > _LOOK_S:
            self._free, self._looked = shutil.disk_usage(self._folder).free, time.monotonic()
        if self._free - size < self._size:
            raise OSError(errno.ENOSPC, f"only {self._free // 1_000_000} MB of the disk are left")
        self._free -= size
