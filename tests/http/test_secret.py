"""The secret that the processes of one installation share."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cis_mcp.http import secret
from engine.refusals import Refused


def test_processes_that_start_at_once_share_one_secret(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    with ThreadPoolExecutor(16) as pool:
        keys = set(pool.map(lambda _: secret.derived(folder, "a"), range(64)))
    assert len(keys) == 1
    assert [file.name for file in folder.iterdir()] == ["secret"]


def test_only_the_operator_may_read_it_and_each_purpose_has_its_own_key(tmp_path: Path) -> None:
    assert secret.derived(tmp_path, "a") != secret.derived(tmp_path, "b")
    file = tmp_path / "secret"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() not in (secret.derived(tmp_path, "a"), secret.derived(tmp_path, "b"))


def test_a_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(Refused, match="does not hold"):
        secret.derived(tmp_path, "a")
