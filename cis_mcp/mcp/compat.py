"""What we reach into of the MCP SDK, which has no public way to it; pyproject.toml caps its version."""

from __future__ import annotations

from typing import Any

import mcp.server.mcpserver.server as sdk
from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.mcpserver.resources import ResourceTemplate
from mcp.server.session import ServerSession


def logging_left_alone() -> None:
    """Have no server set logging up: the process that serves has done so, and the SDK's way imports all of rich."""
    sdk.configure_logging = _as_it_is  # type: ignore[attr-defined]


def _as_it_is(level: str = "INFO") -> None:
    """Leave the handlers of the process as they are."""


def low_level(server: MCPServer[Any]) -> Server[Any]:
    """The server beneath `server`, which takes handlers of any method and runs over any streams."""
    return server._lowlevel_server


def connection(session: ServerSession) -> Connection:
    """The connection of a request: its state lives as long as its client stays."""
    return session._connection


def add_template(server: MCPServer[Any], template: ResourceTemplate) -> None:
    """Have `server` read what `template` fits; its own way would make a model of the arguments for each server."""
    server._resource_manager._templates[template.uri_template] = template
