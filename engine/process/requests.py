"""The requests of a process that parses untrusted input: pickled, with large bytes beside the pickle (PEP 574).

So megabytes are not copied, which would keep all other threads of the asking process waiting. A request is the number
of its parts and the size of each, eight bytes apiece, and then the parts: the pickle, and what it left beside itself.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, BinaryIO

Pieces = list[bytes | memoryview]
BESIDE = 1 << 16
"""The bytes from which an argument goes beside the pickle."""
_NUMBER = 8


def pieces(function: Callable[..., object], arguments: tuple[object, ...], cpu_s: int) -> Pieces:
    """What to write so that `function` is called with `arguments`, within `cpu_s` processor seconds."""
    beside: Pieces = []
    request = (function, [_apart(argument) for argument in arguments], cpu_s)
    pickled = pickle.dumps(
        request, pickle.HIGHEST_PROTOCOL, buffer_callback=lambda buffer: beside.append(buffer.raw())
    )
    parts = [pickled, *beside]
    return [b"".join(map(_number, (len(parts), *map(len, parts)))), *parts]


def _apart(argument: object) -> object:
    if isinstance(argument, bytes) and len(argument) >= BESIDE:
        return pickle.PickleBuffer(argument)
    return argument


def _number(number: int) -> bytes:
    return number.to_bytes(_NUMBER, "big")


def read(stream: BinaryIO) -> tuple[Callable[..., object], list[Any], int] | None:
    """The next request: function, arguments, processor seconds; None if the stream ends before it is whole."""
    count = int.from_bytes(stream.read(_NUMBER), "big")
    sizes = [int.from_bytes(stream.read(_NUMBER), "big") for _ in range(count)]
    parts = [stream.read(size) for size in sizes]
    if not parts or [*map(len, parts)] != sizes:
        return None
    pickled, *beside = parts
    # Both ends of the pipe are this very program: what was pickled is ours.
    request: tuple[Callable[..., object], list[Any], int] = pickle.loads(pickled, buffers=beside)  # noqa: S301 -- said above
    return request
