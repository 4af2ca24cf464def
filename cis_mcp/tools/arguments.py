"""Strict arguments of a tool, and errors from which a model can repair its call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import BaseModel, ConfigDict, ValidationError

from cis_mcp.tools.mistakes import wrong_arguments
from engine.refusals import Code, Refused


class Arguments(ArgModelBase):
    """Base of every tool's arguments: an unknown argument is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Part(BaseModel):
    """Base of what is nested in arguments: as strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def parse(tool: str, model: type[Arguments], given: Mapping[str, Any]) -> Arguments:
    """The arguments as `model`; raises WrongArguments, or Refused(INVALID_ARGUMENT) for text that is none."""
    values = _unpacked(model, given)
    _refuse_broken_text(values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False)
    raise wrong_arguments(tool, model, errors)


def _refuse_broken_text(values: Mapping[str, Any]) -> None:
    """Half a surrogate pair is valid JSON, but no text: nothing could store or mail it."""
    if all(name.isascii() and _plain(value) for name, value in values.items()):
        return
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise Refused(
            Code.INVALID_ARGUMENT,
            "An argument holds a broken character (half a surrogate pair), or is nested too deep.",
            "Write it again as plain Unicode text.",
        ) from None


def _plain(value: object) -> bool:
    return value.isascii() if isinstance(value, str) else value is None or isinstance(value, int | float)


def _unpacked(model: type[Arguments], given: Mapping[str, Any]) -> dict[str, Any]:
    """Lists and objects that a client sent as JSON text, as some do; text arguments are left alone."""
    values = dict(given)
    for name in _structured(model):
        if isinstance(values.get(name), str):
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
    """True for lists, mappings and models, also where they may be None; False where text is allowed."""
    if get_origin(annotation) is Annotated:
        return _holds_structure(get_args(annotation)[0])
    kinds = [annotation, *get_args(annotation)]
    if str in kinds and get_origin(annotation) not in {list, dict, tuple}:
        return False
    return any(get_origin(kind) in {list, dict, tuple} for kind in kinds)
