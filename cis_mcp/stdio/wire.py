"""Takes stdin and stdout for the transport only."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True)
class Wire:
    """The original stdin and stdout of this process, for the transport only."""

    incoming: BinaryIO
    outgoing: BinaryIO


def claimed() -> Wire:
    """Take stdin and stdout for the transport, for as long as the process lives.

    Other code in this process or its children that reads stdin finds it at its end. Everything printed goes where the
    log goes, even what was printed before and is flushed only now or at exit.
    """
    # A thread may still be reading when the server ends, so the descriptors are never closed.
    wire = Wire(os.fdopen(os.dup(0), "rb", closefd=False), os.fdopen(os.dup(1), "wb", closefd=False))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout.flush()
    return wire
