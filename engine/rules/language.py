"""Expressions and templates of rules; `syntax.py`, which reads them, imports Jinja2 with the first one."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import nodes

NAMES = frozenset({"event", "item"})
"""What an expression may name: the payload, and in people also the present item."""


@lru_cache(maxsize=1_000)
def expression(source: str, names: frozenset[str] = NAMES) -> nodes.Expr:
    """The tree of an expression. Raises Refused: INVALID_RULE."""
    from engine.rules import syntax

    return syntax.expression(source, names)


@lru_cache(maxsize=1_000)
def template(source: str, names: frozenset[str] = NAMES) -> tuple[nodes.Expr, ...]:
    """The parts of a template: texts, and expressions in `{{ }}`. Raises Refused: INVALID_RULE."""
    from engine.rules import syntax

    return syntax.template(source, names)
