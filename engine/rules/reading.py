"""Reads rules from YAML: every scalar is text, and features beyond lists and mappings are refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from engine.model.rules import RULES_MAX, Lookup, Reconciling, Rule
from engine.refusals import Code, Refused

FILE_MAX = 50_000
"""The most characters of a document."""
_DEPTH_MAX = 6


def rules_of(text: str) -> tuple[Rule, ...]:
    """The rules in a YAML document: one, or a list of them. Raises Refused: INVALID_RULE, TOO_LARGE."""
    if len(text) > FILE_MAX:
        raise Refused(Code.TOO_LARGE, f"The rules have {len(text)} characters; {FILE_MAX} are allowed.")
    value = _value(text)
    listed = value if isinstance(value, list) else [value]
    if not 1 <= len(listed) <= RULES_MAX:
        raise Refused(
            Code.INVALID_RULE, f"A trigger has from 1 to {RULES_MAX} rules; these are {len(listed)}."
        )
    return tuple(_rule(one, place) for place, one in enumerate(listed, 1))


def lookups_of(text: str) -> tuple[tuple[Lookup, ...], Reconciling | None]:
    """The `lookups` and `reconcile` of a YAML document. Raises Refused: INVALID_RULE, TOO_LARGE."""
    if len(text) > FILE_MAX:
        raise Refused(Code.TOO_LARGE, f"The look-ups have {len(text)} characters; {FILE_MAX} are allowed.")
    value = _value(text)
    if not isinstance(value, dict) or set(value) - {"lookups", "reconcile"}:
        raise _refused("hold something other than “lookups” and “reconcile”")
    try:
        listed = tuple(Lookup.model_validate(one) for one in value.get("lookups") or ())
        how = value.get("reconcile")
        return listed, Reconciling.model_validate(how) if how else None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "a look-up"
        raise Refused(Code.INVALID_RULE, f"{where}: {first['msg']}.") from None


def _value(text: str) -> Any:
    # YAML is imported here since few processes ever read a rule.
    import yaml

    try:
        return _built(yaml.parse(text, Loader=yaml.BaseLoader))
    except yaml.YAMLError as error:
        why = " ".join(str(error).split())[:200]
        raise _refused(f"are not YAML: {why}") from None


def _built(events: Iterable[Any]) -> Any:
    """The value that YAML's events describe, with every scalar as text, so that `no` and `1e3` stay unchanged."""
    documents: list[Any] = []
    open_ones: list[list[Any]] = [documents]
    mappings = [False]
    for event in events:
        kind = type(event).__name__
        if kind == "AliasEvent" or getattr(event, "anchor", None) or getattr(event, "tag", None):
            raise _refused("hold YAML anchors, references or tags, which they must not")
        if kind == "ScalarEvent":
            open_ones[-1].append(event.value)
        elif kind in {"SequenceStartEvent", "MappingStartEvent"}:
            open_ones.append([])
            mappings.append(kind == "MappingStartEvent")
        elif kind in {"SequenceEndEvent", "MappingEndEvent"}:
            ended = open_ones.pop()
            open_ones[-1].append(_named(ended) if mappings.pop() else ended)
        if len(open_ones) > _DEPTH_MAX:
            raise _refused(f"are deeper than {_DEPTH_MAX} levels")
    if len(documents) > 1:
        raise _refused("are several YAML documents; one is allowed")
    return documents[0] if documents else None


def _named(values: list[Any]) -> dict[str, Any]:
    """A mapping from alternating names and values; a repeated name is refused."""
    names = values[::2]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise _refused("have a name that occurs twice or is not text")
    return dict(zip(names, values[1::2], strict=True))


def _refused(what: str) -> Refused:
    return Refused(Code.INVALID_RULE, f"The rules {what}.")


def _rule(value: Any, place: int) -> Rule:
    if not isinstance(value, dict):
        said = f"Rule {place} is no mapping of names to values, such as “when: …” and “do: …”."
        raise Refused(Code.INVALID_RULE, said)
    try:
        return Rule.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the rule"
        said = str(first["msg"]).replace("Input should", "it should")
        raise Refused(Code.INVALID_RULE, f"Rule {place}: {where}: {said}.") from None
