"""The MCP prompts, read from prompts/*.md: a title, a paragraph that describes it, then the text.

`{{name | what it is}}` is an argument; later `{{name}}` alone repeats it.
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

_PLACEHOLDER = re.compile(r"\{\{\s*(?P<name>[a-z_]+)\s*(?:\|\s*(?P<what>[^{}]+?)\s*)?\}\}")
_VALUE_MAX = 5_000


class FilePrompt(Prompt):
    """A prompt of which a missing, unknown or oversized argument is an error of the caller's."""

    body: str = Field(exclude=True)

    async def render(self, arguments: dict[str, Any] | None, context: Context[Any, Any]) -> list[Message]:
        """The prompt with its arguments filled in; raises MCPError(INVALID_PARAMS)."""
        given = {name: str(value) for name, value in (arguments or {}).items()}
        known = [argument.name for argument in self.arguments or []]
        if set(given) != set(known) or any(len(value) > _VALUE_MAX for value in given.values()):
            wanted = ", ".join(known)
            raise MCPError(
                INVALID_PARAMS, f"{self.name} takes exactly these arguments, each a short text: {wanted}."
            )
        return [UserMessage(_filled(self.body, **given))]


def prompts() -> list[Prompt]:
    """All prompts, in order of their names."""
    return [_read(path) for path in sorted(_folder().glob("*.md"))]


def _folder() -> Path:
    """Inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parent / "prompts"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "prompts"


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
    found: dict[str, str | None] = {}
    for match in _PLACEHOLDER.finditer(body):
        found.setdefault(match["name"], match["what"])
    return [PromptArgument(name=name, description=what, required=True) for name, what in found.items()]


def _filled(body: str, **values: str) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match["name"]], body)
