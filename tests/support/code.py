"""Python's own sources, as trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator

_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, however deep: all definitions and imports, without the expressions, which are most of a tree."""
    left: list[ast.AST] = [tree]
    while left:
        holder = left.pop()
        for block in _BLOCKS:
            below = getattr(holder, block, [])
            yield from below
            left += below
