"""Evaluates the syntax tree of an expression over JSON values, counting a step for each node and each item."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.refusals import Code, Refused
from engine.rules.filters import FILTERS, TESTS, TOLERANT, bounded, contains, less, same, too_long
from engine.rules.values import TEXT_MAX, Missing, look_up, scalar_text, shown

if TYPE_CHECKING:
    # Jinja2 is imported by what reads the first rule, not with every server that starts.
    from jinja2 import nodes

STEPS_MAX = 50_000
"""The most steps (nodes and items) that the evaluation of one delivery may take."""
_CHARACTERS_A_STEP = 100


class StepBudget:
    """Counts steps and refuses too many of them, so that the limit does not depend on the machine's speed."""

    def __init__(self, limit: int = STEPS_MAX) -> None:
        self.limit, self.spent = limit, 0

    def spend(self, steps: int = 1) -> None:
        """Count `steps`. Raises Refused: TOO_COSTLY."""
        self.spent += steps
        if self.spent > self.limit:
            raise Refused(
                Code.TOO_COSTLY,
                f"The rule takes more than {self.limit} steps on this delivery.",
                "Look at fewer items, or with fewer conditions.",
            )


class Evaluation:
    """One evaluation, with the values of its names and its budget."""

    def __init__(self, names: Mapping[str, Any], budget: StepBudget) -> None:
        self._names, self._budget = names, budget

    def text(self, parts: Sequence[nodes.Expr]) -> str:
        """The text of a template. Raises Refused: MISSING_FIELD, INVALID_RULE, TOO_LARGE, TOO_COSTLY."""
        return self._joined(parts)

    def value(self, node: nodes.Expr) -> Any:
        """The value of an expression, never a missing one. Raises Refused as `text` does."""
        found = self._of(node)
        if isinstance(found, Missing):
            raise found.refused()
        return found

    def _of(self, node: nodes.Node) -> Any:
        self._budget.spend()
        found = _VISITS[type(node).__name__](self, node)
        if isinstance(found, str):
            self._budget.spend(len(found) // _CHARACTERS_A_STEP)
        return found

    def _joined(self, parts: Sequence[nodes.Expr]) -> str:
        texts, length = [], 0
        for part in parts:
            texts.append(scalar_text(self._of(part)))
            length += len(texts[-1])
            if length > TEXT_MAX:
                raise too_long()
        return "".join(texts)

    def _constant(self, node: nodes.Const) -> Any:
        return node.value

    def _data(self, node: nodes.TemplateData) -> Any:
        return node.data

    def _name(self, node: nodes.Name) -> Any:
        return self._names.get(node.name, Missing(f"“{node.name}”"))

    def _list(self, node: nodes.List) -> list[Any]:
        return [self.value(one) for one in node.items]

    def _dict(self, node: nodes.Dict) -> dict[str, Any]:
        return {scalar_text(self._of(pair.key)): self.value(pair.value) for pair in node.items}

    def _getattr(self, node: nodes.Getattr) -> Any:
        return look_up(self._of(node.node), node.attr)

    def _getitem(self, node: nodes.Getitem) -> Any:
        return look_up(self._of(node.node), self._of(node.arg))

    def _and(self, node: nodes.And) -> Any:
        left = self.value(node.left)
        return self.value(node.right) if left else left

    def _or(self, node: nodes.Or) -> Any:
        left = self.value(node.left)
        return left or self.value(node.right)

    def _not(self, node: nodes.Not) -> bool:
        return not self.value(node.node)

    def _conditional(self, node: nodes.CondExpr) -> Any:
        if self.value(node.test):
            return self._of(node.expr1)
        return Missing("other value of “if”") if node.expr2 is None else self._of(node.expr2)

    def _compare(self, node: nodes.Compare) -> bool:
        left = self.value(node.expr)
        for operand in node.ops:
            right = self.value(operand.expr)
            self._spend_on(right)
            if not _COMPARISONS[operand.op](left, right):
                return False
            left = right
        return True

    def _concat(self, node: nodes.Concat) -> str:
        return self._joined(node.nodes)

    def _add(self, node: nodes.Add) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(left, str) and isinstance(right, str):
            return bounded(left + right)
        return _sum(left, right, 1)

    def _sub(self, node: nodes.Sub) -> Any:
        return _sum(self.value(node.left), self.value(node.right), -1)

    def _neg(self, node: nodes.Neg) -> Any:
        return _sum(0, self.value(node.node), -1)

    def _test(self, node: nodes.Test) -> bool:
        return bool(self._call(node, TESTS[node.name]))

    def _filter(self, node: nodes.Filter) -> Any:
        return self._call(node, FILTERS[node.name])

    def _call(self, node: nodes.Filter | nodes.Test, function: Callable[..., Any]) -> Any:
        subject = self._of(node.node) if node.node is not None else Missing("value")
        if isinstance(subject, Missing) and node.name not in TOLERANT:
            raise subject.refused()
        arguments = [self.value(one) for one in node.args]
        named = {str(one.key): self.value(one.value) for one in node.kwargs}
        self._spend_on(subject, *arguments)
        try:
            return function(subject, *arguments, **named)
        except TypeError:
            raise Refused(Code.INVALID_RULE, f"“{node.name}” takes different arguments.") from None

    def _spend_on(self, value: Any, *others: Any) -> None:
        """Count the items of `value`, multiplied by the items of the others."""
        if isinstance(value, list | dict):
            self._budget.spend(
                len(value) * (1 + sum(len(one) for one in others if isinstance(one, list | dict)))
            )


def _sum(left: Any, right: Any, sign: int) -> Any:
    for value in (left, right):
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= 1e18:
            raise Refused(Code.INVALID_RULE, f"{shown(value)} is not a number that can be calculated with.")
    return left + sign * right


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": same,
    "ne": lambda left, right: not same(left, right),
    "lt": less,
    "gt": lambda left, right: less(right, left),
    "lteq": lambda left, right: not less(right, left),
    "gteq": lambda left, right: not less(left, right),
    "in": contains,
    "notin": lambda left, right: not contains(left, right),
}
_VISITS: Mapping[str, Callable[[Evaluation, Any], Any]] = {
    "Const": Evaluation._constant,
    "TemplateData": Evaluation._data,
    "Name": Evaluation._name,
    "List": Evaluation._list,
    "Dict": Evaluation._dict,
    "Getattr": Evaluation._getattr,
    "Getitem": Evaluation._getitem,
    "Compare": Evaluation._compare,
    "And": Evaluation._and,
    "Or": Evaluation._or,
    "Not": Evaluation._not,
    "Test": Evaluation._test,
    "Filter": Evaluation._filter,
    "Concat": Evaluation._concat,
    "CondExpr": Evaluation._conditional,
    "Add": Evaluation._add,
    "Sub": Evaluation._sub,
    "Neg": Evaluation._neg,
}
