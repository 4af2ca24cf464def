"""How much is tried: a part of it in `make test`, all of it in `make soak`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings

T = TypeVar("T")

SOAK = os.environ.get("CIS_SOAK") == "1"
_LESS = 4


def examples(most: int) -> settings:
    """So many examples of hypothesis in the soak, and a quarter of them otherwise."""
    return settings(max_examples=most if SOAK else most // _LESS)


def some(values: Sequence[T], step: int, first: int = 0) -> Sequence[T]:
    """All of `values` in the soak, and otherwise every `step`-th of them from `first` on."""
    return values if SOAK else values[first::step]
