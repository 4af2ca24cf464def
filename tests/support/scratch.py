"""Where tests put their folders: in memory, if the system has a file system there with room."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
_ROOM = 2 * 1024**3
"""The bytes that must be free: far more than what runs at a time takes, as a folder goes with its test."""


def use_memory() -> None:
    """Have pytest make its folders in memory, where no test waits for a disk; a kill leaves files the same there."""
    if "PYTEST_DEBUG_TEMPROOT" in os.environ or not os.access(_IN_MEMORY, os.W_OK | os.X_OK):
        return
    if shutil.disk_usage(_IN_MEMORY).free >= _ROOM:
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_IN_MEMORY)
