"""Applies a trigger's rules to one payload: which rule matched, and what it asks for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from engine.model.base import Value
from engine.model.rules import Deed, Rule, RulePeople, Settable
from engine.refusals import Code, Refused
from engine.rules import times
from engine.rules.evaluation import Evaluation, StepBudget
from engine.rules.language import expression, template
from engine.rules.values import Pruning, shown

OBJECT_MAX = 200
TIMES = frozenset({Settable.START, Settable.END, Settable.TIMEZONE, Settable.DURATION_MINUTES})
"""The fields that give the event's time; if one of them is unusable, all are left out."""
NO_TIME = frozenset({Code.INVALID_TIME, Code.UNKNOWN_TIMEZONE})
_VERSION_MAX = 2.0**53


class MappedPerson(Value):
    """A person named in a payload, as it names them."""

    email: str
    name: str = ""
    fields: Mapping[str, str] = Field(default_factory=dict)


class Mapped(Value):
    """What a payload asks for, by the first rule that matched."""

    rule: int = Field(description="its place among the rules, from 0")
    do: Deed
    object: str = ""
    version: float | None = None
    values: Mapping[str, str] = Field(default_factory=dict, description="fields of the event")
    uid: str = Field("", description="of the event that it is about; empty: the object's own")
    stay: bool = Field(False, description="who was named before and is not now stays")
    people: tuple[MappedPerson, ...] | None = Field(None, description="None: the rule names no people")
    undo_s: int | None = None
    no_time: str = Field(
        "", description="why its times cannot be used, and are left out; empty: they can, or are none"
    )
    cut: tuple[str, ...] = Field((), description="what of the payload was too large and was cut")

    @property
    def digest(self) -> str:
        """The SHA-256 of what it asks for, and of which event, without the version."""
        named = {"uid"} if self.uid else set[str]()
        asked = self.model_dump(mode="json", include={"do", "values", "people", *named})
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def mapped(rules: Sequence[Rule], payload: Any, budget: StepBudget | None = None) -> Mapped | None:
    """What `payload` asks for; None if no rule matches.

    Raises Refused: INVALID_RULE, MISSING_FIELD, INVALID_TIME, UNKNOWN_TIMEZONE, TOO_LARGE, TOO_COSTLY.
    """
    pruning = Pruning()
    event = pruning.pruned(payload)
    budget = budget or StepBudget()
    for place, rule in enumerate(rules):
        if _matches(rule, event, budget):
            if rule.people and pruning.lists_cut:
                # People who were cut off would count as removed, and the event would be cancelled for them.
                where = ", ".join(pruning.cut[:3])
                raise Refused(
                    Code.TOO_LARGE, f"The payload is too large to be sure which people it names: {where}."
                )
            return _asked(rule, place, event, budget, tuple(pruning.cut))
    return None


def _matches(rule: Rule, event: Any, budget: StepBudget) -> bool:
    found = Evaluation({"event": event}, budget).value(expression(rule.when))
    if not isinstance(found, bool):
        raise Refused(Code.INVALID_RULE, f"“when” came to {shown(found)}; it must come to true or false.")
    return found


def _asked(rule: Rule, place: int, event: Any, budget: StepBudget, cut: tuple[str, ...]) -> Mapped:
    found = Mapped(rule=place, do=rule.do, undo_s=rule.undo_s, cut=cut)
    if rule.do is Deed.NOTHING:
        return found
    evaluation = Evaluation({"event": event}, budget)
    values, no_time = _values(rule, evaluation)
    return found.model_copy(
        update={
            "object": _identifying("object", evaluation.text(template(rule.object))),
            "version": _version(evaluation.value(expression(rule.version))) if rule.version else None,
            "values": values,
            "no_time": no_time,
            "uid": _identifying("uid", evaluation.text(template(rule.uid)), least=0) if rule.uid else "",
            "stay": bool(rule.people and rule.people.others == "stay"),
            "people": _people(rule.people, event, budget) if rule.people else None,
        }
    )


def _values(rule: Rule, evaluation: Evaluation) -> tuple[dict[str, str], str]:
    """The fields of the event, and why the time fields are left out, if one of them is not a valid time."""
    values, no_time = dict[str, str](), ""
    for field, source in rule.set.items():
        try:
            values[field.value] = evaluation.text(template(source)).strip()
        except Refused as refused:
            if field not in TIMES or refused.code not in NO_TIME:
                raise
            no_time = no_time or str(refused)
    kept = {name: value for name, value in values.items() if value and not (no_time and name in TIMES)}
    return kept, no_time


def _identifying(name: str, text: str, least: int = 1) -> str:
    """An identifier from a template, which is refused when too long, never cut."""
    text = text.strip()
    if not least <= len(text) <= OBJECT_MAX:
        raise Refused(
            Code.INVALID_RULE,
            f"“{name}” came to {len(text)} characters; it needs from {least} to {OBJECT_MAX}.",
        )
    return text


def _version(value: Any) -> float:
    """An increasing number: the value itself, or a time in microseconds."""
    if isinstance(value, str) and times.whole(value) and len(value) <= 17:
        value = int(value)
    if isinstance(value, str):
        return float(round(times.moment(value).timestamp() * 1_000_000))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(
            Code.INVALID_RULE, f"“version” came to {shown(value)}, which is neither a number nor a time."
        )
    if not abs(value) <= _VERSION_MAX:
        raise Refused(Code.INVALID_RULE, "“version” came to a number of more than 53 bits.")
    return float(value)


def _people(people: RulePeople, event: Any, budget: StepBudget) -> tuple[MappedPerson, ...]:
    """The people, each address once, as first mentioned."""
    items = Evaluation({"event": event}, budget).value(expression(people.each))
    if not isinstance(items, list):
        raise Refused(Code.INVALID_RULE, f"“each” came to {shown(items)}; it must come to a list.")
    found: dict[str, MappedPerson] = {}
    for item in items:
        person = _person(people, Evaluation({"event": event, "item": item}, budget))
        if person.email:
            found.setdefault(person.email.lower(), person)
    return tuple(found.values())


def _person(people: RulePeople, evaluation: Evaluation) -> MappedPerson:
    email = evaluation.text(template(people.email)).strip(" ")
    if not email:
        return MappedPerson(email="")
    fields = {name: evaluation.text(template(source)) for name, source in people.fields.items()}
    return MappedPerson(email=email, name=evaluation.text(template(people.name)).strip(), fields=fields)
