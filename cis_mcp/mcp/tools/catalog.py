"""Which tools there are, and in which tier each is."""

from __future__ import annotations

from typing import Any, Literal

from cis_mcp.mcp.tools import (
    campaigns,
    changes,
    events,
    explanations,
    imports,
    invites,
    operations,
    proposals,
    quarantine,
    reports,
    searching,
)
from cis_mcp.mcp.tools.base import Spec

Tier = Literal["core", "extended", "operator"]

_CORE: tuple[Spec[Any], ...] = (
    *events.TOOLS,
    *searching.TOOLS,
    *invites.TOOLS,
    *campaigns.TOOLS,
    *reports.TOOLS,
)
_EXTENDED = (*_CORE, *explanations.TOOLS, *changes.TOOLS, *proposals.TOOLS, *imports.TOOLS)

SPECS: dict[Tier, tuple[Spec[Any], ...]] = {
    "core": _CORE,
    "extended": _EXTENDED,
    "operator": (*_EXTENDED, *quarantine.TOOLS, *operations.TOOLS),
}
"""Every model that connects reads all tools of its tier, so the core stays small; each tier holds the one before."""

EVERY: dict[str, Spec[Any]] = {spec.name: spec for spec in SPECS["operator"]}
"""Every tool by its name."""
