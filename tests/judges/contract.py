"""The judge schemathesis: plays the OpenAPI document against the running server."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.processes import ROOT
from tests.support.waiting import DEADLINE_S

PROGRAM = ROOT / ".judges" / "python" / "bin" / "st"
_CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance"
)
"""All that a document can promise. What fits the schema and is refused all the same has a code that says why."""


def available() -> bool:
    return PROGRAM.exists()


@dataclass(frozen=True)
class Example:
    """What an operation is asked with, so that it does what it is for."""

    path: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


def with_examples(document: Mapping[str, Any], examples: Mapping[str, Example]) -> dict[str, Any]:
    """The operations of `document` that have an example, each with it."""
    found = copy.deepcopy(dict(document))
    for path, operations in list(found["paths"].items()):
        kept = {m: op for m, op in operations.items() if op["operationId"] in examples}
        for operation in kept.values():
            _put(operation, examples[operation["operationId"]])
        found["paths"][path] = kept
    found["paths"] = {path: operations for path, operations in found["paths"].items() if operations}
    return found


def _put(operation: dict[str, Any], example: Example) -> None:
    for parameter in operation["parameters"]:
        if parameter["name"] in example.path:
            parameter["example"] = example.path[parameter["name"]]
    if example.body is not None:
        (content,) = operation["requestBody"]["content"].values()
        content["example"] = dict(example.body)


@dataclass(frozen=True)
class Verdict:
    """What schemathesis found."""

    failed: bool
    report: str


async def judged(document: Mapping[str, Any], address: str, key: str, folder: Path, *, tries: int) -> Verdict:
    """Plays `document` against the server at `address`, as a program that bears `key`."""
    folder.mkdir()
    written = folder / "openapi.json"
    written.write_text(json.dumps(document))
    arguments = [str(written), "-u", address, "-H", f"x-api-key: {key}", "-c", _CHECKS, "-n", str(tries)]
    arguments += ["--phases", "examples,coverage,fuzzing", "--no-color", "--generation-deterministic"]
    arguments += ["--generation-with-security-parameters", "false", "--warnings", "off"]
    process = await asyncio.create_subprocess_exec(
        str(PROGRAM),
        "run",
        *arguments,
        "--request-timeout",
        str(DEADLINE_S),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    report, _ = await process.communicate()
    return Verdict(process.returncode != 0, report.decode())
