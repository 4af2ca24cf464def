"""Writes docs/rest.md and docs/openapi.json from the registry of endpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cis_mcp.rest.catalog import EVERY
from cis_mcp.rest.endpoint import Endpoint
from cis_mcp.rest.openapi import document

_SERVER = "https://cis.example.com"
_HEAD = """\
# REST

`make docs` writes this page from the code; change the code, not the page.

`cis-mcp serve --http HOST:PORT` answers under `/v1` with the same commands, bounds and refusals as the tools. The
OpenAPI 3.1 document is at `/openapi.json` (and in [openapi.json](openapi.json)). A key goes into
`Authorization: Bearer …` or `x-api-key: …`; make one with `cis-mcp key create`.

- `/explorer` shows every operation as a form: send it, see the raw answer, copy it as a curl command. The key stays in
  the page.
- Bodies are JSON (`Content-Type: application/json`), at most 16 MiB. Unknown parameters and members are refused.
- A refusal is a problem (RFC 9457, `application/problem+json`) with `code`, `detail`, `hint` and `sent` (whether
  any mail left); `errors` names each field of the request that is invalid. The codes are those of
  [tools.md](tools.md).
- An event's revision is its ETag. With `If-Match`, a change to a revision that you have not seen is refused (412);
  with `If-None-Match`, an unchanged event answers 304. Changes that do not compare revisions refuse `If-Match`.
- `POST` of an event, a page, a link, a key or a webhook takes an `Idempotency-Key`. Every other operation refuses one:
  it is safe to repeat, or its description says what repeating it does.
- Lists have `limit` and `cursor`; cursors are opaque.
- A request that needs someone's approval answers 202 with `held`.
- 429 and 503 say in `Retry-After` when to try again.
"""


def golden() -> str:
    """The document as it is committed; it does not depend on the version of the release."""
    spoken = document(_SERVER)
    spoken["info"]["version"] = "1"
    return json.dumps(spoken, indent=1, ensure_ascii=False) + "\n"


def rest_md() -> str:
    """The page of all operations."""
    parts, tag = [_HEAD], ""
    for endpoint in EVERY:
        if endpoint.tag != tag:
            tag = endpoint.tag
            parts.append(f"## {tag.capitalize()}\n")
        parts.append("\n".join(_section(endpoint)))
    return "\n".join(parts)


def _section(endpoint: Endpoint) -> Iterator[str]:
    yield f"### {endpoint.method} {endpoint.path}\n"
    yield f"{endpoint.description} Verb of the key: `{endpoint.verb}`.\n"
    rows = [*_rows("query", endpoint.query, skip=endpoint.parameters), *_rows("body", endpoint.body)]
    if rows:
        yield "| field | in | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    answer = f"`{endpoint.answer.__name__}`" if endpoint.answer else f"`{endpoint.media}`"
    yield f"Answers {endpoint.status} with {answer}.\n"


def _rows(place: str, model: Any, skip: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items() if model else ():
        if name not in skip:
            mark = " (required)" if field.is_required() else ""
            words = (field.description or "").replace("|", "\\|")
            yield f"| `{name}`{mark} | {place} | {words} |"
