"""The tools, one module a group."""

from typing import Any

from mcp.server.mcpserver.tools import Tool

from cis_mcp.tools import campaigns, events, invites, reports
from cis_mcp.tools.base import Desk, Spec

SPECS: tuple[Spec[Any], ...] = (*events.TOOLS, *invites.TOOLS, *campaigns.TOOLS, *reports.TOOLS)


def tools(desk: Desk) -> list[Tool]:
    """All tools, served at `desk`."""
    return [spec.at(desk) for spec in SPECS]


__all__ = ["SPECS", "tools"]
