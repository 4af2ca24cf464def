"""All tools with their tiers, which `make docs` writes to opening.json, so that no server imports them all."""

from __future__ import annotations

from typing import Any

from cis_mcp.mcp.listed import Tier
from cis_mcp.mcp.tools import (
    attendee,
    campaigns,
    changes,
    events,
    held,
    imports,
    invites,
    keys,
    links,
    messages,
    operations,
    organizers,
    pages,
    people,
    previews,
    proposals,
    quarantine,
    record,
    refusals,
    reminders,
    reports,
    searching,
    suppressions,
    triggers,
    undoing,
    webhooks,
)
from cis_mcp.mcp.tools.base import Spec

_CORE: tuple[Spec[Any], ...] = (
    *events.TOOLS,
    *searching.TOOLS,
    *invites.TOOLS,
    *reminders.TOOLS,
    *proposals.TOOLS,
    *campaigns.TOOLS,
    *reports.TOOLS,
    *attendee.TOOLS,
    *changes.TOOLS,
)
_EXTENDED = (
    *_CORE,
    *imports.TOOLS,
    *pages.TOOLS,
    *links.TOOLS,
    *previews.TOOLS,
    *suppressions.TOOLS,
    *triggers.TOOLS,
    *webhooks.TOOLS,
    *organizers.LISTING,
    *record.TOOLS,
    *messages.TOOLS,
    *refusals.TOOLS,
    *held.LOOKING,
    *undoing.TOOLS,
    *held.DECIDING,
    *keys.TOOLS,
)

SPECS: dict[Tier, tuple[Spec[Any], ...]] = {
    "core": _CORE,
    "extended": _EXTENDED,
    "operator": (*_EXTENDED, *quarantine.TOOLS, *operations.TOOLS, *organizers.MANAGING, *people.TOOLS),
}
"""The tools by tier; each tier includes the one before."""

EVERY: dict[str, Spec[Any]] = {spec.name: spec for spec in SPECS["operator"]}
"""Every tool by name."""
