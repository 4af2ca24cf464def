"""What we reach into of the MCP SDK, which has no public way to it; pyproject.toml caps its version."""

from __future__ import annotations

from typing import Any

from mcp.server import MCPServer
from mcp.server.connection import Connection
from mcp.server.lowlevel import Server
from mcp.server.session import ServerSession


def low_level(server: MCPServer[Any]) -> Server[Any]:
    """The server beneath `server`, which takes handlers of any method and runs over any streams."""
    return server._lowlevel_server


def connection(session: ServerSession) -> Connection:
    """The connection of a request: its state lives as long as its client stays."""
    return session._connection
