"""Look-ups: the path of a GET for a payload, which supplies only plain ids to it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.model.rules import LOOKUPS_MAX, Lookup, Reconciling
from engine.refusals import Code, Refused
from engine.rules.evaluation import Evaluation, StepBudget
from engine.rules.language import expression, template
from engine.rules.values import Pruning, shown

_PLACE = re.compile(r"\{\{(.*?)\}\}")
_FIXED = re.compile(r"[A-Za-z0-9/_.~?&=,:%-]*")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EVENT = frozenset({"event"})


def admit_lookups(lookups: Sequence[Lookup], reconciling: Reconciling | None) -> None:
    """Refuse look-ups that cannot be executed. Raises Refused: INVALID_RULE."""
    if len(lookups) > LOOKUPS_MAX or len({one.name for one in lookups}) < len(lookups):
        raise Refused(
            Code.INVALID_RULE, f"A trigger has up to {LOOKUPS_MAX} look-ups, each with its own name."
        )
    for one in lookups:
        expression(one.when, _EVENT)
        for inner in _read(one.path):
            expression(inner, _EVENT)
    if reconciling:
        if list(_read(reconciling.path)):
            raise Refused(Code.INVALID_RULE, "The path of “reconcile” is fixed.")
        expression(reconciling.each, _EVENT)
        for source in reconciling.payload.values():
            template(source)


def _read(path: str) -> Iterator[str]:
    """The expressions in a path. Raises Refused: INVALID_RULE."""
    fixed = _PLACE.split(path)[::2]
    if not path.startswith("/") or path.startswith("//") or not all(_FIXED.fullmatch(part) for part in fixed):
        raise Refused(Code.INVALID_RULE, f"“{path[:80]}” is not a path that begins with one slash.")
    if any(".." in part for part in fixed):
        raise Refused(Code.INVALID_RULE, "A path may not contain “..”.")
    yield from _PLACE.findall(path)


def wanted(lookup: Lookup, payload: Any) -> str | None:
    """The path to request, or None if this payload needs no look-up.

    Raises Refused: INVALID_RULE if an id is not plain, and what `Evaluation.value` raises.
    """
    evaluation = Evaluation({"event": Pruning().pruned(payload)}, StepBudget())
    if evaluation.value(expression(lookup.when)) is not True:
        return None
    return _PLACE.sub(lambda place: _plain(evaluation.value(expression(place[1]))), lookup.path)


def _plain(value: Any) -> str:
    """An id for a path: at most 64 letters, digits, hyphens and underscores. Raises Refused: INVALID_RULE."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _ID.fullmatch(text):
        raise Refused(Code.INVALID_RULE, f"{shown(value)} is not a plain id, so it is not looked up.")
    return text


def listed(reconciling: Reconciling, answer: Any) -> list[Mapping[str, str]]:
    """The payloads in a response, as the sender would have posted them.

    Raises Refused: INVALID_RULE if `each` is not a list, TOO_LARGE, and what `Evaluation.text` raises.
    """
    pruning, budget = Pruning(), StepBudget()
    event = pruning.pruned(answer)
    if pruning.lists_cut:
        # Whatever was cut off would never be asked for, and nobody would know of it.
        where = ", ".join(pruning.cut[:3])
        raise Refused(Code.TOO_LARGE, f"The answer is too large to be sure that nothing is missed: {where}.")
    items = Evaluation({"event": event}, budget).value(expression(reconciling.each))
    if not isinstance(items, list):
        raise Refused(Code.INVALID_RULE, f"“each” came to {shown(items)}; it must come to a list.")
    return [_payload(reconciling, Evaluation({"event": event, "item": one}, budget)) for one in items]


def _payload(reconciling: Reconciling, evaluation: Evaluation) -> Mapping[str, str]:
    return {name: evaluation.text(template(source)) for name, source in reconciling.payload.items()}
