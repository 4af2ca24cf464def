"""Expressions and templates of rules; `syntax.py`, which parses them, is imported with the first one, as is Jinja2."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import nodes

NAMES = frozenset({"event", "item"})
"""The names in an expression: the payload, and in `people` also the current item."""


@lru_cache(maxsize=1_000)
def expression(source: str, names: frozenset[str] = NAMES) -> nodes.Expr:
    """The syntax tree of an expression. Raises Refused: INVALID_RULE."""
    from engine.rules import syntax

    return syntax.expression(source, names)


@lru_cache(maxsize=1_000)
def template(source: str, names: frozenset[str] = NAMES) -> tuple[nodes.Expr, ...]:
    """The parts of a template: texts, and expressions in `{{ }}`. Raises Refused: INVALID_RULE."""
    from engine.rules import syntax

    return syntax.template(source, names)
