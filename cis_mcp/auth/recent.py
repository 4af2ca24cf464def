"""A bounded cache of what was seen last, which strangers cannot make grow."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """The last `size` things, by name."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._things: OrderedDict[str, T] = OrderedDict()

    def get(self, name: str) -> T | None:
        """The thing of this name, or None."""
        return self._things.get(name)

    def put(self, name: str, thing: T) -> None:
        """Store a thing; if there are too many, the one stored longest ago is dropped."""
        self._things[name] = thing
        self._things.move_to_end(name)
        if len(self._things) > self._size:
            self._things.popitem(last=False)

    def drop(self, name: str) -> None:
        """Forget the thing of this name."""
        self._things.pop(name, None)
