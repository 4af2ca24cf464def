"""How the root refuses a program's request: as a problem (RFC 9457), or as OAuth does (RFC 6750)."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Scope

from cis_mcp.rest.catalog import REFERENCE
from cis_mcp.rest.problems import problem


def turned_away(
    scope: Scope, status: int, error: str, words: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer to a request that reaches no face; browsers get it as text for people."""
    if scope.get("path", "").startswith(("/v1/", *REFERENCE)):
        return problem(status, error, words, headers=headers)
    if b"text/html" in dict(scope.get("headers", ())).get(b"accept", b""):
        return PlainTextResponse(f"{words[:1].upper()}{words[1:]}.\n", status, headers)
    return JSONResponse({"error": error, "error_description": words}, status, headers=headers)
