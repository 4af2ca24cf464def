"""Filters and tests of rules: each takes and returns bounded JSON values and declares its cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.refusals import Code, Refused
from engine.rules import times
from engine.rules.values import MISSING, TEXT_MAX, Missing, look_up, scalar_text, shown


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _refused(value, "a text")
    return value


def _list(value: Any) -> Sequence[Any]:
    if not isinstance(value, list):
        raise _refused(value, "a list")
    return value


def _refused(value: Any, wanted: str) -> Refused:
    return Refused(Code.INVALID_RULE, f"{shown(value)} is not {wanted}.")


def bounded(text: str) -> str:
    """`text`, if it is within the limit. Raises Refused: TOO_LARGE."""
    if len(text) > TEXT_MAX:
        raise too_long()
    return text


def too_long() -> Refused:
    return Refused(Code.TOO_LARGE, f"A text of the rule has more than {TEXT_MAX} characters.")


def _default(value: Any, other: Any = "", empty_too: Any = False) -> Any:
    """`other` if `value` is missing or null; also if it is empty, with `true` as the second argument."""
    return other if isinstance(value, Missing) or value is None or (empty_too and not value) else value


def _first(value: Any) -> Any:
    return value[0] if _list(value) else Missing("the first of an empty list")


def _last(value: Any) -> Any:
    return value[-1] if _list(value) else Missing("the last of an empty list")


def _length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise _refused(value, "a text or a list")
    return len(value)


def _join(value: Any, between: Any = "", attribute: Any = None) -> str:
    parts = _list(value) if attribute is None else _map(value, attribute=attribute)
    glue, length, texts = _text(between), 0, []
    for part in parts:
        texts.append(scalar_text(part))
        length += len(texts[-1]) + len(glue)
        if length > TEXT_MAX + len(glue):
            raise too_long()
    return glue.join(texts)


def _int(value: Any, other: Any = MISSING) -> Any:
    found = _number(value, other)
    return int(found) if isinstance(found, float) else found


def _float(value: Any, other: Any = MISSING) -> Any:
    found = _number(value, other)
    return float(found) if isinstance(found, int) else found


def _number(value: Any, other: Any) -> Any:
    try:
        if isinstance(value, str) and len(value) <= 40:
            value = int(value) if value.strip().lstrip("+-").isdecimal() else float(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
    except (ValueError, OverflowError):
        pass
    if other is MISSING:
        raise _refused(value, "a number")
    return other


def _map(value: Any, name: Any = None, *, attribute: Any = None) -> list[Any]:
    if (name is None) == (attribute is None):
        raise Refused(Code.INVALID_RULE, "map takes attribute='…', or the name of a filter.")
    if attribute is not None:
        return [_attribute(one, attribute) for one in _list(value)]
    simple = _MAPPED.get(name) if isinstance(name, str) else None
    if simple is None:
        raise Refused(Code.INVALID_RULE, f"map takes one of {', '.join(_MAPPED)}.")
    return [simple(one) for one in _list(value)]


def _attribute(value: Any, path: Any) -> Any:
    for name in _text(path).split("."):
        value = look_up(value, name)
        if isinstance(value, Missing):
            break
    return value


def _selected(value: Any, path: Any, test: Any = None, *arguments: Any, wanted: bool) -> list[Any]:
    name = "truth" if test is None else test
    check = _truth if test is None else TESTS.get(name) if isinstance(name, str) else None
    if check is None:
        raise Refused(Code.INVALID_RULE, f"selectattr takes one of the tests {', '.join(sorted(TESTS))}.")
    return [one for one in _list(value) if bool(check(_attribute(one, path), *arguments)) is wanted]


def _truth(value: Any) -> bool:
    return not isinstance(value, Missing) and bool(value)


def _select(value: Any, path: Any, *rest: Any) -> list[Any]:
    return _selected(value, path, *rest, wanted=True)


def _reject(value: Any, path: Any, *rest: Any) -> list[Any]:
    return _selected(value, path, *rest, wanted=False)


def _unique(value: Any) -> list[Any]:
    """The list without duplicates, ignoring case."""
    found: dict[Any, Any] = {}
    for one in _list(value):
        if not isinstance(one, str | int | float | bool | None):
            raise _refused(one, "a text or a number")
        found.setdefault((type(one), one.lower() if isinstance(one, str) else one), one)
    return list(found.values())


def same(left: Any, right: Any) -> bool:
    """True if two values are equal; lists and dicts are not compared."""
    for value in (left, right):
        if isinstance(value, Missing):
            raise value.refused()
        if isinstance(value, list | dict):
            raise _refused(value, "a text or a number, which alone can be compared")
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def less(left: Any, right: Any) -> bool:
    """True if one number, or one text, comes before the other."""
    for value in (left, right):
        if isinstance(value, Missing):
            raise value.refused()
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in (left, right))
    if not numbers and not all(isinstance(one, str) for one in (left, right)):
        raise Refused(
            Code.INVALID_RULE,
            f"{shown(left)} and {shown(right)} have no order: compare two numbers or texts.",
        )
    return bool(left < right)


def contains(value: Any, group: Any) -> bool:
    """True if a value is in a list, a text in a text, or a name in a dict."""
    for one in (value, group):
        if isinstance(one, Missing):
            raise one.refused()
    if isinstance(group, list):
        return any(not isinstance(one, list | dict | Missing) and same(one, value) for one in group)
    if isinstance(group, str | dict):
        return _text(value) in group
    raise _refused(group, "a list, a text or an object")


FILTERS: Mapping[str, Callable[..., Any]] = {
    "default": _default,
    "lower": lambda value: bounded(_text(value).lower()),
    "upper": lambda value: bounded(_text(value).upper()),
    "trim": lambda value: _text(value).strip(),
    "first": _first,
    "last": _last,
    "length": _length,
    "join": _join,
    "int": _int,
    "float": _float,
    "string": scalar_text,
    "list": lambda value: list(_list(value)),
    "map": _map,
    "selectattr": _select,
    "rejectattr": _reject,
    "unique": _unique,
    "date": times.date,
    "plus_minutes": times.plus_minutes,
    "in_zone": times.in_zone,
}
_MAPPED: Mapping[str, Callable[[Any], Any]] = {
    name: FILTERS[name] for name in ("lower", "upper", "trim", "int", "float", "string", "length")
}
TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Missing),
    "undefined": lambda value: isinstance(value, Missing),
    "none": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "mapping": lambda value: isinstance(value, dict),
    "sequence": lambda value: isinstance(value, list),
    "in": contains,
    "eq": same,
    "equalto": same,
    "ne": lambda value, other: not same(value, other),
    "lt": less,
    "gt": lambda value, other: less(other, value),
    "le": lambda value, other: not less(other, value),
    "ge": lambda value, other: not less(value, other),
}
TOLERANT = frozenset({"default", "defined", "undefined"})
"""Filters and tests that accept missing values."""
