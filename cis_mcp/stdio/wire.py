"""Stdin and stdout, taken for the transport alone."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Wire:
    """Stdin and stdout as they were given to this process, for the transport alone."""

    incoming: BinaryIO
    outgoing: BinaryIO


def claimed() -> Wire:
    """Take stdin and stdout for the transport, for as long as the process lives.

    Whoever else in this process, or a child of it, reads stdin finds it at its end; whatever is printed goes where
    the log goes, also what was printed before and is flushed only now, or at exit.
    """
    # A thread may still be reading when the server ends, so the descriptors are never closed.
    wire = Wire(os.fdopen(os.dup(0), "rb", closefd=False), os.fdopen(os.dup(1), "wb", closefd=False))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.flush()
    return wire
