"""Checks of JSON schemas that are done once for a schema, not once for each client that lists it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator


def check_each_once() -> None:
    """Have jsonschema remember the schemas that it found valid: the MCP client has each tool's checked anew."""
    check, valid = Draft202012Validator.check_schema, set[str]()

    def check_once(schema: Mapping[str, Any], *arguments: Any, **options: Any) -> None:
        written = json.dumps([schema, repr((arguments, options))], sort_keys=True)
        if written not in valid:
            check(schema, *arguments, **options)
            valid.add(written)

    Draft202012Validator.check_schema = staticmethod(check_once)
