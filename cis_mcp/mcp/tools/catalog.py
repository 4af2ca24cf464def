"""Which tools there are, and in which tier each is."""

from __future__ import annotations

from typing import Any, Literal

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

Tier = Literal["core", "extended", "operator"]

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
    *held.TOOLS,
    *undoing.TOOLS,
    *held.DECIDING,
    *keys.TOOLS,
)

SPECS: dict[Tier, tuple[Spec[Any], ...]] = {
    "core": _CORE,
    "extended": _EXTENDED,
    "operator": (*_EXTENDED, *quarantine.TOOLS, *operations.TOOLS, *organizers.TOOLS, *people.TOOLS),
}
"""Every model that connects reads all tools of its tier, so the core stays small; each tier holds the one before."""

RENAMED = {
    "explain_send": "get_attendee",
    "list_proposals": "get_event",
    "accept_proposal": "answer_proposal",
    "decline_proposal": "answer_proposal",
}
"""Tools that were there before, and what stands for them."""

EVERY: dict[str, Spec[Any]] = {spec.name: spec for spec in SPECS["operator"]}
"""Every tool by its name."""
