"""JSON schemas of tools, as short as they can be: every model that sees the tools reads them all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

_UNSAID = frozenset({"minLength", "maxLength", "exclusiveMinimum"})
"""Said to whom it concerns; Gemini's API refuses a list of tools for the last one."""
_NAMED = frozenset({"properties", "$defs"})
"""Keywords whose keys are names of ours, not keywords."""


def argument_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of arguments, without `$ref`, for clients that don't follow them, and without null.

    Null stands for “left out” and is accepted; saying so for each argument would only invite it. How long a text
    may be is not said either: who comes near it is told then, and everybody else need not read it. Made once for
    each model, and not to be changed.
    """
    return _arguments(model)


@cache
def _arguments(model: type[BaseModel]) -> dict[str, Any]:
    whole = _undocumented(model.model_json_schema(by_alias=True))
    definitions = whole.pop("$defs", {})
    return _object(_without_null(_inlined(_untitled(whole, _UNSAID), _untitled(definitions, _UNSAID))))


def result_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a result; open, so that a client which keeps it takes what a later server adds.

    Nothing is required at its top: clients hold refusals against it as well (the TypeScript SDK does), and a
    refusal has a code and a message instead. Below it everything is always there, so that saying it tells nothing.
    """
    return _result(model, GenerateJsonSchema)


def _result(model: type[BaseModel], generator: type[GenerateJsonSchema]) -> dict[str, Any]:
    whole = _undocumented(model.model_json_schema(mode="serialization", schema_generator=generator))
    return _object(_open(_untitled(whole, frozenset({"required"}))))


@cache
def listed_result(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a result as tools/list has it: the names at its top and their types; what is nested is open.

    The answer itself shows what it holds, and docs/tools.md spells it out: every model that connects would read it.
    Made once for each model, and not to be changed.
    """
    whole = _result(model, type("_TopOf", (_Top,), {"model": model}))
    definitions = whole.get("$defs", {})
    properties = {name: _typed(node, definitions) for name, node in whole["properties"].items()}
    return {"properties": properties, "type": "object"}


class _Top(GenerateJsonSchema):
    """Goes into no other model than its own: what is nested is two thirds of the work."""

    model: ClassVar[type[BaseModel]]

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        return super().model_schema(schema) if schema["cls"] is self.model else {"type": "object"}


def _typed(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The type of a property, or its types if it may be null."""
    if isinstance(ref := node.get("$ref"), str):
        return _typed(definitions[ref.rsplit("/", 1)[-1]], definitions)
    options = [_typed(option, definitions)["type"] for option in node.get("anyOf", ())]
    return {"type": options or node["type"]}


def shown_by(tool: str) -> WithJsonSchema:
    """Stands for a record where it is repeated: the schema of `tool` spells it out once."""
    return WithJsonSchema({"type": "object", "description": f"as {tool} gives it"}, mode="serialization")


def _undocumented(schema: dict[str, Any]) -> dict[str, Any]:
    """Without the docstrings of the types that it defines."""
    for definition in schema.get("$defs", {}).values():
        definition.pop("description", None)
    return schema


def _object(node: object) -> dict[str, Any]:
    assert isinstance(node, dict), "a model's schema is an object"
    return node


def _open(node: Any, *, named: bool = False) -> Any:
    if isinstance(node, list):
        return [_open(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _open(value, named=not named and key in _NAMED)
        for key, value in node.items()
        if named or key != "additionalProperties" or value is not False
    }


def _untitled(node: Any, others: frozenset[str] = frozenset(), *, named: bool = False) -> Any:
    """Without the titles that pydantic makes of field names, the docstrings of models, and `others`."""
    if isinstance(node, list):
        return [_untitled(item, others) for item in node]
    if not isinstance(node, dict):
        return node
    dropped = set() if named else {"title", *others} | ({"description"} if "properties" in node else set())
    return {
        key: _untitled(value, others, named=not named and key in _NAMED)
        for key, value in node.items()
        if key not in dropped
    }


def _inlined(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inlined(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(ref := node.get("$ref"), str):
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        node = {**definitions[ref.rsplit("/", 1)[-1]], **siblings}
    if "const" in node and "properties" not in node:
        # The same, as all clients understand it.
        node = {**{key: value for key, value in node.items() if key != "const"}, "enum": [node["const"]]}
    return {key: _inlined(value, definitions) for key, value in node.items()}


def _without_null(schema: Any) -> Any:
    """Each property that may be null as what else it may be."""
    properties = {name: _not_null(one) for name, one in schema.get("properties", {}).items()}
    return {**schema, "properties": properties}


def _not_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    options = [option for option in schema.get("anyOf", []) if option != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    if rest.get("default", "") is None:
        del rest["default"]
    if len(options) == 1:
        return {**options[0], **rest}
    return {**({"anyOf": options} if options else {}), **rest}
