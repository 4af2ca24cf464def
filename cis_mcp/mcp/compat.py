"""Our use of the MCP SDK's internals, for which it has no public interface; pyproject.toml limits its version."""

from __future__ import annotations

from typing import Any

import mcp.server.mcpserver.server as sdk
from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.mcpserver.resources import ResourceTemplate
from mcp.server.session import ServerSession


def logging_left_alone() -> None:
    """Keep the SDK from configuring logging, which the process has done; the SDK would also import all of rich."""
    sdk.configure_logging = _as_it_is  # type: ignore[attr-defined]


def _as_it_is(level: str = "INFO") -> None:
    """Leave the process's log handlers unchanged."""


def low_level(server: MCPServer[Any]) -> Server[Any]:
    """The low-level server of `server`, which accepts handlers of any method and runs over any streams."""
    return server._lowlevel_server


def connection(session: ServerSession) -> Connection:
    """The connection of a request, whose state lasts as long as the client is connected."""
    return session._connection


def add_template(server: MCPServer[Any], template: ResourceTemplate) -> None:
    """Add a resource template; the SDK's own method would build a model of the arguments for each server."""
    server._resource_manager._templates[template.uri_template] = template
