"""Writes the pages that are made from the code: `python -m cis_mcp.manual.write`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cis_mcp.manual.exports import exports_md
from cis_mcp.manual.forecast import forecast_md
from cis_mcp.manual.llms import llms_txt
from cis_mcp.manual.opening import opening_json
from cis_mcp.manual.rest import golden, rest_md
from cis_mcp.mcp.listed import Tier
from cis_mcp.mcp.tools.base import Spec
from cis_mcp.mcp.tools.catalog import SPECS
from cis_mcp.mcp.tools.schema import argument_schema, result_schema
from engine.refusals import Code

_HEAD = """\
# Tools

`make docs` writes this page from the code; change the code, not the page.

| tier | tools | chosen by |
|---|---|---|
{tiers}

A server has the tools of its tier; `--tools a,b` has only those named, `--exclude-tools a,b` leaves some out, and
`--read-only` leaves out all that change something. `--tier`, `--tools` and `--read-only` of `cis-mcp key create`
narrow a key further, and a key sees only the tools that its scopes allow. To a caller, a tool that it may not use
does not exist.

Unknown arguments are an error. Every result is a text that stands on its own, and the same facts as data
(`structuredContent`); text and data together stay under 75,000 bytes, about 25,000 tokens. If a list does not fit, the
result has part of it and a cursor for the rest. A refusal has `isError`, a `code`, a `message`, a `hint` on what to do
next, and `sent` (whether anything was sent). If arguments have the wrong shape or name, it also has `problems` with
`field`, `expected` and `example`.

In results, `start` and `end` of an event are objects like this; on an all-day event `local` is a date:

```json
{{"local": "2027-05-02T19:00:00+02:00", "utc": "2027-05-02T17:00:00Z", "timezone": "Europe/Paris", "weekday": "Sunday"}}
```
"""

_CODES = """\
## Codes

Each refusal has one of these: {codes}.
"""


def pages() -> dict[str, str]:
    """The pages made from the code: their paths from the project's root, and their texts."""
    return {
        "docs/tools.md": tools_md(),
        "docs/exports.md": exports_md(),
        "docs/rest.md": rest_md(),
        "docs/clients-forecast.md": forecast_md(),
        "docs/openapi.json": golden(),
        "llms.txt": llms_txt(),
        "cis_mcp/mcp/opening.json": opening_json(),
    }


def tools_md() -> str:
    """The page that describes every tool."""
    parts = [_HEAD.format(tiers="\n".join(_tier_row(tier) for tier in SPECS))]
    before: set[str] = set()
    for tier, specs in SPECS.items():
        parts.append(f"## {tier.capitalize()}\n")
        parts += ["\n".join(_section(spec)) for spec in specs if spec.name not in before]
        before |= {spec.name for spec in specs}
    codes = ", ".join(f"`{code}`" for code in sorted(Code))
    return "\n".join([*parts, _CODES.format(codes=codes)])


def _tier_row(tier: Tier) -> str:
    return f"| {tier} | {len(SPECS[tier])} | `cis-mcp serve{'' if tier == 'core' else f' --tier {tier}'}` |"


def _section(spec: Spec[Any]) -> Iterator[str]:
    yield f"### {spec.name}\n"
    yield " ".join((spec.handler.__doc__ or "").split()) + "\n"
    scopes = " and ".join(f"`{name}`" for name in sorted(spec.scopes)) or "that of what is undone"
    yield f"{spec.title}. {_effect(spec)} Scope of the key: {scopes}.\n"
    arguments = argument_schema(spec.arguments)
    needed = set(arguments.get("required", ()))
    rows = [_argument_row(name, node, needed) for name, node in arguments["properties"].items()]
    if rows:
        yield "| argument | type | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    schema = result_schema(spec.result)
    results = [_result_row(name, node, schema) for name, node in schema["properties"].items()]
    yield "| result | type | meaning |\n|---|---|---|\n" + "\n".join(results) + "\n"


def _effect(spec: Spec[Any]) -> str:
    hints = spec.hints
    if hints.read_only_hint:
        return "Read-only."
    mails = " Sends mail." if hints.open_world_hint else ""
    lasting = " Destructive." if hints.destructive_hint else ""
    repeat = " Idempotent." if hints.idempotent_hint else ""
    return f"Writes.{mails}{lasting}{repeat}"


def _argument_row(name: str, node: Mapping[str, Any], needed: set[str]) -> str:
    notes = [node["description"]] if node.get("description") else []
    if name not in needed and node.get("default") not in ({}, None, ""):
        notes.append(f"default `{json.dumps(node['default'])}`")
    if node.get("examples"):
        notes.append(f"example `{json.dumps(node['examples'][0], ensure_ascii=False)}`")
    mark = " (required)" if name in needed else ""
    return f"| `{name}`{mark} | {_cell(_kind(node))} | {_cell('; '.join(notes))} |"


def _result_row(name: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    return f"| `{name}` | {_cell(_kind(node, schema))} | {_cell(node.get('description', ''))} |"


def _kind(node: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> str:
    """The type in words."""
    if "$ref" in node and schema is not None:
        return _kind(schema["$defs"][node["$ref"].rsplit("/", 1)[-1]], schema)
    if "anyOf" in node:
        return " or ".join(_kind(option, schema) for option in node["anyOf"])
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if node.get("type") == "array":
        return f"list of {_kind(node.get('items', {}), schema)}"
    if node.get("properties"):
        return f"object: {', '.join(node['properties'])}"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}
    return words.get(node.get("type", ""), str(node.get("type", "anything")))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> int:
    """Write the pages that differ; with `--check`, only name them and exit 1."""
    root = Path(__file__).parents[2]
    stale = [path for path, page in pages().items() if _held(root / path) != page]
    if "--check" in sys.argv[1:]:
        sys.stderr.writelines(f"{path} is not what the code says; run “make docs”\n" for path in stale)
        return 1 if stale else 0
    for path in stale:
        (root / path).write_text(pages()[path], encoding="utf-8")
    return 0


def _held(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
