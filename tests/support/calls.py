"""What work costs Python, counted instead of timed: the calls of our own functions."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_ROOT = Path(__file__).parents[2]
_OURS = (f"{_ROOT / 'cis_mcp'}/", f"{_ROOT / 'engine'}/")


@contextmanager
def counting_calls() -> Iterator[Counter[str]]:
    """Count the calls in this thread, by the file of the function below the project; templates are files too."""
    calls = Counter[str]()

    def seen(frame: FrameType, event: str, _: object) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(_OURS):
            calls[file.removeprefix(f"{_ROOT}/")] += 1

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        yield calls
    finally:
        sys.setprofile(before)
