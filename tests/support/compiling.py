"""Has half of the test files compiled by a second process while the first one collects the others.

Rewriting their assertions takes half of what it takes to collect a new checkout; it is kept from then on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest


def compile_beside(config: pytest.Config) -> None:
    """Begin, if several processes shall run all tests and what they compile is kept; nobody waits for the end."""
    if config.getoption("--workers") == "0" or sys.dont_write_bytecode or (os.cpu_count() or 1) < 2:
        return
    if config.args != config.getini("testpaths"):
        return
    files = sorted(path for name in config.args for path in (config.rootpath / name).rglob("test_*.py"))
    later = files[len(files) // 2 :]
    if _compiled(later[-1]) or os.fork():
        return
    try:
        _compile([path.relative_to(config.rootpath) for path in later])
    finally:
        os._exit(0)


def _compiled(path: Path) -> bool:
    """True if pytest has kept what it made of this file."""
    return any((path.parent / "__pycache__").glob(f"{path.stem}.*-pytest-*.pyc"))


def _compile(paths: Sequence[Path]) -> None:
    """Import modules, the last ones first: those that the first process comes to soon are its own to compile."""
    for path in reversed(paths):
        # Whatever is wrong with it, the first process meets and tells.
        with suppress(Exception, pytest.skip.Exception):
            import_module(".".join(path.with_suffix("").parts))
