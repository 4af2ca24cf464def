"""The tools, one module a group, and which of them a tier has."""

from typing import Any, Literal

from mcp.server.mcpserver.tools import Tool

from cis_mcp.tools import campaigns, events, explanations, invites, reports
from cis_mcp.tools.base import Desk, Spec

Tier = Literal["core", "extended"]

_CORE: tuple[Spec[Any], ...] = (*events.TOOLS, *invites.TOOLS, *campaigns.TOOLS, *reports.TOOLS)
SPECS: dict[Tier, tuple[Spec[Any], ...]] = {
    "core": _CORE,
    "extended": (*_CORE, *explanations.TOOLS),
}
"""Every model that connects reads all tools of its tier, so the core stays small."""


def tools(desk: Desk, tier: Tier = "core") -> list[Tool]:
    """The tools of `tier`, served at `desk`."""
    return [spec.at(desk) for spec in SPECS[tier]]


__all__ = ["SPECS", "Tier", "tools"]
