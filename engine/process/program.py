"""Starts a module of this program as a separate process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PROGRAM = str(Path(__file__).parents[2])


def command(module: str) -> tuple[str, ...]:
    """The command line that runs `module`, with -P so that nothing is imported from the current folder."""
    return (sys.executable, "-P", "-m", module)


def environment() -> dict[str, str]:
    """This process's environment, with this program's own modules found first."""
    search = os.pathsep.join([_PROGRAM, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": search}
