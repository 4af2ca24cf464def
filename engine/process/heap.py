"""How a process that runs for long keeps its memory: one heap, and a collector that seldom looks."""

from __future__ import annotations

import ctypes
import gc
import sys

_M_ARENA_MAX = -8
_YOUNG = 20_000
"""Objects that are made before the collector looks at them. Reading one mail makes thousands, which are gone by
reference as soon as it is read; Python's own 700 has the collector look at them again and again."""


def one_heap() -> None:
    """Call before threads are started; does nothing if the C library is another than glibc.

    Python's lock lets one thread at a time ask for memory anyway, so that more heaps speed nothing up. A sender of
    100,000 invites is 25 MB smaller by it.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)


def settle() -> None:
    """Call when everything is loaded: that stays for good, and the collector looks only at what comes after."""
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
    gc.enable()
