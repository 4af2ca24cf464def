"""Room that mail in leaves free on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.inbox.spool.reserve import DiskReserve

MB = 1_000_000


def test_what_was_let_in_since_the_disk_was_looked_at_counts_as_written(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path, shutil.disk_usage(tmp_path).free - 1_000 * MB)
    reserve.require(600 * MB)
    with pytest.raises(OSError, match="MB of the disk are left"):
        reserve.require(600 * MB)
    reserve.require(MB)


def test_without_a_reserve_everything_is_let_in(tmp_path: Path) -> None:
    DiskReserve(tmp_path).require(10**18)
