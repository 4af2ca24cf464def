"""A second process compiles half of the test files while they are collected, once in each checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[1]
_HOOKS = """
import pytest
from tests.support.compiling import compile_beside
from tests.support.workers import add_option

def pytest_addoption(parser):
    add_option(parser)

@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    compile_beside(session.config)
"""
_FILE = """
import os

with open(f"{__file__}.imported", "a") as told:
    told.write(f"{os.getpid()} ")

def test_nothing():
    assert True
"""
NAMES = "abcd"


def _collect(folder: Path, *arguments: str) -> None:
    """Returns when both processes have ended: the second one writes to the same pipe."""
    without = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", *arguments],
        cwd=folder,
        env={**without, "PYTHONPATH": f"{ROOT}:{folder}", "PYTEST_ADDOPTS": ""},
        text=True,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 tests collected" in done.stdout


def _importers(folder: Path) -> list[int]:
    """How many processes have imported each file since the last time."""
    told = [folder / "own" / f"test_{name}.py.imported" for name in NAMES]
    counts = [len(set(each.read_text().split())) for each in told]
    for each in told:
        each.unlink()
    return counts


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="with one processor it would only take turns")
def test_two_processes_share_a_new_checkout_and_one_does_what_is_compiled(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(_HOOKS)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\ntestpaths = own\nasyncio_default_fixture_loop_scope = function\n"
    )
    (tmp_path / "own").mkdir()
    for name in NAMES:
        (tmp_path / "own" / f"test_{name}.py").write_text(_FILE)
    _collect(tmp_path)
    assert _importers(tmp_path) == [1, 1, 1, 1], "one was asked for"
    for kept in tmp_path.rglob("*.pyc"):
        kept.unlink()
    _collect(tmp_path, "--workers", "2")
    assert _importers(tmp_path) == [1, 1, 2, 2]
    _collect(tmp_path, "--workers", "2")
    assert _importers(tmp_path) == [1, 1, 1, 1]
