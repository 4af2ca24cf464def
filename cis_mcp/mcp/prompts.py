"""The MCP prompts, read from prompts/*.md: a title, a paragraph that describes it, then the text.

`{{name | what it is}}` is an argument, `{{name? | what it is}}` one that may be left out; later `{{name}}` alone
repeats it.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from mcp.server.mcpserver.context import Context
from mcp.server.mcpserver.prompts import Prompt
from mcp.server.mcpserver.prompts.base import Message, PromptArgument, UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from pydantic import Field

from cis_mcp.views.files import beside

_PLACEHOLDER = re.compile(r"\{\{\s*(?P<name>[a-z_]+)(?P<optional>\?)?\s*(?:\|\s*(?P<what>[^{}]+?)\s*)?\}\}")
_VALUE_MAX = 5_000
_LEFT_OUT = "not said"


class FilePrompt(Prompt):
    """A prompt of which a missing, unknown or oversized argument is an error of the caller's."""

    body: str = Field(exclude=True)

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> list[Message]:
        """The prompt with its arguments filled in; raises MCPError(INVALID_PARAMS)."""
        given = {name: str(value) for name, value in (arguments or {}).items()}
        known = self.arguments or []
        needed = {argument.name for argument in known if argument.required}
        named = needed <= set(given) <= {argument.name for argument in known}
        if not named or any(len(value) > _VALUE_MAX for value in given.values()):
            wanted = ", ".join(a.name if a.required else f"{a.name} (may be left out)" for a in known)
            raise MCPError(INVALID_PARAMS, f"{self.name} takes these arguments, each a short text: {wanted}.")
        return [UserMessage(_filled(self.body, **given))]


def prompts() -> list[Prompt]:
    """All prompts, in order of their names."""
    return [_read(path) for path in sorted(beside("prompts").glob("*.md"))]


def _read(path: Path) -> Prompt:
    title, description, body = path.read_text(encoding="utf-8").split("\n\n", 2)
    return FilePrompt(
        name=path.stem.replace("-", "_"),
        title=title.removeprefix("#").strip(),
        description=" ".join(description.split()),
        arguments=_arguments(body),
        body=body.strip(),
        fn=partial(_filled, body.strip()),
    )


def _arguments(body: str) -> list[PromptArgument]:
    found: dict[str, PromptArgument] = {}
    for match in _PLACEHOLDER.finditer(body):
        argument = PromptArgument(
            name=match["name"], description=match["what"], required=not match["optional"]
        )
        found.setdefault(argument.name, argument)
    return list(found.values())


def _filled(body: str, **values: str) -> str:
    return _PLACEHOLDER.sub(lambda match: values.get(match["name"]) or _LEFT_OUT, body)
