"""Has the C library keep one heap, instead of one for each thread that is never given back."""

from __future__ import annotations

import ctypes
import sys

_M_ARENA_MAX = -8


def one_heap() -> None:
    """Call before threads are started; does nothing where the C library is another than glibc.

    Python's lock lets one thread at a time ask for memory anyway, so that more heaps speed nothing up. A sender of
    100,000 invites is 25 MB smaller by it.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
