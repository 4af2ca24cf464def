"""Reads what a request holds, into the models of its endpoint; every mistake is named, and changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from cis_mcp.rest.endpoint import Endpoint
from cis_mcp.rest.models import Body, Query
from cis_mcp.rest.problems import Mistake, MistakesError, mistakes
from engine.process import pools
from engine.refusals import Code, Refused

BODY_MAX = 16 * 1024 * 1024
"""Bytes of a body, as of the MCP endpoint."""
_LARGE = 64 * 1024
"""Bytes of a body that is read at once; more of them are read in a thread."""
_PARAMETERS_MAX = 100

M = TypeVar("M", bound=BaseModel)


def query_of(endpoint: Endpoint, request: Request) -> Query:
    """Path and query. Raises MistakesError."""
    given = dict(_given(request.scope["query_string"], endpoint.query))
    doubled = [name for name in request.path_params if name in given]
    if doubled:
        raise MistakesError([Mistake(field=doubled[0], detail="belongs into the path")])
    try:
        return endpoint.query.model_validate({**given, **request.path_params})
    except ValidationError as error:
        raise mistakes("", error.errors(include_url=False, include_input=False)) from None


def _given(raw: bytes, model: type[Query]) -> Mapping[str, Any]:
    """The parameters of a query; one that may be several is a list, any other that comes twice a mistake."""
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_MAX
        )
    except (UnicodeDecodeError, ValueError):
        raise MistakesError([Mistake(field="query", detail="is not UTF-8, or too long")]) from None
    found: dict[str, Any] = {}
    for name, value in pairs:
        if _several(model, name):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise MistakesError([Mistake(field=name[:60], detail="is given twice")])
        else:
            found[name] = value
    return found


def _several(model: type[Query], name: str) -> bool:
    field = model.model_fields.get(name)
    kinds = (field.annotation, *get_args(field.annotation)) if field else ()
    return any(get_origin(kind) is list for kind in kinds)


async def body_of(endpoint: Endpoint, request: Request) -> Body | None:
    """The body. Raises MistakesError; Refused: TOO_LARGE."""
    if endpoint.body is None:
        return None
    raw = await _content(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if raw and kind != "application/json":
        raise MistakesError([Mistake(field="Content-Type", detail="should be application/json")])
    if len(raw) > _LARGE:
        return await pools.LISTS.run(_read, endpoint.body, raw)
    return _read(endpoint.body, raw or b"{}")


def _read(model: type[M], raw: bytes) -> M:
    try:
        # Strict also in models of the engine that a body holds.
        return model.model_validate_json(raw, strict=True)
    except ValidationError as error:
        raise mistakes("body", error.errors(include_url=False, include_input=False)) from None


async def _content(request: Request) -> bytes:
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > BODY_MAX:
            raise Refused(
                Code.TOO_LARGE,
                f"A body may have at most {BODY_MAX} bytes.",
                "Send a long list in several parts.",
            )
        pieces.append(piece)
    return b"".join(pieces)
