"""Sockets, files, processes and generators that a test leaves open, found at the end of that very test.

Left to the collector's own time they would be blamed on whichever test runs just then.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class LeftOpenError(AssertionError):
    """What the collector found to complain of."""


def collect(*, whole: bool = True) -> None:
    """Have the collector look at once: at everything, or only at what was made since it looked last.

    Raises LeftOpenError for what was not closed before it was dropped.
    """
    with _complaints() as found:
        gc.collect(2 if whole else 1)
    if found:
        raise LeftOpenError(
            "\n".join(["not closed by this test, or by the fixtures that ended with it:", *found])
        )


@contextmanager
def _complaints() -> Iterator[list[str]]:
    """Warnings (which are errors) and exceptions of what is dropped meanwhile."""
    found: list[str] = []
    before = sys.unraisablehook

    def note(dropped: sys.UnraisableHookArgs) -> None:
        found.append(f"{dropped.object!r}: {dropped.exc_value!r}")

    sys.unraisablehook = note
    try:
        yield found
    finally:
        sys.unraisablehook = before
