"""Parses expressions and templates in Jinja2's syntax, of which only harmless nodes are allowed.

Jinja2 only parses; nothing is compiled to Python. `evaluation.py` walks the tree and counts its steps.
"""

from __future__ import annotations

from collections.abc import Sequence

from jinja2 import Environment, TemplateError, nodes
from jinja2.parser import Parser

from engine.model.rules import SOURCE_MAX
from engine.refusals import Code, Refused
from engine.rules.filters import FILTERS, TESTS

NODES_MAX = 200
DEPTH_MAX = 20
_ALLOWED = (
    nodes.Const,
    nodes.TemplateData,
    nodes.Name,
    nodes.List,
    nodes.Dict,
    nodes.Pair,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Test,
    nodes.Filter,
    nodes.Keyword,
    nodes.Concat,
    nodes.CondExpr,
    nodes.Add,
    nodes.Sub,
    nodes.Neg,
)
_GRAMMAR = Environment(autoescape=False)  # noqa: S701 -- it parses, and renders nothing


def expression(source: str, names: frozenset[str]) -> nodes.Expr:
    """The syntax tree of an expression. Raises Refused: INVALID_RULE."""
    _refuse_long(source)
    try:
        parser = Parser(_GRAMMAR, source, state="variable")
        tree = parser.parse_expression()
        if not parser.stream.eos:
            raise _refused(source, "something follows the expression")
    except (TemplateError, RecursionError, ValueError, OverflowError) as error:
        raise _refused(source, str(error)[:200]) from None
    _refuse_foreign(source, [tree], names)
    return tree


def template(source: str, names: frozenset[str]) -> tuple[nodes.Expr, ...]:
    """The parts of a template: texts, and expressions in `{{ }}`. Raises Refused: INVALID_RULE."""
    _refuse_long(source)
    try:
        tree = _GRAMMAR.parse(source)
    except (TemplateError, RecursionError, ValueError, OverflowError) as error:
        raise _refused(source, str(error)[:200]) from None
    if any(type(node) is not nodes.Output for node in tree.body):
        raise _refused(source, "a template holds text and {{ }}, and no {% %}")
    parts = tuple(part for node in tree.body if isinstance(node, nodes.Output) for part in node.nodes)
    _refuse_foreign(source, parts, names)
    return parts


def _refuse_long(source: str) -> None:
    if len(source) > SOURCE_MAX:
        raise Refused(
            Code.INVALID_RULE,
            f"An expression has {len(source)} characters; {SOURCE_MAX} are allowed.",
            "Shorten it.",
        )


def _refuse_foreign(source: str, roots: Sequence[nodes.Node], names: frozenset[str]) -> None:
    """Refuse nodes, filters, tests and names that are not listed, and sources that are too large."""
    count, waiting = 0, [(root, 1) for root in roots]
    while waiting:
        node, depth = waiting.pop()
        count += 1
        if count > NODES_MAX or depth > DEPTH_MAX:
            raise _refused(source, f"it has more than {NODES_MAX} parts, or is deeper than {DEPTH_MAX}")
        if why := _foreign(node, names):
            raise _refused(source, why)
        waiting += [(child, depth + 1) for child in node.iter_child_nodes()]


def _foreign(node: nodes.Node, names: frozenset[str]) -> str:
    if type(node) not in _ALLOWED:
        return f"“{type(node).__name__}” is not allowed in a rule"
    if isinstance(node, nodes.Name) and (node.name not in names or node.ctx != "load"):
        return f"“{node.name[:40]}” is unknown; there is {' and '.join(sorted(names))}"
    if isinstance(node, nodes.Filter | nodes.Test):
        known = FILTERS if isinstance(node, nodes.Filter) else TESTS
        if node.name not in known:
            return f"“{node.name[:40]}” is unknown; there is {', '.join(sorted(known))}"
        if node.dyn_args is not None or node.dyn_kwargs is not None or getattr(node, "node", True) is None:
            return "arguments are given one by one"
    return ""


def _refused(source: str, why: str) -> Refused:
    return Refused(Code.INVALID_RULE, f"“{source[:80]}” is not a valid expression: {why}.")
