"""What we reach into of the MCP SDK, which has no public way to it; pyproject.toml caps its version."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.mcpserver.resources import ResourceTemplate
from mcp.server.session import ServerSession


def low_level(server: MCPServer[Any]) -> Server[Any]:
    """The server beneath `server`, which takes handlers of any method and runs over any streams."""
    return server._lowlevel_server


def connection(session: ServerSession) -> Connection:
    """The connection of a request: its state lives as long as its client stays."""
    return session._connection


def add_template(server: MCPServer[Any], template: ResourceTemplate) -> None:
    """Have `server` read what `template` fits; its own way would make a model of the arguments for each server."""
    server._resource_manager._templates[template.uri_template] = template
