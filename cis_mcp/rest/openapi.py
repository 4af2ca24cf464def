"""The OpenAPI 3.1 document, made of the registry of endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from cis_mcp.rest.catalog import EVERY
from cis_mcp.rest.endpoint import Endpoint
from cis_mcp.rest.problems import MEDIA, Problem
from cis_mcp.views.undo import UndoInfo
from cis_mcp.views.version import version
from cis_mcp.views.waiting import HeldNotice

_REF = "#/components/schemas/{model}"
_TAGS = {
    "events": "Create, read, change, cancel, search",
    "people": "Invites, withdrawals, reminders, attendees, proposals, the report, the do-not-mail list",
    "organizers": "Who organizes events, and what the operator settles for them",
    "campaigns": "A list of people, judged as a draft and then sent",
    "counting": "Statistics, changes since a cursor, whole tables",
    "pages": "Public web pages",
    "links": "Links for newsletters",
    "triggers": "Rules for what systems of record post, and what was delivered",
    "agents": "Keys, approvals, mail to the agent, the record",
    "reference": "The paths and fields of the published Calendar Invite Server",
}
_PROBLEMS = {
    "400": "The request is not understood, or makes no sense; `errors` say where",
    "401": "No key that is known",
    "403": "The key may not do that",
    "404": "What the path names does not exist, or belongs to someone else",
    "409": "The state of the event or campaign does not allow it",
    "412": "If-Match names another revision",
    "413": "The body is too large",
    "429": "Too much at once; see Retry-After",
    "default": "Any other failure",
}


def document(public_url: str) -> dict[str, Any]:
    """The whole document, for a server at `public_url`."""
    schemas = _schemas(EVERY)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Calendar Invite Server",
            "version": version(),
            "description": "Creates events, mails personal calendar invites, counts the answers. Every refusal is a "
            "problem (RFC 9457) with a `code`, a `hint` and whether anything was `sent`.",
        },
        "servers": [{"url": public_url.rstrip("/")}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": _paths(schemas),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": schemas,
        },
    }


def _schemas(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The schemas of all models, by name."""
    wanted: list[tuple[Any, JsonSchemaMode]] = [
        (model, "serialization") for model in (Problem, HeldNotice, UndoInfo)
    ]
    for endpoint in endpoints:
        wanted += [(endpoint.answer, "serialization")] if endpoint.answer else []
        wanted += [(endpoint.body, "validation")] if endpoint.body else []
    _, found = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    schemas = {name: _lenient(schema) for name, schema in found["$defs"].items()}
    undo = {"undo": {"$ref": _REF.format(model=UndoInfo.__name__)}}
    for endpoint in endpoints:
        if endpoint.undoable and endpoint.answer:
            plain = schemas[endpoint.answer.__name__]
            schemas[_answer_name(endpoint)] = {**plain, "properties": {**plain["properties"], **undo}}
    return dict(sorted(schemas.items()))


def _answer_name(endpoint: Endpoint) -> str:
    """The schema of its answer: of what can be undone, one that may say how."""
    assert endpoint.answer is not None
    return f"{endpoint.answer.__name__}{'Undoable' if endpoint.undoable else ''}"


def _lenient(node: Any) -> Any:
    """A schema without uniqueItems: what a set gets twice counts once, and is no mistake."""
    if isinstance(node, list):
        return [_lenient(one) for one in node]
    if isinstance(node, dict):
        return {name: _lenient(value) for name, value in node.items() if name != "uniqueItems"}
    return node


def _paths(schemas: dict[str, Any]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for endpoint in EVERY:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return paths


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.description.partition(". ")[0].rstrip("."),
        "description": f"{endpoint.description} Needs a key with the verb `{endpoint.verb}`.",
        "parameters": [*_parameters(endpoint), *_headers(endpoint)],
        "responses": dict(_responses(endpoint)),
    }
    if endpoint.body:
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        schema = {"$ref": _REF.format(model=endpoint.body.__name__)}
        operation["requestBody"] = {"required": required, "content": {"application/json": {"schema": schema}}}
    return operation


def _parameters(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """The names in the path, and those of the query."""
    schema = endpoint.query.model_json_schema()
    definitions = schema.get("$defs", {})
    for name, node in schema.get("properties", {}).items():
        in_path = name in endpoint.parameters
        found = {
            "name": name,
            "in": "path" if in_path else "query",
            "required": name in schema.get("required", ()),
            "schema": _plain(node, definitions),
        }
        if "description" in node:
            found["description"] = node["description"]
        yield found


def _plain(node: Any, definitions: dict[str, Any]) -> Any:
    """A parameter's schema: nothing refers elsewhere, and what may be left out is never null."""
    if isinstance(node, list):
        return [_plain(one, definitions) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rsplit("/", 1)[-1]], definitions)
    options = [one for one in node.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) == 1:
        rest = {k: v for k, v in node.items() if k not in {"anyOf", "default"}}
        return _plain({**options[0], **rest}, definitions)
    return {k: _plain(v, definitions) for k, v in node.items() if k not in {"title", "description"}}


def _headers(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """The headers that count for this operation."""
    if endpoint.repeatable:
        bounds = {"minLength": 1, "maxLength": 200}
        yield _header("Idempotency-Key", "any text of yours; the same makes the same thing once", **bounds)
    if endpoint.of_revision:
        yield _header("If-Match", "the ETag of the revision that you have seen")
    if endpoint.etag and not endpoint.changes:
        yield _header("If-None-Match", "the ETag that you have: 304 if it is still so")


def _header(name: str, description: str, **bounds: int) -> dict[str, Any]:
    schema = {"type": "string", **bounds}
    return {"name": name, "in": "header", "required": False, "schema": schema, "description": description}


def _responses(endpoint: Endpoint) -> Iterator[tuple[str, Any]]:
    done = _done(endpoint)
    yield str(endpoint.status), done
    if endpoint.status == 201:
        yield "200", {**done, "description": "It was there already; nothing was done now"}
    if endpoint.changes and endpoint.status != 202:
        waits = {"schema": {"$ref": _REF.format(model=HeldNotice.__name__)}}
        yield "202", {"description": "It waits for approval", "content": {"application/json": waits}}
    if endpoint.etag and not endpoint.changes:
        yield "304", {"description": "The revision is still the one that If-None-Match names"}
    problem: dict[str, Any] = {MEDIA: {"schema": {"$ref": _REF.format(model=Problem.__name__)}}}
    if endpoint.media == "text/plain":
        problem["text/plain"] = {"schema": {"type": "string"}}
    for status, words in _PROBLEMS.items():
        yield status, {"description": words, "content": problem}


def _done(endpoint: Endpoint) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if endpoint.media == "text/event-stream":
        schema = {}
    if endpoint.answer:
        schema = {"$ref": _REF.format(model=_answer_name(endpoint))}
    content: dict[str, Any] = {endpoint.media: {"schema": schema}, **{other: {} for other in endpoint.also}}
    found: dict[str, Any] = {"description": "Done", "content": content}
    if endpoint.etag:
        found["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "the revision"}}
    return found
