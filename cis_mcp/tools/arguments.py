"""Strict arguments of a tool, and errors from which a model can repair its call."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from engine.refusals import Code, Refused

_PROBLEMS_SHOWN = 3
_NAME_SHOWN = 60


class Arguments(ArgModelBase):
    """Base of every tool's arguments: an unknown argument is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


class Part(BaseModel):
    """Base of what is nested in arguments: as strict."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)


def parse(tool: str, model: type[Arguments], given: Mapping[str, Any]) -> Arguments:
    """The arguments as `model`; Refused(INVALID_ARGUMENT) says which is wrong and shows how it should be."""
    values = _unpacked(model, given)
    _refuse_broken_text(values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
    said = [_sentence(tool, model, problem) for problem in problems[:_PROBLEMS_SHOWN]]
    if len(problems) > _PROBLEMS_SHOWN:
        said.append(f"And {len(problems) - _PROBLEMS_SHOWN} more problems.")
    hint = "Correct that and call again; nothing was done."
    raise Refused(Code.INVALID_ARGUMENT, " ".join(said), hint)


def _refuse_broken_text(values: Mapping[str, Any]) -> None:
    """Half a surrogate pair is valid JSON, but no text: nothing could store or mail it."""
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise Refused(
            Code.INVALID_ARGUMENT,
            "An argument holds a broken character (half a surrogate pair), or is nested too deep.",
            "Write it again as plain Unicode text.",
        ) from None


def _unpacked(model: type[Arguments], given: Mapping[str, Any]) -> dict[str, Any]:
    """Lists and objects that a client sent as JSON text, as some do; text arguments are left alone."""
    values = dict(given)
    for name, field in model.model_fields.items():
        if isinstance(values.get(name), str) and _holds_structure(field.annotation):
            try:
                values[name] = json.loads(values[name])
            except (ValueError, RecursionError):
                # Validation will say what the argument should have been.
                continue
    return values


def _holds_structure(annotation: object) -> bool:
    """True for lists, mappings and models, also where they may be None; False where text is allowed."""
    if get_origin(annotation) is Annotated:
        return _holds_structure(get_args(annotation)[0])
    kinds = [annotation, *get_args(annotation)]
    if str in kinds and get_origin(annotation) not in {list, dict, tuple}:
        return False
    return any(get_origin(kind) in {list, dict, tuple} for kind in kinds)


def _sentence(tool: str, model: type[Arguments], problem: ErrorDetails) -> str:
    where = _place(problem)
    field = model.model_fields.get(str(problem["loc"][0])) if problem["loc"] else None
    match problem["type"]:
        case "extra_forbidden" if len(problem["loc"]) == 1:
            return _unknown(tool, model, where)
        case "extra_forbidden":
            return f"“{where}” is not known there."
        case "missing":
            return f"“{where}” is missing.{_example(field)}"
        case _:
            return f"“{where}” is wrong: {_expectation(problem['msg'])}.{_example(field)}"


def _place(problem: ErrorDetails) -> str:
    return ".".join(str(part) for part in problem["loc"])[:_NAME_SHOWN] or "arguments"


def _unknown(tool: str, model: type[Arguments], name: str) -> str:
    known = list(model.model_fields)
    close = difflib.get_close_matches(name, known, n=1)
    guess = f" Did you mean “{close[0]}”?" if close else ""
    return f"{tool} has no argument “{name}”.{guess} Its arguments are: {', '.join(known)}."


def _expectation(message: str) -> str:
    """Pydantic's sentence in our words; it never holds the rejected value."""
    return message.replace("Input should be", "it should be").replace("Value error, ", "").rstrip(".")


def _example(field: FieldInfo | None) -> str:
    if field is None:
        return ""
    if field.examples:
        return f" Example: {json.dumps(field.examples[0], ensure_ascii=False)}."
    return f" It is: {field.description}." if field.description else ""
