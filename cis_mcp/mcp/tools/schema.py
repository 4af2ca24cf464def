"""JSON schemas of tools, as short as possible, since every model that sees the tools reads them all."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, WithJsonSchema
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

_UNSAID = frozenset({"minLength", "maxLength", "exclusiveMinimum"})
"""Keywords left out: a caller who exceeds such a limit is told then, and Gemini's API refuses the last one."""
_NAMED = frozenset({"properties", "$defs"})
"""Keywords whose keys are names of ours, not keywords."""


def argument_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of arguments, without `$ref`, for clients that don't follow them, and without null.

    Null means “left out” and is accepted; stating that for each argument would only invite it. Limits of length are
    not stated either: a caller who exceeds one is told then. The schema is made once for each model and must not be
    changed.
    """
    return _arguments(model)


@cache
def _arguments(model: type[BaseModel]) -> dict[str, Any]:
    whole = _undocumented(model.model_json_schema(by_alias=True))
    definitions = whole.pop("$defs", {})
    return _object(_without_null(_inlined(_untitled(whole, _UNSAID), _untitled(definitions, _UNSAID))))


def result_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a result, which is open, so that a client that stores it accepts additions of later servers.

    Nothing is required at the top level: clients such as the TypeScript SDK also validate refusals against it, which
    have a code and a message instead. Below it every field is always present, so stating that is useless.
    """
    return _result(model, GenerateJsonSchema)


def _result(model: type[BaseModel], generator: type[GenerateJsonSchema]) -> dict[str, Any]:
    whole = _undocumented(model.model_json_schema(mode="serialization", schema_generator=generator))
    return _object(_open(_untitled(whole, frozenset({"required"}))))


@cache
def listed_result(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a result for tools/list: only the top-level names and their types.

    The result itself shows its content, and docs/tools.md describes it; otherwise every model that connects would read
    it here. The schema is made once for each model and must not be changed.
    """
    whole = _result(model, type("_TopOf", (_Top,), {"model": model}))
    definitions = whole.get("$defs", {})
    properties = {name: _typed(node, definitions) for name, node in whole["properties"].items()}
    return {"properties": properties, "type": "object"}


class _Top(GenerateJsonSchema):
    """Generates the schema of one model without nested models, which are two thirds of the work."""

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
    """A short schema for a repeated record, which the schema of `tool` describes once."""
    return WithJsonSchema({"type": "object", "description": f"as {tool} gives it"}, mode="serialization")


def _undocumented(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without the docstrings of the types it defines."""
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
    """The schema without the titles that pydantic derives from names, the docstrings of models, and `others`."""
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
    """The schema with null removed from each property that may be null."""
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
