"""Starts a module of this very program as a process of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PROGRAM = str(Path(__file__).parents[2])


def command(module: str) -> tuple[str, ...]:
    """The command line that runs `module`. -P: whatever lies in the current folder is not imported."""
    return (sys.executable, "-P", "-m", module)


def environment() -> dict[str, str]:
    """This process's environment, in which the program itself is found first."""
    search = os.pathsep.join([_PROGRAM, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": search}
