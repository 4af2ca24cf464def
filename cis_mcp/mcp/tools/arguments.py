"""Strict arguments of a tool, and errors from which a model can repair its call."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from itertools import islice
from typing import Annotated, Any, TypeVar, get_args, get_origin

from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from cis_mcp.mcp.shape import VALUES_MAX, values_of
from cis_mcp.mcp.tools.mistakes import PROBLEMS_SHOWN, wrong_arguments
from cis_mcp.mcp.tools.shapes import passed_over, shaped
from engine.refusals import Code, Refused

DEPTH_MAX = 32
"""The greatest nesting of lists and objects in a caller's arguments."""

A = TypeVar("A", bound="Arguments")


class Arguments(ArgModelBase):
    """Base of every tool's arguments: an unknown argument is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, coerce_numbers_to_str=True)


class Part(BaseModel):
    """Base of what is nested in arguments: as strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, coerce_numbers_to_str=True)


def parse(tool: str, model: type[A], given: Mapping[str, Any]) -> A:
    """The arguments as `model`. Raises WrongArguments, and Refused(INVALID_ARGUMENT) for unpaired surrogates.

    The cost of a refusal is bounded: only the first few of many mistakes are examined.
    """
    given = without(given, passed_over(model, given))
    values = _unpacked(model, few_unknown(model, given))
    _refuse_broken_text(values)
    values = shaped(model, values)
    try:
        return model.model_validate({**values, **_parts(model, values)})
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    raise wrong_arguments(tool, model, errors, unknown=_unknown(model, given))


def without(given: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """`given` without the arguments of these names."""
    return {name: value for name, value in given.items() if name not in names} if names else given


def few_unknown(model: type[BaseModel], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """`given` with only the first few of the names that `model` does not know, since each is reported."""
    if len(given) <= PROBLEMS_SHOWN:
        return given
    known = model.model_fields
    few = list(islice((name for name in given if name not in known), PROBLEMS_SHOWN))
    return {name: given[name] for name in [*known, *few] if name in given}


def _unknown(model: type[BaseModel], given: Mapping[str, Any]) -> int:
    """How many names `model` does not know."""
    return len(given) - sum(name in given for name in model.model_fields)


def _parts(model: type[Arguments], values: Mapping[str, Any]) -> dict[str, list[Part]]:
    """The lists of parts in `values`, each part parsed separately. Raises ValidationError at the first wrong one."""
    found = {}
    for name, part in _lists_of_parts(model).items():
        if isinstance(rows := values.get(name), list):
            found[name] = [_part(part, name, number, row) for number, row in enumerate(rows)]
    return found


def _part(part: type[Part], name: str, number: int, row: object) -> Part:
    try:
        return part.model_validate(few_unknown(part, row) if isinstance(row, dict) else row)
    except ValidationError as error:
        raise _placed(error, (name, number)) from None


def _placed(error: ValidationError, place: tuple[str | int, ...]) -> ValidationError:
    """`error` moved to `place`, without the values that were given."""
    lines: list[InitErrorDetails] = [
        {
            "type": PydanticCustomError(line["type"], "wrong", line.get("ctx")),
            "loc": (*place, *line["loc"]),
            "input": None,
        }
        for line in error.errors(include_url=False, include_input=False)
    ]
    return ValidationError.from_exception_data(error.title, lines)


@cache
def _lists_of_parts(model: type[Arguments]) -> dict[str, type[Part]]:
    """The arguments that are lists of parts, with the parts' types."""
    kinds = {
        name: get_args(kind)[0]
        for name, field in model.model_fields.items()
        for kind in (field.annotation, *get_args(field.annotation))
        if get_origin(kind) is list
    }
    return {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Part)}


def _refuse_broken_text(values: Mapping[str, Any]) -> None:
    """Refuse unpaired surrogates, which are valid JSON but cannot be stored or mailed."""
    level: list[object] = [values]
    for _ in range(DEPTH_MAX):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise Refused(Code.INVALID_ARGUMENT, "An argument is nested too deep.", "Give it as its schema says.")


def _inside(value: object) -> Iterable[object]:
    """The texts, lists and objects in a list or object. Raises Refused for a text with unpaired surrogates."""
    if isinstance(value, str):
        _refuse_half(value)
        return ()
    if isinstance(value, dict):
        for name in value:
            _refuse_half(name)
        return [inner for inner in value.values() if isinstance(inner, str | list | dict)]
    return (
        [inner for inner in value if isinstance(inner, str | list | dict)] if isinstance(value, list) else ()
    )


def _refuse_half(text: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "An argument contains a broken character (half a surrogate pair).",
            "Write it again as plain Unicode text.",
        ) from None


def _unpacked(model: type[Arguments], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with lists and objects that some clients send as JSON text decoded, and texts unchanged."""
    values = dict(given)
    for name in _structured(model):
        if isinstance(values.get(name), str):
            if values_of(values[name]) > VALUES_MAX:
                raise Refused(
                    Code.TOO_LARGE,
                    f"{name} has more than {VALUES_MAX} values.",
                    "Send it in parts, or as csv.",
                )
            try:
                values[name] = json.loads(values[name])
            except (ValueError, RecursionError):
                # Validation will say what the argument should have been.
                continue
    return values


@cache
def _structured(model: type[Arguments]) -> tuple[str, ...]:
    """The arguments that are lists or objects, and never text."""
    return tuple(name for name, field in model.model_fields.items() if _holds_structure(field.annotation))


def _holds_structure(annotation: object) -> bool:
    """True for lists, mappings and models, also where they may be None; False if text is allowed."""
    if get_origin(annotation) is Annotated:
        return _holds_structure(get_args(annotation)[0])
    kinds = [annotation, *get_args(annotation)]
    if str in kinds and get_origin(annotation) not in {list, dict, tuple}:
        return False
    return any(get_origin(kind) in {list, dict, tuple} for kind in kinds)
