"""Corrects the forms in which clients and models send arguments, if they can mean only one thing."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from cis_mcp.mcp.tools.mistakes import CallMistake, WrongArguments

_CLIENTS_OWN = frozenset(
    {
        *("toolcallid", "callid", "tool", "toolname", "sessionid", "action", "chatinput", "requestid"),
        *("executionid", "threadid", "runid", "meta"),
    }
)
"""Arguments that n8n and others add to every tool, in lower case and without punctuation."""
_NO_VALUES = frozenset({"null", "NULL", "None", "none", "undefined"})
"""Texts that programs write for a missing value; a person may be called Null."""


def passed_over(model: type[BaseModel], given: Mapping[str, Any]) -> list[str]:
    """The arguments that clients add to every call and that the tool does not have."""
    known = _kinds(model)
    return [name for name in given if name not in known and _plain(name) in _CLIENTS_OWN]


def _plain(name: str) -> str:
    return name[:40].replace("_", "").replace("-", "").lower()


def shaped(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` in the forms of `model`, without values that mean “left out”. Raises WrongArguments."""
    values = _google_times(model, given)
    kinds = _kinds(model)
    found = {name: _value(model, kinds.get(name), name, value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


@cache
def _kinds(model: type[BaseModel]) -> dict[str, str]:
    """The kind of each argument, as `_kind` returns it."""
    found: dict[str, Any] = {name: field.annotation for name, field in model.model_fields.items()}
    return {name: _kind(annotation) for name, annotation in found.items()}


def _value(model: type[BaseModel], kind: str | None, name: str, value: Any) -> Any:
    if kind is None or value is None:
        return value
    if kind in {"texts", "parts"}:
        return _list(model, name, value, parts=kind == "parts")
    if kind == "mapping":
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
    if kind == "text" and isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if not isinstance(value, str):
        return value
    if not value.strip():
        return value if model.model_fields[name].is_required() else None
    if value.strip() in _NO_VALUES and kind != "choice":
        raise _no_value(name)
    return _text(name, value)


def _text(name: str, value: str) -> str:
    """A text without the notation that other programs put around it."""
    if name == "recurrence" and value.strip().upper().startswith("RRULE:"):
        return value.strip()[len("RRULE:") :]
    if name == "csv" and "\n" not in value:
        return value.replace("\\r\\n", "\n").replace("\\n", "\n")
    return value


def _list(model: type[BaseModel], name: str, value: Any, *, parts: bool) -> Any:
    """A list: a single item becomes a list of one, an address becomes a person, and nothing an empty list."""
    if isinstance(value, str) and not value.strip():
        return None
    items = value if isinstance(value, list) else [value]
    for number, item in enumerate(items):
        if isinstance(item, str) and item.strip() in _NO_VALUES and not _is_choice(model, name):
            raise _no_value(f"{name}.{number}")
    items = [item for item in items if item is not None]
    return [_part(name, number, item) for number, item in enumerate(items)] if parts else items


def _part(name: str, number: int, item: Any) -> Any:
    if isinstance(item, str):
        return {"email": item}
    if not isinstance(item, dict):
        return item
    if isinstance(item.get("name"), str) and item["name"].strip() in _NO_VALUES:
        raise _no_value(f"{name}.{number}.name")
    return {key: value for key, value in item.items() if value is not None}


def _google_times(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """`start` and `end` as Google's API has them, {dateTime, timeZone} or {date}, as our texts and `timezone`."""
    values = dict(given)
    if "timezone" not in _kinds(model):
        return values
    for name in {"start", "end"} & values.keys():
        value = values[name]
        if not isinstance(value, dict) or value.keys() - {"dateTime", "date", "timeZone"}:
            continue
        zone = value.get("timeZone")
        if zone is None or values.setdefault("timezone", zone) in {None, zone}:
            values[name] = value.get("dateTime") or value.get("date")
            values["timezone"] = values.get("timezone") or zone
    return values


def _no_value(place: str) -> WrongArguments:
    sentence = f"“{place}” stands for no value. Leave the argument out, or give a value."
    return WrongArguments([sentence], [CallMistake(field=place, expected="a value, or nothing at all")])


def _is_choice(model: type[BaseModel], name: str) -> bool:
    annotation: Any = model.model_fields[name].annotation
    return _of_choice(annotation)


@cache
def _of_choice(annotation: Any) -> bool:
    return any(_kind(kind) == "choice" for one in _options(annotation) for kind in get_args(one))


@cache
def _kind(annotation: Any) -> str:
    """The kind of an argument, apart from None: text, choice, texts, parts, mapping; empty for anything else."""
    kinds = {_plain_kind(option) for option in _options(annotation)} - {"none"}
    if kinds == {"texts", "choice"}:
        return "choice"
    if kinds <= {"text", "choice"}:
        return "choice" if "choice" in kinds else "text"
    return kinds.pop() if len(kinds) == 1 else ""


def _plain_kind(option: object) -> str:
    if option is type(None):
        return "none"
    if get_origin(option) in {list, tuple}:
        first = next(iter(get_args(option)), None)
        return "parts" if isinstance(first, type) and issubclass(first, BaseModel) else "texts"
    if get_origin(option) in {dict, Mapping} or option is dict:
        return "mapping"
    if get_origin(option) is Literal or (isinstance(option, type) and issubclass(option, Enum)):
        return "choice"
    return "text" if option is str else str(option)


def _options(annotation: object) -> tuple[object, ...]:
    """The types of a union, without annotations."""
    if get_origin(annotation) is Annotated:
        return _options(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(option for one in get_args(annotation) for option in _options(one))
    return (annotation,)
