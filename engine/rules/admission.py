"""Checks rules before they are stored: parses each part, and tries it on a sample enlarged to the limits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.model.rules import RULES_MAX, Deed, Rule
from engine.refusals import Code, Refused
from engine.rules.evaluation import StepBudget
from engine.rules.language import expression, template
from engine.rules.mapping import mapped
from engine.rules.values import LIST_MAX

_EVENT = frozenset({"event"})


def admit(rules: Sequence[Rule], sample: Any = None) -> None:
    """Refuse rules that cannot be executed. Raises Refused: INVALID_RULE, TOO_COSTLY.

    `sample`: a payload on which to try the rules, with its lists extended to the greatest length allowed.
    """
    if not 1 <= len(rules) <= RULES_MAX:
        raise Refused(
            Code.INVALID_RULE, f"A trigger has from 1 to {RULES_MAX} rules; these are {len(rules)}."
        )
    for rule in rules:
        _read(rule)
        _refuse_lacking(rule)
    if sample is not None:
        _try(rules, _blown_up(sample))


def _read(rule: Rule) -> None:
    expression(rule.when, _EVENT)
    if rule.version:
        expression(rule.version, _EVENT)
    for source in (rule.object, rule.uid, *rule.set.values()):
        template(source, _EVENT)
    if rule.people:
        expression(rule.people.each, _EVENT)
        for source in (rule.people.email, rule.people.name, *rule.people.fields.values()):
            template(source)


def _refuse_lacking(rule: Rule) -> None:
    if rule.do is not Deed.NOTHING and not rule.object:
        raise Refused(
            Code.INVALID_RULE, f"A rule that does “{rule.do}” needs “object”, which identifies the thing."
        )
    if rule.do is Deed.INVITE and not rule.uid and not {"summary", "start"} <= set(rule.set):
        raise Refused(
            Code.INVALID_RULE,
            "A rule that invites sets at least summary and start, or names an event by uid.",
        )
    if rule.do is Deed.REMIND and not rule.uid:
        raise Refused(Code.INVALID_RULE, "A rule that reminds names the event by uid.")
    if rule.do is Deed.REMIND and rule.set:
        raise Refused(Code.INVALID_RULE, "A rule that reminds sets nothing.")
    if rule.do in {Deed.CANCEL, Deed.FORGET, Deed.NOTHING} and (rule.set or rule.people):
        raise Refused(Code.INVALID_RULE, f"A rule that does “{rule.do}” sets nothing and names no people.")


def _try(rules: Sequence[Rule], payload: Any) -> None:
    """Evaluate each rule as if it matched; only the refusal TOO_COSTLY is raised."""
    for rule in rules:
        for tried in (rule, rule.model_copy(update={"when": "true"})):
            try:
                mapped([tried], payload, StepBudget())
            except Refused as refused:
                if refused.code is Code.TOO_COSTLY:
                    raise


def _blown_up(value: Any, depth: int = 0) -> Any:
    """The sample with lists of the greatest length, each filled with copies of its first item."""
    if isinstance(value, dict):
        return {name: _blown_up(one, depth) for name, one in value.items()}
    if isinstance(value, list) and value and depth < 2:
        return [_blown_up(value[0], depth + 1)] * LIST_MAX
    return value
